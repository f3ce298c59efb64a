import type { EgressEvent } from "../../src/index.ts";

/** A CloudEvent 1.0 in the structured JSON format, before it is written out. */
export type CloudEvent = Readonly<Record<string, unknown>>;

/** Attributes that an override may not touch: they say what the event is. */
const CORE: ReadonlySet<string> = new Set(["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "data", "data_base64"]);

/** Makes the CloudEvent of an event. `id` must be unique per `source`, and the same when the event is sent again, so that receivers can tell. */
export function toCloudEvent(
  event: EgressEvent,
  options: { readonly id: string; readonly source: string; readonly extensions: Readonly<Record<string, string>> },
): CloudEvent {
  return {
    ...options.extensions,
    specversion: "1.0",
    id: options.id,
    source: options.source,
    type: `dev.spillway.${event.type}.v1`,
    // CloudEvents forbids an empty subject.
    ...(event.subject === "" ? {} : { subject: event.subject }),
    time: new Date(event.time).toISOString(),
    datacontenttype: "application/json",
    data: event.data,
  };
}

/** Reads `K_CE_OVERRIDES` (Knative: `{"extensions": {"name": "value"}}`). Throws a plain sentence when it is not of that form. */
export function readOverrides(text: string | undefined): Readonly<Record<string, string>> {
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

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
