import { asCount, asObject } from "../../lib/json-value.ts";
import type { Usage } from "../../model/operation.ts";
import { sumFrom } from "../usage.ts";

/** `input_tokens` leaves out what was read from and written to the cache: they are added. Null when there is no usage object. */
export function readUsage(value: unknown): Usage | null {
  const usage = asObject(value);
  if (usage === null) return null;
  const cacheReadTokens = asCount(usage["cache_read_input_tokens"]);
  const cacheWriteTokens = asCount(usage["cache_creation_input_tokens"]);
  return {
    inputTokens: sumFrom(asCount(usage["input_tokens"]), cacheReadTokens, cacheWriteTokens),
    outputTokens: asCount(usage["output_tokens"]),
    cacheReadTokens,
    cacheWriteTokens,
    reasoningTokens: asCount(asObject(usage["output_tokens_details"])?.["thinking_tokens"]),
  };
}
