import type { WireError } from "../../model/dialect-wire.ts";
import { eventType } from "../event-type.ts";
import { errorBody } from "./error-body.ts";

/** The error in the middle of a stream. The SDK raises it by the event's name. */
export function errorEvent(error: WireError): string {
  return `event: error\ndata: ${errorBody(error)}\n\n`;
}

export function isErrorEvent(eventName: string | null, data: string): boolean {
  return eventName === "error" || (eventName === null && eventType(data) === "error");
}

/** `message_stop` ends a good message. */
export function isEndEvent(eventName: string | null, data: string): boolean {
  return (eventName ?? eventType(data)) === "message_stop";
}
