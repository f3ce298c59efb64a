import { beforeAll, describe, expect, it } from "vitest";
import { genaiPrices } from "../../adapters/prices/genai-prices.ts";
import type { Usage } from "../../src/model/operation.ts";
import { createPricing, type Pricing } from "../../src/pricing/create-pricing.ts";
import { readUsage as ofAnthropic } from "../../src/providers/anthropic/read-usage.ts";
import { readUsage as ofBedrock } from "../../src/providers/bedrock/read-usage.ts";
import { readUsage as ofGemini } from "../../src/providers/gemini/read-usage.ts";
import { readUsage as ofOpenAi } from "../../src/providers/openai/read-usage.ts";
import { makeAttestation } from "../fakes/regions.ts";
import { costOf, type Destination, policyPrice } from "./priced.ts";

/**
 * Bills as a person would work them out: what the provider reports, the list price of each part written out in billionths of a dollar per token (a price
 * of $1.25 per million tokens is 1 250), and the sum. The sources are the providers' own price pages, named at each group; none of the numbers is taken
 * from the code under test.
 */
interface BillCase {
  readonly what: string;
  readonly to: Destination;
  readonly usage: Usage | null;
  /** Billionths; null: unknown. */
  readonly nanos: number | null;
  readonly estimated?: boolean;
  readonly currency?: string;
}

const openai = (model: string, more: Partial<Destination> = {}): Destination => ({ host: "api.openai.com", model, ...more });
const anthropic = (model: string): Destination => ({ host: "api.anthropic.com", model });
const bedrock = (model: string): Destination => ({ host: "bedrock-runtime.eu-central-1.amazonaws.com", model });
const gemini = (model: string, more: Partial<Destination> = {}): Destination => ({ host: "generativelanguage.googleapis.com", model, ...more });
const vertex = (model: string, location: string): Destination => ({
  host: location === "global" ? "aiplatform.googleapis.com" : `${location}-aiplatform.googleapis.com`,
  model,
  api: { schema: "GCPVertexAI", project: "p", location },
});
const azure = (model: string, served: string, sku?: string): Destination => ({
  host: "team-a.openai.azure.com",
  model,
  served,
  api: { schema: "AzureOpenAI" },
  ...(sku === undefined ? {} : { attestations: [makeAttestation({ deployments: [{ name: model, sku, location: "swedencentral" }] })] }),
});

const chat = (prompt_tokens: number, completion_tokens: number, details: object = {}, tier: string | null = null): Usage | null =>
  ofOpenAi({ prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens, ...details }, tier);
const converse = (usage: object, more: object = {}): Usage | null => ofBedrock({ usage, ...more });

