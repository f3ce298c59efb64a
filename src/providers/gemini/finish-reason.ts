import type { JsonObject } from "../../lib/json-value.ts";
import { asObject, asString } from "../../lib/json-value.ts";
import type { Finish, FinishReason } from "../pivot/answer.ts";

const REASONS: Readonly<Record<string, FinishReason>> = {
  STOP: "stop",
  MAX_TOKENS: "length",
  SAFETY: "content_filter",
  RECITATION: "content_filter",
  LANGUAGE: "content_filter",
  BLOCKLIST: "content_filter",
  PROHIBITED_CONTENT: "content_filter",
  SPII: "content_filter",
  IMAGE_SAFETY: "content_filter",
  IMAGE_PROHIBITED_CONTENT: "content_filter",
  IMAGE_RECITATION: "content_filter",
  MALFORMED_FUNCTION_CALL: "malformed",
  UNEXPECTED_TOOL_CALL: "malformed",
  TOO_MANY_TOOL_CALLS: "malformed",
  MALFORMED_RESPONSE: "malformed",
  MISSING_THOUGHT_SIGNATURE: "malformed",
  OTHER: "malformed",
  NO_IMAGE: "malformed",
  IMAGE_OTHER: "malformed",
};

/** `called`: a function was called somewhere in the answer, of which the reason says nothing (STOP). */
export function decodeFinish(word: string, message: string | null, called: boolean): Finish {
  const reason = Object.hasOwn(REASONS, word) ? (REASONS[word] ?? "stop") : "stop";
  return { reason: reason === "stop" && called ? "tool_calls" : reason, stopSequence: null, raw: word, detail: message };
}

/** A prompt that was blocked has no candidates at all; null: it was not. */
export function blockedPrompt(answer: JsonObject): Finish | null {
  const feedback = asObject(answer["promptFeedback"]);
  const reason = asString(feedback?.["blockReason"]);
  if (reason === null) return null;
  const detail = asString(feedback?.["blockReasonMessage"]) ?? `The provider blocked the prompt (${reason}).`;
  return { reason: "refusal", stopSequence: null, raw: reason, detail };
}
