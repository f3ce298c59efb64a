import type { CloudEvent } from "../model/cloud-event.ts";

/** The event in the JSON format (structured mode), as an object for `JSON.stringify`. */
export function structuredCloudEvent(event: CloudEvent): Readonly<Record<string, unknown>> {
  const { data } = event;
  return {
    ...event.extensions,
    specversion: "1.0",
    id: event.id,
    source: event.source,
    type: event.type,
    // CloudEvents forbids an empty subject.
    ...(event.subject === null || event.subject === "" ? {} : { subject: event.subject }),
    ...(event.time === null ? {} : { time: event.time }),
    ...(event.dataContentType === null ? {} : { datacontenttype: event.dataContentType }),
    ...(event.dataSchema === null ? {} : { dataschema: event.dataSchema }),
    ...(data.kind === "json" ? { data: data.value } : {}),
    ...(data.kind === "text" ? { data: data.text } : {}),
    ...(data.kind === "bytes" ? { data_base64: base64OfBytes(data.bytes) } : {}),
  };
}

/** RFC 4648 section 4. */
export function base64OfBytes(bytes: Uint8Array): string {
  let binary = "";
  // In pieces: a call takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 8_192) binary += String.fromCharCode(...bytes.subarray(at, at + 8_192));
  return btoa(binary);
}
