import type { ResponseErrorEvent } from "openai/resources/responses/responses";
import { asObject, asString, parseJson } from "../../lib/json-value.ts";
import type { WireError } from "../../model/dialect-wire.ts";
import type { Operation } from "../../model/operation.ts";
import { errorBody } from "./error-body.ts";

/**
 * The error in the middle of a stream. The SDKs raise it by the event's name or by the `error` member; both are there,
 * since other readers know only one of them. The Responses API has an event of its own for it.
 */
export function errorEvent(error: WireError, operation: Operation): string {
  if (operation.name !== "responses") return `event: error\ndata: ${errorBody(error)}\n\n`;
  // The number of events that have passed is not counted: the SDKs read it, none checks it.
  const event: ResponseErrorEvent = { type: "error", code: error.code, message: error.message, param: null, sequence_number: 0 };
  return `event: error\ndata: ${JSON.stringify(event)}\n\n`;
}

/** Whether an event is an error: by its name, by `type`, or by an `error` member. */
export function isErrorEvent(eventName: string | null, data: string): boolean {
  if (eventName === "error" || eventName === "response.failed") return true;
  if (!data.includes('"error"') && !data.includes('"response.failed"')) return false;
  const event = asObject(parseJson(data));
  if (event === null) return false;
  const type = asString(event["type"]);
  if (type === "error" || type === "response.failed") return true;
  return event["error"] !== undefined && event["error"] !== null;
}
