import type { JsonObject } from "../../lib/json-value.ts";
import { asArray, asCount, asObject } from "../../lib/json-value.ts";
import { type ServiceTier, UNKNOWN_USAGE, type Usage } from "../../model/operation.ts";
import { sumFrom, tierOf } from "../usage.ts";

const TIERS: ReadonlyMap<string, ServiceTier | null> = new Map<string, ServiceTier | null>([
  ["default", "standard"],
  ["flex", "flex"],
  ["priority", "priority"],
  ["reserved", "prepaid"],
]);

/**
 * The `usage` of an answer or a `metadata` event, and how it was served, which stands beside it. `inputTokens` leaves out what was read from and written
 * to the cache: they are added. Null when there is no usage object.
 */
export function readUsage(answer: JsonObject): Usage | null {
  const usage = asObject(answer["usage"]);
  if (usage === null) return null;
  const cacheReadTokens = asCount(usage["cacheReadInputTokens"]);
  const cacheWriteTokens = asCount(usage["cacheWriteInputTokens"]);
  const optimized = asObject(answer["performanceConfig"])?.["latency"] === "optimized";
  return {
    ...UNKNOWN_USAGE,
    inputTokens: sumFrom(asCount(usage["inputTokens"]), cacheReadTokens, cacheWriteTokens),
    outputTokens: asCount(usage["outputTokens"]),
    cacheReadTokens,
    cacheWriteTokens,
    cacheWriteHourTokens: hourTokens(usage["cacheDetails"]),
    serviceTier: optimized ? "fast" : tierOf(asObject(answer["serviceTier"])?.["type"], TIERS),
  };
}

function hourTokens(details: unknown): number | null {
  if (!Array.isArray(details)) return null;
  let tokens = 0;
  for (const entry of asArray(details)) {
    const detail = asObject(entry);
    if (detail?.["ttl"] === "1h") tokens += asCount(detail["inputTokens"]) ?? 0;
  }
  return tokens;
}
