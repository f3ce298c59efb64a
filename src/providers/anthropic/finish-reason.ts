import type { StopReason } from "@anthropic-ai/sdk/resources/messages";
import type { JsonObject } from "../../lib/json-value.ts";
import { asObject, asString } from "../../lib/json-value.ts";
import type { Finish, FinishReason } from "../pivot/answer.ts";

const WORDS: Readonly<Record<FinishReason, StopReason>> = {
  stop: "end_turn",
  stop_sequence: "stop_sequence",
  length: "max_tokens",
  context: "model_context_window_exceeded",
  tool_calls: "tool_use",
  content_filter: "refusal",
  refusal: "refusal",
  pause: "pause_turn",
  // The provider gave up on a call of a tool that it could not read: the turn is over.
  malformed: "end_turn",
};

export function stopReason(finish: Finish): StopReason {
  return WORDS[finish.reason];
}

/** `stop_details` of a refusal; the category is the provider's own and unknown here. */
export function stopDetails(finish: Finish): { readonly type: "refusal"; readonly category: null; readonly explanation: string | null } | null {
  return stopReason(finish) === "refusal" ? { type: "refusal", category: null, explanation: finish.detail } : null;
}

/** From a message or the delta that closes one. */
export function decodeFinish(holder: JsonObject): Finish {
  const raw = asString(holder["stop_reason"]);
  const details = asObject(holder["stop_details"]);
  return { reason: reasonOf(raw), stopSequence: asString(holder["stop_sequence"]), raw, detail: asString(details?.["explanation"]) };
}

function reasonOf(raw: string | null): FinishReason {
  switch (raw) {
    case "max_tokens":
      return "length";
    case "stop_sequence":
      return "stop_sequence";
    case "tool_use":
      return "tool_calls";
    case "pause_turn":
      return "pause";
    case "refusal":
      return "refusal";
    case "model_context_window_exceeded":
      return "context";
    default:
      return "stop";
  }
}
