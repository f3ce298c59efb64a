import type { ServiceTier } from "../model/operation.ts";

/** Where a rule was read, and when. */
export interface UpliftSource {
  /** RFC 3339 date. */
  readonly checkedAt: string;
  readonly source: string;
}

/** Tokens that are served in a tier cost `times` what the list says. */
export interface TierRule extends UpliftSource {
  /** Values of `gen_ai.provider.name`. */
  readonly providers: readonly string[];
  readonly tier: ServiceTier;
  /** Null: every model that no rule before it is for. */
  readonly models: RegExp | null;
  readonly times: number;
  /** False: the provider gives no one factor, and this is the nearest. */
  readonly exact: boolean;
}

/** Tokens that are processed in a chosen place cost `times` what the list says. Places whose prices the book has itself, as those of Amazon Bedrock, stand in none. */
export interface PlaceRule extends UpliftSource {
  readonly providers: readonly string[];
  readonly models: RegExp | null;
  /** How the place is chosen; see `placed-at.ts`. */
  readonly place: "regional-host" | "answer-us" | "regional-location" | "regional-deployment";
  readonly times: number;
  readonly exact: boolean;
}

const CHECKED = "2026-11-23";
const OPENAI = { providers: ["openai"], exact: true, checkedAt: CHECKED, source: "OpenAI: Priority processing; Pricing (batch, flex and fast mode)" };
const ANTHROPIC = { providers: ["anthropic"], exact: true, checkedAt: CHECKED, source: "Anthropic: Pricing; Fast mode" };
const BEDROCK = { providers: ["aws.bedrock"], exact: false, checkedAt: CHECKED, source: "Amazon Bedrock: Service tiers; Pricing" };
const GOOGLE = { providers: ["gcp.gemini", "gcp.vertex_ai"], checkedAt: CHECKED, source: "Gemini API: Optimization (service tiers); Pricing" };
const AZURE = { providers: ["azure.ai.openai"], checkedAt: CHECKED, source: "Azure OpenAI: retail prices of batch and priority meters" };

/** The first that fits counts. */
export const TIER_RULES: readonly TierRule[] = [
  { ...OPENAI, tier: "flex", models: null, times: 0.5 },
  { ...OPENAI, tier: "batch", models: null, times: 0.5 },
  { ...OPENAI, tier: "priority", models: /^gpt-5\.5(?!-pro)/, times: 2.5 },
  { ...OPENAI, tier: "priority", models: /^gpt-5-mini/, times: 1.8 },
  { ...OPENAI, tier: "priority", models: /^gpt-4\.1(?!-nano)/, times: 1.75 },
  { ...OPENAI, tier: "priority", models: /^gpt-4o-2024-05-13/, times: 1.75 },
  { ...OPENAI, tier: "priority", models: /^gpt-4o(?!-mini)/, times: 1.7 },
  { ...OPENAI, tier: "priority", models: /^o3(?!-)/, times: 1.75 },
  { ...OPENAI, tier: "priority", models: /^(?:gpt-4\.1-nano|gpt-5(?:$|-2|-chat|-codex|\.[1246])|gpt-6)/, times: 2 },
  { ...OPENAI, tier: "priority", models: null, times: 2, exact: false },
  { ...AZURE, tier: "batch", models: null, times: 0.5, exact: true },
  { ...AZURE, tier: "flex", models: null, times: 0.5, exact: false },
  { ...AZURE, tier: "priority", models: null, times: 2, exact: false },
  { ...ANTHROPIC, tier: "batch", models: null, times: 0.5 },
  { ...ANTHROPIC, tier: "fast", models: /opus-4[-.][67]/, times: 6 },
  { ...ANTHROPIC, tier: "fast", models: /opus-(?:4[-.]8|5(?:$|-\d{8}|\.0))/, times: 2 },
  { ...ANTHROPIC, tier: "fast", models: null, times: 2, exact: false },
  { ...BEDROCK, tier: "batch", models: null, times: 0.5 },
  { ...BEDROCK, tier: "flex", models: null, times: 0.5 },
  { ...BEDROCK, tier: "priority", models: null, times: 1.75 },
  { ...GOOGLE, tier: "batch", models: null, times: 0.5, exact: true },
  { ...GOOGLE, tier: "flex", models: null, times: 0.5, exact: true },
  // 75 to 100 % more, by model.
  { ...GOOGLE, tier: "priority", models: /^gemini-3\.[78]-flash/, times: 1.8, exact: true },
  { ...GOOGLE, tier: "priority", models: null, times: 1.8, exact: false },
  { providers: ["groq"], tier: "flex", models: null, times: 1, exact: true, checkedAt: CHECKED, source: "Groq: Flex processing (priced as on demand)" },
];

export const PLACE_RULES: readonly PlaceRule[] = [
  {
    providers: ["openai"],
    place: "regional-host",
    // Models released on or after 2026-03-05.
    models: /^(?:gpt-5\.(?:[4-9]|\d\d)|gpt-[6-9])/,
    times: 1.1,
    exact: true,
    checkedAt: CHECKED,
    source: "OpenAI: Data residency",
  },
  {
    providers: ["anthropic"],
    place: "answer-us",
    models: null,
    times: 1.1,
    exact: true,
    checkedAt: CHECKED,
    source: "Anthropic: Pricing (data residency)",
  },
  {
    providers: ["mistral_ai"],
    place: "regional-host",
    models: null,
    times: 1.1,
    exact: true,
    checkedAt: CHECKED,
    source: "Mistral: Regional inference",
  },
  { providers: ["x_ai"], place: "regional-host", models: null, times: 1.1, exact: true, checkedAt: CHECKED, source: "xAI: Regions" },
  {
    providers: ["gcp.vertex_ai"],
    place: "regional-location",
    // From Sonnet 4.5 on; older Claude models cost the same everywhere.
    models: /claude-(?:sonnet-(?:4[-.][5-9]|[5-9])|opus-(?:4[-.][5-9]|[5-9])|haiku-(?:4[-.][5-9]|[5-9])|fable)/,
    times: 1.1,
    exact: true,
    checkedAt: CHECKED,
    source: "Google Cloud: Claude models, pricing of regional and multi-region endpoints",
  },
  {
    providers: ["azure.ai.openai"],
    place: "regional-deployment",
    models: null,
    times: 1.1,
    // 10 to 20 % more, by model.
    exact: false,
    checkedAt: CHECKED,
    source: "Azure OpenAI: retail prices of data zone and regional deployments",
  },
];
