import { asArray, asCount, asObject } from "../../lib/json-value.ts";
import { type ServiceTier, UNKNOWN_USAGE, type Usage } from "../../model/operation.ts";
import { sumFrom, tierOf } from "../usage.ts";

/** `serviceTier` of the Gemini API and `trafficType` of Vertex AI. */
const TIERS: ReadonlyMap<string, ServiceTier | null> = new Map<string, ServiceTier | null>([
  ["standard", "standard"],
  ["flex", "flex"],
  ["priority", "priority"],
  ["ON_DEMAND", "standard"],
  ["ON_DEMAND_FLEX", "flex"],
  ["ON_DEMAND_PRIORITY", "priority"],
  ["PROVISIONED_THROUGHPUT", "prepaid"],
  ["unspecified", null],
  ["TRAFFIC_TYPE_UNSPECIFIED", null],
]);

/** `promptTokenCount` has what was cached; thoughts and what tools of the provider read are counted beside. Null when there is no usage object. */
export function readUsage(value: unknown): Usage | null {
  const usage = asObject(value);
  if (usage === null) return null;
  const thoughts = asCount(usage["thoughtsTokenCount"]);
  const prompt = asCount(usage["promptTokenCount"]);
  // An answer of nothing but thoughts has no count of its own text.
  const written = asCount(usage["candidatesTokenCount"]) ?? (thoughts === null && prompt === null ? null : 0);
  const read = usage["promptTokensDetails"];
  const made = usage["candidatesTokensDetails"];
  const byTools = usage["toolUsePromptTokensDetails"];
  return {
    ...UNKNOWN_USAGE,
    inputTokens: sumFrom(prompt, asCount(usage["toolUsePromptTokenCount"])),
    outputTokens: sumFrom(written, thoughts),
    cacheReadTokens: asCount(usage["cachedContentTokenCount"]),
    reasoningTokens: thoughts,
    audioInputTokens: added(ofModality(read, "AUDIO"), ofModality(byTools, "AUDIO")),
    audioOutputTokens: ofModality(made, "AUDIO"),
    cacheReadAudioTokens: ofModality(usage["cacheTokensDetails"], "AUDIO"),
    imageInputTokens: added(ofModality(read, "IMAGE"), ofModality(byTools, "IMAGE")),
    imageOutputTokens: ofModality(made, "IMAGE"),
    serviceTier: tierOf(usage["serviceTier"], TIERS) ?? tierOf(usage["trafficType"], TIERS),
  };
}

/** Tokens of one kind; 0 where a list tells of others only, null where there is no list. */
function ofModality(details: unknown, modality: string): number | null {
  if (!Array.isArray(details)) return null;
  let tokens = 0;
  for (const entry of asArray(details)) {
    const detail = asObject(entry);
    if (detail?.["modality"] === modality) tokens += asCount(detail["tokenCount"]) ?? 0;
  }
  return tokens;
}

function added(one: number | null, other: number | null): number | null {
  return one === null ? other : one + (other ?? 0);
}