/** https://openai.com/api/pricing and https://developers.openai.com/api/docs/pricing: gpt-5 $1.25, cached $0.125, out $10; gpt-5.6-sol since 2026-08-21 $4, $0.40, write $5, $20. */
const OPENAI: readonly BillCase[] = [
  { what: "chat", to: openai("gpt-5"), usage: chat(1_000, 100), nanos: 1_000 * 1_250 + 100 * 10_000 },
  { what: "one token each way", to: openai("gpt-5-nano"), usage: chat(1, 1), nanos: 1 * 50 + 1 * 400 },
  {
    what: "chat with a cached part",
    to: openai("gpt-5"),
    usage: chat(1_000, 100, { prompt_tokens_details: { cached_tokens: 768 } }),
    nanos: 232 * 1_250 + 768 * 125 + 100 * 10_000,
  },
  {
    what: "reasoning is output, and in it already",
    to: openai("gpt-5-mini"),
    usage: chat(500, 2_000, { completion_tokens_details: { reasoning_tokens: 1_728 } }),
    nanos: 500 * 250 + 2_000 * 2_000,
  },
  {
    what: "predictions that were not taken are output, and in it already",
    to: openai("gpt-4o"),
    usage: chat(500, 300, { completion_tokens_details: { accepted_prediction_tokens: 100, rejected_prediction_tokens: 120 } }),
    nanos: 500 * 2_500 + 300 * 10_000,
  },
  {
    what: "Responses API with cache reads and writes",
    to: openai("gpt-5.6-sol"),
    usage: ofOpenAi(
      {
        input_tokens: 10_000,
        input_tokens_details: { cached_tokens: 4_000, cache_write_tokens: 5_000 },
        output_tokens: 600,
        output_tokens_details: { reasoning_tokens: 512 },
      },
      "default",
    ),
    nanos: 1_000 * 4_000 + 4_000 * 400 + 5_000 * 5_000 + 600 * 20_000,
  },
  {
    what: "the same before its price was lowered ($5, $30)",
    to: openai("gpt-5.6-sol", { time: Date.UTC(2026, 7, 20) }),
    usage: chat(1_000, 100),
    nanos: 1_000 * 5_000 + 100 * 30_000,
  },
  { what: "a dated snapshot", to: openai("gpt-5-2025-08-07"), usage: chat(1_000, 100), nanos: 1_000 * 1_250 + 100 * 10_000 },
  { what: "a snapshot that the book has not seen", to: openai("gpt-4.1-2026-12-01"), usage: chat(1_000, 100), nanos: 1_000 * 2_000 + 100 * 8_000 },
  { what: "embeddings ($0.02)", to: openai("text-embedding-3-small"), usage: ofOpenAi({ prompt_tokens: 8_191, total_tokens: 8_191 }, null), nanos: 8_191 * 20 },
  {
    what: "audio both ways (gpt-audio: text $2.50/$10, audio $32/$64)",
    to: openai("gpt-audio"),
    usage: chat(1_200, 400, { prompt_tokens_details: { audio_tokens: 1_000 }, completion_tokens_details: { audio_tokens: 300 } }),
    nanos: 200 * 2_500 + 1_000 * 32_000 + 100 * 10_000 + 300 * 64_000,
  },
  {
    what: "audio of a model whose list has no price for it ($2.50/$10)",
    to: openai("gpt-4o-audio-preview"),
    usage: chat(1_200, 400, { completion_tokens_details: { audio_tokens: 300 } }),
    nanos: 1_200 * 2_500 + 400 * 10_000,
    estimated: true,
  },
  { what: "flex is half price", to: openai("gpt-5"), usage: chat(1_000, 100, {}, "flex"), nanos: (1_000 * 1_250 + 100 * 10_000) / 2 },
  { what: "priority of gpt-5 ($2.50/$20)", to: openai("gpt-5"), usage: chat(1_000, 100, {}, "priority"), nanos: 1_000 * 2_500 + 100 * 20_000 },
  {
    what: "priority of gpt-5.5 ($12.50, cached $1.25, $75)",
    to: openai("gpt-5.5"),
    usage: chat(1_000, 100, { prompt_tokens_details: { cached_tokens: 400 } }, "priority"),
    nanos: 600 * 12_500 + 400 * 1_250 + 100 * 75_000,
  },
  { what: "priority of gpt-4.1 ($3.50/$14)", to: openai("gpt-4.1"), usage: chat(1_000, 100, {}, "priority"), nanos: 1_000 * 3_500 + 100 * 14_000 },
  { what: "priority of gpt-4o ($4.25/$17)", to: openai("gpt-4o"), usage: chat(1_000, 100, {}, "priority"), nanos: 1_000 * 4_250 + 100 * 17_000 },
  { what: "priority of gpt-5-mini ($0.45/$3.60)", to: openai("gpt-5-mini"), usage: chat(1_000, 100, {}, "priority"), nanos: 1_000 * 450 + 100 * 3_600 },
  { what: "capacity that was bought (scale tier)", to: openai("gpt-5"), usage: chat(1_000, 100, {}, "scale"), nanos: null },
  {
    what: "a tier of a name that nobody knows",
    to: openai("gpt-5"),
    usage: chat(1_000, 100, {}, "turbo"),
    nanos: 1_000 * 1_250 + 100 * 10_000,
    estimated: true,
  },
  { what: "long context from 272 000 tokens on ($10/$45)", to: openai("gpt-5.5"), usage: chat(272_000, 100), nanos: 272_000 * 10_000 + 100 * 45_000 },
  { what: "one token below it ($5/$30)", to: openai("gpt-5.5"), usage: chat(271_999, 100), nanos: 271_999 * 5_000 + 100 * 30_000 },
  {
    what: "data residency: 10 % more for models since 2026-03-05",
    to: openai("gpt-5.5", { host: "eu.api.openai.com" }),
    usage: chat(1_000, 100),
    nanos: (1_000 * 5_000 + 100 * 30_000) * 1.1,
  },
  {
    what: "data residency: nothing more for older models",
    to: openai("gpt-5", { host: "eu.api.openai.com" }),
    usage: chat(1_000, 100),
    nanos: 1_000 * 1_250 + 100 * 10_000,
  },
  {
    what: "a project that is attested to process in a region",
    to: openai("gpt-5.5", { attestations: [makeAttestation({ project: { regions: ["eu"], countries: ["DE"] } })] }),
    usage: chat(1_000, 100),
    nanos: (1_000 * 5_000 + 100 * 30_000) * 1.1,
  },
  { what: "a model that nobody has heard of", to: openai("gpt-oracle-9"), usage: chat(1_000, 100), nanos: null },
  { what: "no model", to: openai("gpt-5", { model: null }), usage: chat(1_000, 100), nanos: null },
  {
    what: "nonsense: more cached than there is input",
    to: openai("gpt-5"),
    usage: chat(1_000, 100, { prompt_tokens_details: { cached_tokens: 5_000 } }),
    nanos: 1_000 * 125 + 100 * 10_000,
    estimated: true,
  },
  {
    what: "cached tokens of a model without a price for them",
    to: openai("gpt-4-turbo"),
    usage: chat(1_000, 100, { prompt_tokens_details: { cached_tokens: 128 } }),
    nanos: 1_000 * 10_000 + 100 * 30_000,
    estimated: true,
  },
];

