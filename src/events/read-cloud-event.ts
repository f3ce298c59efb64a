import { asObject, asString, isNestedWithin, type JsonObject } from "../lib/json-value.ts";
import { toBytes } from "../lib/utf8.ts";
import type { CloudEvent, EventData } from "../model/cloud-event.ts";
import { EventFault } from "./event-fault.ts";

/** Attributes of the specification; everything else beside the data is an extension. */
const CORE: ReadonlySet<string> = new Set(["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "data", "data_base64"]);
/** CloudEvents 1.0 section 3.1: lower-case letters and digits. Twenty is a recommendation that senders in the wild do not keep. */
const EXTENSION = /^[a-z0-9]{1,64}$/;
const MAX_ATTRIBUTE = 2_048;
const MAX_EXTENSIONS = 64;
/** Levels of objects and arrays in data. What is read is written again later, and named by what is written. */
const MAX_LEVELS = 256;

/** A CloudEvent in the JSON format (structured mode). Throws `EventFault`. */
export function readStructured(value: unknown): CloudEvent {
  const object = asObject(value);
  if (object === null) throw new EventFault("a CloudEvent in JSON is an object");
  const dataContentType = attribute(object, "datacontenttype");
  const event = readAttributes((name) => object[name], Object.keys(object));
  return { ...event, dataContentType, data: readData(object, dataContentType) };
}

/** What all modes share: `read` gives an attribute by its name, `names` are all that there are. The data is the caller's to add. */
export function readAttributes(read: (name: string) => unknown, names: readonly string[]): Omit<CloudEvent, "data" | "dataContentType"> {
  const version = read("specversion");
  if (version !== "1.0") throw new EventFault(`specversion must be 1.0${typeof version === "string" ? "" : ", and is missing"}`);
  const text = (name: string): string | null => {
    const value = read(name);
    if (value === undefined || value === null) return null;
    if (typeof value !== "string" || value === "" || value.length > MAX_ATTRIBUTE || hasControl(value)) {
      throw new EventFault(`the attribute ${name} must be text of 1 to ${MAX_ATTRIBUTE} characters without control characters`);
    }
    return value;
  };
  const required = (name: string): string => {
    const value = text(name);
    if (value === null) throw new EventFault(`the attribute ${name} is missing`);
    return value;
  };
  const extensions: Record<string, string> = {};
  let count = 0;
  for (const name of names) {
    if (CORE.has(name)) continue;
    const value = read(name);
    if (value === undefined || value === null) continue;
    count += 1;
    if (!EXTENSION.test(name) || count > MAX_EXTENSIONS)
      throw new EventFault("an extension attribute has a name that is not of lower-case letters and digits, or there are too many");
    const written = typeof value === "string" || typeof value === "boolean" || typeof value === "number" ? String(value) : null;
    if (written === null || written.length > MAX_ATTRIBUTE || hasControl(written))
      throw new EventFault(`the extension attribute ${name} has a value that cannot be read`);
    extensions[name] = written;
  }
  const source = required("source");
  if (/[\s<>"{}|\\^`]/.test(source)) throw new EventFault("the attribute source must be a URI reference");
  return { id: required("id"), source, type: required("type"), subject: text("subject"), time: text("time"), dataSchema: text("dataschema"), extensions };
}

/** Data that came as bytes of this media type: JSON is parsed, text decoded, anything else kept. Throws `EventFault`. */
export function dataOfBytes(bytes: Uint8Array, contentType: string | null): EventData {
  if (bytes.length === 0) return { kind: "none" };
  const json = contentType === null || isJson(contentType);
  if (!json && !isText(contentType)) return { kind: "bytes", bytes };
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new EventFault("the data is said to be text or JSON and is not UTF-8");
  }
  if (!json) return { kind: "text", text };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new EventFault("the data is said to be JSON and is not");
  }
  return jsonData(value);
}

function jsonData(value: unknown): EventData {
  if (!isNestedWithin(value, MAX_LEVELS)) throw new EventFault(`the data has more than ${MAX_LEVELS} levels of objects and arrays`);
  return { kind: "json", value };
}

function readData(object: JsonObject, contentType: string | null): EventData {
  const { data, data_base64: base64 } = object;
  if (base64 !== undefined && base64 !== null) {
    if (data !== undefined) throw new EventFault("data and data_base64 stand together: one of them must go");
    const bytes = typeof base64 === "string" ? bytesOfBase64(base64) : null;
    if (bytes === null) throw new EventFault("data_base64 is not base64");
    // What it holds may be JSON all the same: senders that never look inside write everything so.
    return dataOfBytes(bytes, contentType ?? "application/octet-stream");
  }
  if (data === undefined) return { kind: "none" };
  // JSON format section 3.1: without a media type, or with a JSON one, `data` is the JSON value itself; else it is a string.
  if (contentType === null || isJson(contentType)) return jsonData(data);
  if (typeof data !== "string") return jsonData(data);
  return isText(contentType) ? { kind: "text", text: data } : { kind: "bytes", bytes: toBytes(data) };
}

/** Null: not base64 (RFC 4648 section 4; the URL alphabet is not accepted). */
export function bytesOfBase64(text: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}

function attribute(object: JsonObject, name: string): string | null {
  const value = object[name];
  if (value === undefined || value === null) return null;
  const text = asString(value);
  if (text === null || text === "" || text.length > MAX_ATTRIBUTE || hasControl(text)) throw new EventFault(`the attribute ${name} must be text`);
  return text;
}

export function isJson(contentType: string): boolean {
  return /^[\w.+-]+\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(contentType.trim());
}

export function isText(contentType: string): boolean {
  return /^(?:text\/|application\/(?:[\w.+-]+\+)?xml\b)/i.test(contentType.trim());
}

function hasControl(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come through
  return /[\u0000-\u001f\u007f-\u009f]|\p{Surrogate}/u.test(text);
}
