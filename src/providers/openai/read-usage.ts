import { asCount, asObject } from "../../lib/json-value.ts";
import type { Usage } from "../../model/operation.ts";

/**
 * Chat, completions and embeddings count `prompt_tokens` and `completion_tokens`, the Responses API `input_tokens` and
 * `output_tokens`. Input includes what was cached, output includes reasoning. Null when there is no usage object.
 */
export function readUsage(value: unknown): Usage | null {
  const usage = asObject(value);
  if (usage === null) return null;
  const inputDetails = asObject(usage["prompt_tokens_details"]) ?? asObject(usage["input_tokens_details"]);
  const outputDetails = asObject(usage["completion_tokens_details"]) ?? asObject(usage["output_tokens_details"]);
  return {
    inputTokens: asCount(usage["prompt_tokens"]) ?? asCount(usage["input_tokens"]),
    outputTokens: asCount(usage["completion_tokens"]) ?? asCount(usage["output_tokens"]),
    cacheReadTokens: asCount(inputDetails?.["cached_tokens"]),
    cacheWriteTokens: asCount(inputDetails?.["cache_write_tokens"]),
    reasoningTokens: asCount(outputDetails?.["reasoning_tokens"]),
  };
}
