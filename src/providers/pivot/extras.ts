import type { Ability } from "./abilities.ts";
import type { WireApi } from "./block.ts";

/**
 * Names of a caller's body that no other API has, by the caller's API. A hint may be left out unseen. What is refused would change what the answer
 * means, what is stored, or where it is processed. Anything that is not listed is a loss that is told.
 */
const EXTRAS: Readonly<Record<WireApi, Readonly<Record<string, Ability>>>> = {
  "openai-chat": {
    prompt_cache_key: "hint",
    prompt_cache_retention: "hint",
    prompt_cache_options: "hint",
    prediction: "hint",
    store: "loss",
    metadata: "loss",
    service_tier: "loss",
    verbosity: "loss",
    moderation: "loss",
    modalities: "refused",
    audio: "refused",
    web_search_options: "refused",
  },
  "openai-responses": {
    prompt_cache_key: "hint",
    prompt_cache_retention: "hint",
    prompt_cache_options: "hint",
    metadata: "loss",
    service_tier: "loss",
    truncation: "loss",
    store: "refused",
    previous_response_id: "refused",
    conversation: "refused",
    background: "refused",
    prompt: "refused",
    context_management: "refused",
    max_tool_calls: "loss",
  },
  anthropic: {
    cache_control: "hint",
    diagnostics: "hint",
    service_tier: "loss",
    speed: "loss",
    user_profile_id: "loss",
    context_management: "loss",
    container: "refused",
    mcp_servers: "refused",
    inference_geo: "refused",
    workspace_id: "refused",
  },
  gemini: {
    cachedContent: "refused",
    labels: "hint",
    safetySettings: "loss",
    store: "refused",
    serviceTier: "loss",
  },
  bedrock: {
    requestMetadata: "hint",
    performanceConfig: "hint",
    serviceTier: "loss",
    guardrailConfig: "refused",
    promptVariables: "refused",
    additionalModelRequestFields: "loss",
    additionalModelResponseFieldPaths: "loss",
  },
};

/** What leaving out `name` of a caller's body means. */
export function extraAbility(from: WireApi, name: string, value: unknown): Ability {
  const rules = EXTRAS[from];
  const ability = Object.hasOwn(rules, name) ? rules[name] : undefined;
  // `false` switches a feature off, and text alone is what everybody answers.
  if (value === false) return "hint";
  if (name === "modalities" && Array.isArray(value) && value.every((one) => one === "text")) return "hint";
  return ability ?? "loss";
}

/** All that is known of an API's own names, for the documentation. */
export function extrasTable(from: WireApi): Readonly<Record<string, Ability>> {
  return EXTRAS[from];
}
