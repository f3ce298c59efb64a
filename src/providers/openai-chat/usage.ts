import type { CompletionUsage } from "openai/resources/completions";
import type { Usage } from "../../model/operation.ts";

/** Usage as chat completions tell it: input with what was cached, output with reasoning. Null when nothing is known, never zeros. */
export function encodeUsage(usage: Usage | null): CompletionUsage | null {
  if (usage === null || usage.inputTokens === null || usage.outputTokens === null) return null;
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
    ...(usage.cacheReadTokens === null && usage.cacheWriteTokens === null
      ? {}
      : {
          prompt_tokens_details: {
            ...(usage.cacheReadTokens === null ? {} : { cached_tokens: usage.cacheReadTokens }),
            ...(usage.cacheWriteTokens === null ? {} : { cache_write_tokens: usage.cacheWriteTokens }),
          },
        }),
    ...(usage.reasoningTokens === null ? {} : { completion_tokens_details: { reasoning_tokens: usage.reasoningTokens } }),
  };
}
