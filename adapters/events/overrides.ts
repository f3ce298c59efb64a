import type { CloudEvent, EventPublisher } from "../../src/index.ts";

/** Attributes that an override may not touch: they say what the event is. */
const CORE: ReadonlySet<string> = new Set(["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "data", "data_base64"]);

/** Reads `K_CE_OVERRIDES` (Knative: `{"extensions": {"name": "value"}}`). Throws a plain sentence when it is not of that form. */
export function readOverrides(text: string | undefined): CloudEvent["extensions"] {
  if (text === undefined || text.trim() === "") return {};
  const wrong = new Error('K_CE_OVERRIDES must be {"extensions": {"name": "value"}} with names of lower-case letters and digits');
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw wrong;
  }
  if (!isRecord(parsed)) throw wrong;
  const extensions = parsed["extensions"] ?? {};
  if (!isRecord(extensions)) throw wrong;
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(extensions)) {
    if (!/^[a-z0-9]{1,64}$/.test(name) || typeof value !== "string" || CORE.has(name)) throw wrong;
    result[name] = value;
  }
  return result;
}

/** Adds the extension attributes to every event on its way out; they win over the event's own, as Knative demands. */
export function withOverrides(publisher: EventPublisher, extensions: CloudEvent["extensions"]): EventPublisher {
  if (Object.keys(extensions).length === 0) return publisher;
  return {
    maxBatch: publisher.maxBatch,
    publish: (events, signal) =>
      publisher.publish(
        events.map((event) => ({ ...event, extensions: { ...event.extensions, ...extensions } })),
        signal,
      ),
    close: () => publisher.close(),
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