/** https://learn.microsoft.com/azure and https://prices.azure.com: prices of Global deployments are OpenAI's; data zones cost about 10 % more. */
const AZURE: readonly BillCase[] = [
  { what: "a deployment of any name", to: azure("prod-chat", "gpt-5-2025-08-07"), usage: chat(1_000, 100), nanos: 1_000 * 1_250 + 100 * 10_000 },
  { what: "a deployment named after another model", to: azure("gpt-4", "gpt-4o-2024-11-20"), usage: chat(1_000, 100), nanos: 1_000 * 2_500 + 100 * 10_000 },
  { what: "a global deployment", to: azure("chat", "gpt-5", "GlobalStandard"), usage: chat(1_000, 100), nanos: 1_000 * 1_250 + 100 * 10_000 },
  {
    what: "a data zone deployment",
    to: azure("chat", "gpt-5", "DataZoneStandard"),
    usage: chat(1_000, 100),
    nanos: (1_000 * 1_250 + 100 * 10_000) * 1.1,
    estimated: true,
  },
];

/** https://platform.claude.com/docs/en/about-claude/pricing: Sonnet 4.6 $3, write $3.75, write 1 h $6, read $0.30, out $15; Opus 5.5 $4/$5/$8/$0.20/$20; Opus 5 $5/$25. */
const ANTHROPIC: readonly BillCase[] = [
  {
    what: "messages",
    to: anthropic("claude-sonnet-4-6"),
    usage: ofAnthropic({ input_tokens: 1_000, output_tokens: 100 }),
    nanos: 1_000 * 3_000 + 100 * 15_000,
  },
  {
    what: "cache writes of 5 minutes and reads",
    to: anthropic("claude-sonnet-4-6"),
    usage: ofAnthropic({ input_tokens: 10, cache_creation_input_tokens: 2_000, cache_read_input_tokens: 30_000, output_tokens: 100 }),
    nanos: 10 * 3_000 + 2_000 * 3_750 + 30_000 * 300 + 100 * 15_000,
  },
  {
    what: "cache writes of both kinds",
    to: anthropic("claude-opus-5-5"),
    usage: ofAnthropic({
      input_tokens: 10,
      cache_creation_input_tokens: 3_000,
      cache_creation: { ephemeral_5m_input_tokens: 1_000, ephemeral_1h_input_tokens: 2_000 },
      cache_read_input_tokens: 500,
      output_tokens: 100,
    }),
    nanos: 10 * 4_000 + 1_000 * 5_000 + 2_000 * 8_000 + 500 * 200 + 100 * 20_000,
  },
  {
    what: "inference_geo us: 10 % more on every kind of token",
    to: anthropic("claude-opus-5-5"),
    usage: ofAnthropic({ input_tokens: 1_000, cache_read_input_tokens: 1_000, output_tokens: 100, inference_geo: "us" }),
    nanos: (1_000 * 4_000 + 1_000 * 200 + 100 * 20_000) * 1.1,
  },
  {
    what: "inference_geo global",
    to: anthropic("claude-opus-5-5"),
    usage: ofAnthropic({ input_tokens: 1_000, output_tokens: 100, inference_geo: "global" }),
    nanos: 1_000 * 4_000 + 100 * 20_000,
  },
  {
    what: "searches at $10 a thousand, on which no place is charged",
    to: anthropic("claude-sonnet-4-6"),
    usage: ofAnthropic({ input_tokens: 1_000, output_tokens: 100, server_tool_use: { web_search_requests: 3 }, inference_geo: "us" }),
    nanos: (1_000 * 3_000 + 100 * 15_000) * 1.1 + 3 * 10_000_000,
  },
  {
    what: "searches of a model without a price for them ($0.25/$1.25)",
    to: anthropic("claude-3-haiku-20240307"),
    usage: ofAnthropic({ input_tokens: 1_000, output_tokens: 100, server_tool_use: { web_search_requests: 1 } }),
    nanos: 1_000 * 250 + 100 * 1_250,
    estimated: true,
  },
  {
    what: "batch is half price",
    to: anthropic("claude-sonnet-4-6"),
    usage: ofAnthropic({ input_tokens: 1_000, output_tokens: 100, service_tier: "batch" }),
    nanos: (1_000 * 3_000 + 100 * 15_000) / 2,
  },
  {
    what: "fast mode of Opus 4.6 ($30/$150)",
    to: anthropic("claude-opus-4-6"),
    usage: ofAnthropic({ input_tokens: 1_000, output_tokens: 100, speed: "fast" }),
    nanos: 1_000 * 30_000 + 100 * 150_000,
  },
  {
    what: "fast mode of Opus 5 ($10/$50)",
    to: anthropic("claude-opus-5"),
    usage: ofAnthropic({ input_tokens: 1_000, output_tokens: 100, speed: "fast" }),
    nanos: 1_000 * 10_000 + 100 * 50_000,
  },
  {
    what: "priority tier, which is committed capacity",
    to: anthropic("claude-sonnet-4-6"),
    usage: ofAnthropic({ input_tokens: 1_000, output_tokens: 100, service_tier: "priority" }),
    nanos: null,
  },
  {
    what: "long context of Sonnet 4.5 while it was sold ($6/$22.50 above 200 000)",
    to: { ...anthropic("claude-sonnet-4-5-20250929"), time: Date.UTC(2026, 0, 15) },
    usage: ofAnthropic({ input_tokens: 150_000, cache_read_input_tokens: 60_000, output_tokens: 100 }),
    nanos: 150_000 * 6_000 + 60_000 * 600 + 100 * 22_500,
  },
  {
    what: "long context of Sonnet 4.6, which costs no more since 2026-03-13",
    to: anthropic("claude-sonnet-4-6"),
    usage: ofAnthropic({ input_tokens: 250_000, output_tokens: 100 }),
    nanos: 250_000 * 3_000 + 100 * 15_000,
  },
  {
    what: "what compaction used",
    to: anthropic("claude-sonnet-4-6"),
    usage: ofAnthropic({
      input_tokens: 1_000,
      output_tokens: 100,
      iterations: [
        { type: "compaction", input_tokens: 9_000, output_tokens: 400, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 },
        { type: "message", input_tokens: 1_000, output_tokens: 100 },
      ],
    }),
    nanos: 10_000 * 3_000 + 500 * 15_000,
  },
];

