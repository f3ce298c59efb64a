import { asCount, asObject, asObjects, asString, type JsonObject } from "../../lib/json-value.ts";
import { type ServiceTier, UNKNOWN_USAGE, type Usage } from "../../model/operation.ts";
import { sumFrom, tierOf } from "../usage.ts";

/** The priority tier is capacity that was committed to. */
const TIERS: ReadonlyMap<string, ServiceTier | null> = new Map<string, ServiceTier | null>([
  ["standard", "standard"],
  ["priority", "prepaid"],
  ["batch", "batch"],
]);

/**
 * `input_tokens` leaves out what was read from and written to the cache: they are added. So is what the API used to make a long conversation shorter
 * (`iterations` of type `compaction`), which is billed and stands in no total. Null when there is no usage object.
 */
export function readUsage(value: unknown): Usage | null {
  const usage = asObject(value);
  if (usage === null) return null;
  const told = readCounts(usage);
  return Array.isArray(usage["iterations"]) ? asObjects(usage["iterations"]).reduce(withCompaction, told) : told;
}

function withCompaction(told: Usage, iteration: JsonObject): Usage {
  if (iteration["type"] !== "compaction") return told;
  const more = readCounts(iteration);
  return {
    ...told,
    inputTokens: sumFrom(told.inputTokens, more.inputTokens),
    outputTokens: sumFrom(told.outputTokens, more.outputTokens),
    cacheReadTokens: sumFrom(told.cacheReadTokens, more.cacheReadTokens),
    cacheWriteTokens: sumFrom(told.cacheWriteTokens, more.cacheWriteTokens),
    cacheWriteHourTokens: sumFrom(told.cacheWriteHourTokens, more.cacheWriteHourTokens),
  };
}

function readCounts(usage: JsonObject): Usage {
  const written = asObject(usage["cache_creation"]);
  const hour = asCount(written?.["ephemeral_1h_input_tokens"]);
  const cacheReadTokens = asCount(usage["cache_read_input_tokens"]);
  const cacheWriteTokens = asCount(usage["cache_creation_input_tokens"]) ?? sumFrom(hour, asCount(written?.["ephemeral_5m_input_tokens"]));
  const geo = asString(usage["inference_geo"]);
  return {
    ...UNKNOWN_USAGE,
    inputTokens: sumFrom(asCount(usage["input_tokens"]), cacheReadTokens, cacheWriteTokens),
    outputTokens: asCount(usage["output_tokens"]),
    cacheReadTokens,
    cacheWriteTokens,
    cacheWriteHourTokens: hour,
    reasoningTokens: asCount(asObject(usage["output_tokens_details"])?.["thinking_tokens"]),
    webSearches: asCount(asObject(usage["server_tool_use"])?.["web_search_requests"]),
    serviceTier: usage["speed"] === "fast" ? "fast" : tierOf(usage["service_tier"], TIERS),
    // Models that have no choice of place say so.
    processedIn: geo === "not_available" ? null : geo,
  };
}
