import type { CloudEvent, EgressEvent } from "../../src/index.ts";

/**
 * The CloudEvent of something that happened in the broker. Its id is new with each call, so that whoever sends an event again must send what this gave.
 * Throws where the event's time is none.
 */
export function egressCloudEvent(event: EgressEvent, source: string): CloudEvent {
  return {
    id: crypto.randomUUID(),
    source,
    type: `dev.spillway.${event.type}.v1`,
    // CloudEvents forbids an empty subject.
    subject: event.subject === "" ? null : event.subject,
    time: new Date(event.time).toISOString(),
    dataContentType: "application/json",
    dataSchema: null,
    extensions: {},
    data: { kind: "json", value: event.data },
  };
}
