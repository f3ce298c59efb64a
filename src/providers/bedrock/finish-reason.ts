import type { StopReason } from "@aws-sdk/client-bedrock-runtime";
import type { Finish, FinishReason } from "../pivot/answer.ts";

const REASONS: Readonly<Record<StopReason, FinishReason>> = {
  end_turn: "stop",
  tool_use: "tool_calls",
  max_tokens: "length",
  stop_sequence: "stop_sequence",
  content_filtered: "content_filter",
  guardrail_intervened: "content_filter",
  malformed_model_output: "malformed",
  malformed_tool_use: "malformed",
  model_context_window_exceeded: "context",
};

export function decodeFinish(word: string | null): Finish {
  // `as`: asked with hasOwn first.
  const reason = word !== null && Object.hasOwn(REASONS, word) ? REASONS[word as StopReason] : "stop";
  return { reason, stopSequence: null, raw: word, detail: null };
}
