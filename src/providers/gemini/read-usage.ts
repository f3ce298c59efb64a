import { asCount, asObject } from "../../lib/json-value.ts";
import type { Usage } from "../../model/operation.ts";
import { sumFrom } from "../usage.ts";

/** `promptTokenCount` has what was cached; thoughts and what tools of the provider read are counted beside. Null when there is no usage object. */
export function readUsage(value: unknown): Usage | null {
  const usage = asObject(value);
  if (usage === null) return null;
  const thoughts = asCount(usage["thoughtsTokenCount"]);
  const prompt = asCount(usage["promptTokenCount"]);
  // An answer of nothing but thoughts has no count of its own text.
  const written = asCount(usage["candidatesTokenCount"]) ?? (thoughts === null && prompt === null ? null : 0);
  return {
    inputTokens: sumFrom(prompt, asCount(usage["toolUsePromptTokenCount"])),
    outputTokens: sumFrom(written, thoughts),
    cacheReadTokens: asCount(usage["cachedContentTokenCount"]),
    cacheWriteTokens: null,
    reasoningTokens: thoughts,
  };
}
