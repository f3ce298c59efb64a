import type { JsonObject } from "../../lib/json-value.ts";
import type { Usage } from "../../model/operation.ts";

/** Usage as messages tell it: input without what was read from and written to the cache. Unknown counts are left out or null, but for the two that clients add up. */
export function encodeUsage(usage: Usage | null): JsonObject & { readonly input_tokens: number; readonly output_tokens: number } {
  const input = (usage?.inputTokens ?? 0) - (usage?.cacheReadTokens ?? 0) - (usage?.cacheWriteTokens ?? 0);
  return {
    input_tokens: Math.max(input, 0),
    output_tokens: usage?.outputTokens ?? 0,
    cache_read_input_tokens: usage?.cacheReadTokens ?? null,
    cache_creation_input_tokens: usage?.cacheWriteTokens ?? null,
    ...(usage?.reasoningTokens === null || usage === null ? {} : { output_tokens_details: { thinking_tokens: usage.reasoningTokens } }),
  };
}
