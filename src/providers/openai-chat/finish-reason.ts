import type { Finish, FinishReason } from "../pivot/answer.ts";

/** OpenAI's word for the end of an answer. */
export type ChatFinishReason = "stop" | "length" | "tool_calls" | "content_filter";

const WORDS: Readonly<Record<FinishReason, ChatFinishReason>> = {
  stop: "stop",
  stop_sequence: "stop",
  length: "length",
  context: "length",
  tool_calls: "tool_calls",
  content_filter: "content_filter",
  refusal: "content_filter",
  // No equal: the provider's own word stands beside it.
  pause: "stop",
  malformed: "stop",
};

export function finishWord(finish: Finish): ChatFinishReason {
  return WORDS[finish.reason];
}

/** The provider's word, where OpenAI's says less: `native_finish_reason`, as OpenRouter names it. */
export function nativeFinish(finish: Finish): { readonly native_finish_reason?: string } {
  const says = finish.reason === "pause" || finish.reason === "malformed" || finish.reason === "context" || finish.reason === "refusal";
  return says && finish.raw !== null ? { native_finish_reason: finish.raw } : {};
}

export function decodeFinish(word: string | null, refused: boolean): Finish {
  const base = { stopSequence: null, raw: word, detail: null };
  switch (word) {
    case "length":
      return { reason: "length", ...base };
    case "tool_calls":
    case "function_call":
      return { reason: "tool_calls", ...base };
    case "content_filter":
      return { reason: "content_filter", ...base };
    default:
      return { reason: refused ? "refusal" : "stop", ...base };
  }
}
