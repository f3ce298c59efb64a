import type { CloudEvent } from "../../src/index.ts";

/** A CloudEvent in the structured JSON format, as an object. */
export function structuredCloudEvent(event: CloudEvent): Readonly<Record<string, unknown>> {
  return {
    ...event.extensions,
    specversion: "1.0",
    id: event.id,
    source: event.source,
    type: event.type,
    ...(event.subject === null ? {} : { subject: event.subject }),
    ...(event.time === null ? {} : { time: event.time }),
    ...(event.dataContentType === null ? {} : { datacontenttype: event.dataContentType }),
    ...(event.dataSchema === null ? {} : { dataschema: event.dataSchema }),
    ...payloadOf(event.data),
  };
}

function payloadOf(data: CloudEvent["data"]): Readonly<Record<string, unknown>> {
  if (data.kind === "json") return { data: data.value };
  if (data.kind === "text") return { data: data.text };
  return data.kind === "bytes" ? { data_base64: base64Of(data.bytes) } : {};
}

function base64Of(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