/** https://aws.amazon.com/bedrock/pricing: Sonnet 4.5 global $3/$15, in a region or geography 10 % more: $3.30, write $4.125, read $0.33, $16.50; Nova Pro $0.80, read $0.20, $3.20. */
const BEDROCK: readonly BillCase[] = [
  {
    what: "a geographic profile",
    to: bedrock("eu.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    usage: converse({ inputTokens: 1_000, outputTokens: 100 }),
    nanos: 1_000 * 3_300 + 100 * 16_500,
  },
  {
    what: "the global profile",
    to: bedrock("global.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    usage: converse({ inputTokens: 1_000, outputTokens: 100 }),
    nanos: 1_000 * 3_000 + 100 * 15_000,
  },
  {
    what: "in the region",
    to: bedrock("anthropic.claude-sonnet-4-5-20250929-v1:0"),
    usage: converse({ inputTokens: 10, cacheReadInputTokens: 1_000, cacheWriteInputTokens: 2_000, outputTokens: 100 }),
    nanos: 10 * 3_300 + 1_000 * 330 + 2_000 * 4_125 + 100 * 16_500,
  },
  {
    what: "the ARN of a profile",
    to: bedrock("arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    usage: converse({ inputTokens: 1_000, outputTokens: 100 }),
    nanos: 1_000 * 3_300 + 100 * 16_500,
  },
  {
    what: "a geography that the book has not seen",
    to: bedrock("ca.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    usage: converse({ inputTokens: 1_000, outputTokens: 100 }),
    nanos: 1_000 * 3_300 + 100 * 16_500,
  },
  {
    what: "an application profile, which hides its model",
    to: bedrock("arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc123"),
    usage: converse({ inputTokens: 1_000, outputTokens: 100 }),
    nanos: null,
  },
  {
    what: "cache writes of an hour, twice the input, where the book has no price for them",
    to: bedrock("eu.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    usage: converse({ inputTokens: 10, cacheWriteInputTokens: 2_000, cacheDetails: [{ ttl: "1h", inputTokens: 2_000 }], outputTokens: 100 }),
    nanos: 10 * 3_300 + 2_000 * 6_600 + 100 * 16_500,
    estimated: true,
  },
  {
    what: "Nova with a cached part",
    to: bedrock("eu.amazon.nova-pro-v1:0"),
    usage: converse({ inputTokens: 500, cacheReadInputTokens: 500, outputTokens: 100 }),
    nanos: 500 * 800 + 500 * 200 + 100 * 3_200,
  },
  {
    what: "flex",
    to: bedrock("eu.amazon.nova-pro-v1:0"),
    usage: converse({ inputTokens: 1_000, outputTokens: 100 }, { serviceTier: { type: "flex" } }),
    nanos: (1_000 * 800 + 100 * 3_200) / 2,
    estimated: true,
  },
  {
    what: "reserved capacity",
    to: bedrock("eu.amazon.nova-pro-v1:0"),
    usage: converse({ inputTokens: 1_000, outputTokens: 100 }, { serviceTier: { type: "reserved" } }),
    nanos: null,
  },
];

/** https://ai.google.dev/gemini-api/docs/pricing: 2.5 Pro $1.25/$0.125/$10, above 200 000 tokens $2.50/$0.25/$15; 2.5 Flash $0.30, audio $1, cached $0.03, cached audio $0.10, $2.50. Claude on Vertex AI: the list, 10 % more outside the global endpoint. */
const GOOGLE: readonly BillCase[] = [
  {
    what: "thoughts are counted beside the text and cost what it costs",
    to: gemini("gemini-2.5-pro"),
    usage: ofGemini({ promptTokenCount: 1_000, candidatesTokenCount: 100, thoughtsTokenCount: 900 }),
    nanos: 1_000 * 1_250 + 1_000 * 10_000,
  },
  {
    what: "at 200 000 tokens",
    to: gemini("gemini-2.5-pro"),
    usage: ofGemini({ promptTokenCount: 200_000, candidatesTokenCount: 100 }),
    nanos: 200_000 * 1_250 + 100 * 10_000,
  },
  {
    what: "above 200 000 tokens, with a cached part",
    to: gemini("gemini-2.5-pro"),
    usage: ofGemini({ promptTokenCount: 200_001, cachedContentTokenCount: 100_000, candidatesTokenCount: 100 }),
    nanos: 100_001 * 2_500 + 100_000 * 250 + 100 * 15_000,
  },
  {
    what: "audio and text",
    to: gemini("gemini-2.5-flash"),
    usage: ofGemini({
      promptTokenCount: 1_000,
      candidatesTokenCount: 100,
      promptTokensDetails: [
        { modality: "TEXT", tokenCount: 200 },
        { modality: "AUDIO", tokenCount: 800 },
      ],
    }),
    nanos: 200 * 300 + 800 * 1_000 + 100 * 2_500,
  },
  {
    what: "audio and text, both partly cached",
    to: gemini("gemini-2.5-flash"),
    usage: ofGemini({
      promptTokenCount: 1_000,
      cachedContentTokenCount: 500,
      candidatesTokenCount: 100,
      promptTokensDetails: [
        { modality: "TEXT", tokenCount: 200 },
        { modality: "AUDIO", tokenCount: 800 },
      ],
      cacheTokensDetails: [
        { modality: "TEXT", tokenCount: 100 },
        { modality: "AUDIO", tokenCount: 400 },
      ],
    }),
    nanos: 100 * 300 + 400 * 1_000 + 100 * 30 + 400 * 100 + 100 * 2_500,
  },
  {
    what: "what a search of the provider's brought in",
    to: gemini("gemini-2.5-flash"),
    usage: ofGemini({ promptTokenCount: 1_000, toolUsePromptTokenCount: 250, candidatesTokenCount: 100 }),
    nanos: 1_250 * 300 + 100 * 2_500,
  },
  {
    what: "an image that the model made ($30 per million)",
    to: gemini("gemini-2.5-flash-image"),
    usage: ofGemini({ promptTokenCount: 10, candidatesTokenCount: 1_300, candidatesTokensDetails: [{ modality: "IMAGE", tokenCount: 1_290 }] }),
    nanos: 10 * 300 + 10 * 2_500 + 1_290 * 30_000,
  },
  {
    what: "flex is half price",
    to: gemini("gemini-2.5-flash"),
    usage: ofGemini({ promptTokenCount: 1_000, candidatesTokenCount: 100, serviceTier: "flex" }),
    nanos: (1_000 * 300 + 100 * 2_500) / 2,
  },
  {
    what: "provisioned throughput",
    to: vertex("google/gemini-2.5-flash", "europe-west4"),
    usage: ofGemini({ promptTokenCount: 1_000, candidatesTokenCount: 100, trafficType: "PROVISIONED_THROUGHPUT" }),
    nanos: null,
  },
  {
    what: "Gemini on Vertex AI, by a publisher's path",
    to: vertex("publishers/google/models/gemini-2.5-flash", "europe-west4"),
    usage: ofGemini({ promptTokenCount: 1_000, candidatesTokenCount: 100, trafficType: "ON_DEMAND" }),
    nanos: 1_000 * 300 + 100 * 2_500,
  },
  {
    what: "Claude on Vertex AI's global endpoint",
    to: vertex("claude-sonnet-4-6", "global"),
    usage: ofAnthropic({ input_tokens: 1_000, output_tokens: 100 }),
    nanos: 1_000 * 3_000 + 100 * 15_000,
  },
  {
    what: "Claude in a region of Vertex AI",
    to: vertex("claude-sonnet-4-6", "europe-west1"),
    usage: ofAnthropic({ input_tokens: 1_000, output_tokens: 100 }),
    nanos: (1_000 * 3_000 + 100 * 15_000) * 1.1,
  },
  {
    what: "an older Claude in a region of Vertex AI",
    to: vertex("claude-opus-4-1@20250805", "europe-west1"),
    usage: ofAnthropic({ input_tokens: 1_000, output_tokens: 100 }),
    nanos: 1_000 * 15_000 + 100 * 75_000,
  },
];

/** The providers' own price pages: Mistral Large 2512 $0.50/$0.05/$1.50; Groq gpt-oss-120b $0.15/$0.075/$0.60; DeepSeek V4 Flash off peak $0.22/$0.007/$0.66, at peak twice; Grok 4.6 $2/$0.50/$6, from 200 000 tokens twice; Sonar Pro $3/$15 and $14 a thousand calls. */
const OTHERS: readonly BillCase[] = [
  { what: "Mistral", to: { host: "api.mistral.ai", model: "mistral-large-2512" }, usage: chat(1_000, 100), nanos: 1_000 * 500 + 100 * 1_500 },
  {
    what: "Mistral in the EU, 10 % more",
    to: { host: "api.eu.mistral.ai", model: "mistral-large-2512" },
    usage: chat(1_000, 100, { prompt_tokens_details: { cached_tokens: 300 } }),
    nanos: (700 * 500 + 300 * 50 + 100 * 1_500) * 1.1,
  },
  {
    what: "Groq with a cached part",
    to: { host: "api.groq.com", model: "openai/gpt-oss-120b" },
    usage: chat(1_000, 100, { prompt_tokens_details: { cached_tokens: 600 } }, "on_demand"),
    nanos: 400 * 150 + 600 * 75 + 100 * 600,
  },
  {
    what: "Groq flex, which costs the same",
    to: { host: "api.groq.com", model: "openai/gpt-oss-120b" },
    usage: chat(1_000, 100, {}, "flex"),
    nanos: 1_000 * 150 + 100 * 600,
  },
  {
    what: "DeepSeek at noon, off peak",
    to: { host: "api.deepseek.com", model: "deepseek-v4-flash" },
    usage: chat(1_000, 100, { prompt_cache_hit_tokens: 600, prompt_cache_miss_tokens: 400 }),
    nanos: 400 * 220 + 600 * 7 + 100 * 660,
  },
  {
    what: "DeepSeek at two in the morning (UTC), at peak",
    to: { host: "api.deepseek.com", model: "deepseek-v4-flash", time: Date.UTC(2026, 10, 23, 2) },
    usage: chat(1_000, 100, { prompt_cache_hit_tokens: 600, prompt_cache_miss_tokens: 400 }),
    nanos: 400 * 440 + 600 * 14 + 100 * 1_320,
  },
  {
    what: "xAI, which counts reasoning beside the output",
    to: { host: "api.x.ai", model: "grok-4.6" },
    usage: ofOpenAi({ prompt_tokens: 1_000, completion_tokens: 100, total_tokens: 1_600, completion_tokens_details: { reasoning_tokens: 500 } }, null),
    nanos: 1_000 * 2_000 + 600 * 6_000,
  },
  { what: "xAI in the US, 10 % more", to: { host: "us.api.x.ai", model: "grok-4.6" }, usage: chat(1_000, 100), nanos: (1_000 * 2_000 + 100 * 6_000) * 1.1 },
  { what: "xAI from 200 000 tokens on", to: { host: "api.x.ai", model: "grok-4.6" }, usage: chat(200_000, 100), nanos: 200_000 * 4_000 + 100 * 12_000 },
  {
    what: "Perplexity charges for the call too",
    to: { host: "api.perplexity.ai", model: "sonar-pro" },
    usage: chat(1_000, 100),
    nanos: 1_000 * 3_000 + 100 * 15_000 + 14_000_000,
  },
  { what: "a model server of one's own", to: { host: "vllm.team-a.internal", model: "gpt-oss-120b" }, usage: chat(1_000, 100), nanos: null },
];

/** What an AIBackendPolicy writes. */
const POLICY: readonly BillCase[] = [
  {
    what: "stands in the place of the list",
    to: openai("gpt-5", { price: policyPrice({ inputPerMTok: 1, cachedInputPerMTok: 0.1, outputPerMTok: 8 }) }),
    usage: chat(1_000, 100, { prompt_tokens_details: { cached_tokens: 500 } }),
    nanos: 500 * 1_000 + 500 * 100 + 100 * 8_000,
  },
  {
    what: "in euros",
    to: openai("gpt-5", { price: policyPrice({ inputPerMTok: 1.15, outputPerMTok: 9.2, currency: "EUR" }) }),
    usage: chat(1_000, 100),
    nanos: 1_000 * 1_150 + 100 * 9_200,
    currency: "EUR",
  },
  {
    what: "for a server of one's own",
    to: { host: "vllm.team-a.internal", model: "llama", price: policyPrice({ inputPerMTok: 0.05, outputPerMTok: 0.25 }) },
    usage: chat(1_000, 100),
    nanos: 1_000 * 50 + 100 * 250,
  },
  {
    what: "a cached part without a price is input",
    to: openai("gpt-5", { price: policyPrice({ inputPerMTok: 1, outputPerMTok: 8 }) }),
    usage: chat(1_000, 100, { prompt_tokens_details: { cached_tokens: 500 } }),
    nanos: 1_000 * 1_000 + 100 * 8_000,
    estimated: true,
  },
  {
    what: "reasoning of its own price",
    to: openai("gpt-5", { price: policyPrice({ inputPerMTok: 1, outputPerMTok: 8, reasoningPerMTok: 4 }) }),
    usage: chat(1_000, 100, { completion_tokens_details: { reasoning_tokens: 60 } }),
    nanos: 1_000 * 1_000 + 40 * 8_000 + 60 * 4_000,
  },
  {
    what: "no uplift: what is written is what is paid",
    to: openai("gpt-5.5", { host: "eu.api.openai.com", price: policyPrice({ inputPerMTok: 5, outputPerMTok: 30 }) }),
    usage: chat(1_000, 100),
    nanos: 1_000 * 5_000 + 100 * 30_000,
  },
  {
    what: "another tier makes it an estimate",
    to: openai("gpt-5", { price: policyPrice({ inputPerMTok: 1, outputPerMTok: 8 }) }),
    usage: chat(1_000, 100, {}, "flex"),
    nanos: 1_000 * 1_000 + 100 * 8_000,
    estimated: true,
  },
  { what: "no price of the output", to: openai("gpt-5", { price: policyPrice({ inputPerMTok: 1 }) }), usage: chat(1_000, 100), nanos: null },
  { what: "free of charge is a price", to: openai("x", { price: policyPrice({ inputPerMTok: 0, outputPerMTok: 0 }) }), usage: chat(1_000, 100), nanos: 0 },
];

describe("bills, to the billionth", () => {
  let pricing: Pricing;
  beforeAll(() => {
    pricing = createPricing(async () => genaiPrices);
  });

  const groups = { OPENAI, AZURE, ANTHROPIC, BEDROCK, GOOGLE, OTHERS, POLICY };
  for (const [name, cases] of Object.entries(groups)) {
    it.each(cases.map((one) => [one.what, one] as const))(`${name}: %s`, async (_what, { to, usage, nanos, estimated = false, currency = "USD" }) => {
      const cost = await costOf(pricing, to, usage ?? expect.fail("no usage"));
      const source = to.price === undefined ? "genai-prices@0.1.8" : "policy";
      expect(cost).toEqual(nanos === null ? null : { nanos: Math.round(nanos), currency, source, estimated });
    });
  }

  it("has more than forty of them", () => {
    expect(Object.values(groups).flat().length).toBeGreaterThan(40);
  });
});
