import { find } from "../lib/header-list.ts";
import type { CloudEvent } from "../model/cloud-event.ts";
import type { HeaderList } from "../model/http.ts";
import { EventFault } from "./event-fault.ts";
import { dataOfBytes, readAttributes } from "./read-cloud-event.ts";
import { readEventJson } from "./read-event-json.ts";

/** Events of one HTTP message, and whether it is a batch: the answer to a batch is a batch. */
export interface EventMessage {
  readonly batched: boolean;
  readonly events: readonly CloudEvent[];
}

const MAX_BATCH = 100;
const PREFIX = "ce-";

/** Reads an HTTP message in binary, structured or batched mode (CloudEvents HTTP binding 1.0), or a Pub/Sub push. Throws `EventFault`. */
export function readEventMessage(headers: HeaderList, body: Uint8Array): EventMessage {
  const contentType = find(headers, "content-type");
  const media = (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (media === "application/cloudevents+json") return { batched: false, events: [readEventJson(jsonOf(body))] };
  if (media === "application/cloudevents-batch+json") {
    const list = jsonOf(body);
    if (!Array.isArray(list)) throw new EventFault("a batch of CloudEvents is a JSON array");
    if (list.length > MAX_BATCH) throw new EventFault(`a batch may have at most ${MAX_BATCH} events`, 413);
    return { batched: true, events: list.map(readEventJson) };
  }
  if (media.startsWith("application/cloudevents")) throw new EventFault("only the JSON format of CloudEvents is read: application/cloudevents+json", 415);
  if (find(headers, "ce-specversion") === null) {
    // Pub/Sub pushes without any header of its own.
    if (media === "application/json") return { batched: false, events: [readEventJson(jsonOf(body))] };
    throw new EventFault("this is no CloudEvent: neither ce- headers nor content-type application/cloudevents+json", 415);
  }
  return { batched: false, events: [readBinary(headers, body, contentType)] };
}

function readBinary(headers: HeaderList, body: Uint8Array, contentType: string | null): CloudEvent {
  const attributes = new Map<string, string>();
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = (headers[index] ?? "").toLowerCase();
    if (!name.startsWith(PREFIX)) continue;
    const attribute = name.slice(PREFIX.length);
    // Two values for one attribute would be two events to two readers.
    if (attributes.has(attribute)) throw new EventFault(`the header ${name} stands twice`);
    attributes.set(attribute, decodeHeader(headers[index + 1] ?? ""));
  }
  const event = readAttributes((name) => attributes.get(name), [...attributes.keys()]);
  return { ...event, dataContentType: contentType, data: dataOfBytes(body, contentType) };
}

/** HTTP binding section 3.1.3.2: percent-encoded UTF-8, and quotes that some senders put around it. */
function decodeHeader(value: string): string {
  const bare = value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, "$1") : value;
  try {
    return decodeURIComponent(bare);
  } catch {
    // A bare percent sign is what the sender meant then.
    return bare;
  }
}

function jsonOf(body: Uint8Array): unknown {
  const data = dataOfBytes(body, "application/json");
  if (data.kind !== "json") throw new EventFault("the body is empty");
  return data.value;
}
