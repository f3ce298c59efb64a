import { asCount, asObject } from "../../lib/json-value.ts";
import { type ServiceTier, UNKNOWN_USAGE, type Usage } from "../../model/operation.ts";
import { sumFrom, tierOf } from "../usage.ts";

/** OpenAI's own words, and Groq's. `scale` is capacity that was bought. `auto` and `fast` are asked for, never answered. */
const TIERS: ReadonlyMap<string, ServiceTier | null> = new Map<string, ServiceTier | null>([
  ["default", "standard"],
  ["standard", "standard"],
  ["on_demand", "standard"],
  ["flex", "flex"],
  ["priority", "priority"],
  ["fast", "priority"],
  ["scale", "prepaid"],
  ["batch", "batch"],
  ["auto", null],
]);

/**
 * Chat, completions and embeddings count `prompt_tokens` and `completion_tokens`, the Responses API `input_tokens` and
 * `output_tokens`. Input includes what was cached, output includes reasoning and what was predicted in vain. Null when there is no usage object.
 * `tier` is the answer's `service_tier`, which stands beside it.
 */
export function readUsage(value: unknown, tier: unknown): Usage | null {
  const usage = asObject(value);
  if (usage === null) return null;
  const input = asObject(usage["prompt_tokens_details"]) ?? asObject(usage["input_tokens_details"]);
  const output = asObject(usage["completion_tokens_details"]) ?? asObject(usage["output_tokens_details"]);
  const inputTokens = asCount(usage["prompt_tokens"]) ?? asCount(usage["input_tokens"]);
  const written = asCount(usage["completion_tokens"]) ?? asCount(usage["output_tokens"]);
  const reasoningTokens = asCount(output?.["reasoning_tokens"]);
  return {
    ...UNKNOWN_USAGE,
    inputTokens,
    outputTokens: countsReasoningBeside(inputTokens, written, reasoningTokens, usage["total_tokens"]) ? sumFrom(written, reasoningTokens) : written,
    // DeepSeek and Moonshot count it beside the details.
    cacheReadTokens: asCount(input?.["cached_tokens"]) ?? asCount(usage["prompt_cache_hit_tokens"]) ?? asCount(usage["cached_tokens"]),
    cacheWriteTokens: asCount(input?.["cache_write_tokens"]),
    reasoningTokens,
    audioInputTokens: asCount(input?.["audio_tokens"]),
    audioOutputTokens: asCount(output?.["audio_tokens"]),
    imageInputTokens: asCount(input?.["image_tokens"]),
    imageOutputTokens: asCount(output?.["image_tokens"]),
    serviceTier: tierOf(tier, TIERS),
  };
}

/** xAI leaves reasoning out of the output, and only its total shows it. */
function countsReasoningBeside(input: number | null, written: number | null, reasoning: number | null, total: unknown): boolean {
  return input !== null && written !== null && reasoning !== null && reasoning > 0 && total === input + written + reasoning;
}
