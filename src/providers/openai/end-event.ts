import type { Operation } from "../../model/operation.ts";
import { eventType } from "../event-type.ts";

/** The events that end a response; the last two end it without success, but they end it. */
const RESPONSE_ENDS: ReadonlySet<string> = new Set(["response.completed", "response.incomplete", "response.failed", "response.cancelled"]);

/** `[DONE]`; for the Responses API its own closing events (servers that also send `[DONE]` send it after them). */
export function isEndEvent(eventName: string | null, data: string, operation: Operation): boolean {
  if (operation.name !== "responses") return data.trim() === "[DONE]";
  const type = eventName ?? eventType(data);
  return type !== null && RESPONSE_ENDS.has(type);
}
