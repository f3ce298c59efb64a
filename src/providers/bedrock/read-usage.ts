import { asCount, asObject } from "../../lib/json-value.ts";
import type { Usage } from "../../model/operation.ts";
import { sumFrom } from "../usage.ts";

/** `inputTokens` leaves out what was read from and written to the cache: they are added. Null when there is no usage object. */
export function readUsage(value: unknown): Usage | null {
  const usage = asObject(value);
  if (usage === null) return null;
  const cacheReadTokens = asCount(usage["cacheReadInputTokens"]);
  const cacheWriteTokens = asCount(usage["cacheWriteInputTokens"]);
  return {
    inputTokens: sumFrom(asCount(usage["inputTokens"]), cacheReadTokens, cacheWriteTokens),
    outputTokens: asCount(usage["outputTokens"]),
    cacheReadTokens,
    cacheWriteTokens,
    reasoningTokens: null,
  };
}
