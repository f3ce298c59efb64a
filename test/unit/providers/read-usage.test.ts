import { describe, expect, it } from "vitest";
import { UNKNOWN_USAGE, type Usage } from "../../../src/model/operation.ts";
import { readUsage as ofAnthropic } from "../../../src/providers/anthropic/read-usage.ts";
import { readUsage as ofBedrock } from "../../../src/providers/bedrock/read-usage.ts";
import { readUsage as ofGemini } from "../../../src/providers/gemini/read-usage.ts";
import { readUsage as ofOpenAi } from "../../../src/providers/openai/read-usage.ts";

/** A usage of which only this is known. */
const known = (part: Partial<Usage>): Usage => ({ ...UNKNOWN_USAGE, ...part });

describe("usage of OpenAI's APIs", () => {
  it("reads audio, images, cache writes and the tier; predictions that were not taken are in the output already", () => {
    const usage = {
      prompt_tokens: 1_000,
      completion_tokens: 300,
      total_tokens: 1_300,
      prompt_tokens_details: { cached_tokens: 200, cache_write_tokens: 64, audio_tokens: 100, image_tokens: 50 },
      completion_tokens_details: { reasoning_tokens: 40, audio_tokens: 20, accepted_prediction_tokens: 10, rejected_prediction_tokens: 30 },
    };
    expect(ofOpenAi(usage, "flex")).toEqual(
      known({
        inputTokens: 1_000,
        outputTokens: 300,
        cacheReadTokens: 200,
        cacheWriteTokens: 64,
        reasoningTokens: 40,
        audioInputTokens: 100,
        audioOutputTokens: 20,
        imageInputTokens: 50,
        serviceTier: "flex",
      }),
    );
  });

  it("adds reasoning that a provider counts beside the output, as its total shows, and only then", () => {
    const beside = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 22, completion_tokens_details: { reasoning_tokens: 7 } };
    expect(ofOpenAi(beside, null)).toMatchObject({ outputTokens: 12, reasoningTokens: 7 });
    expect(ofOpenAi({ ...beside, completion_tokens: 12 }, null)).toMatchObject({ outputTokens: 12 });
    expect(ofOpenAi({ ...beside, total_tokens: undefined }, null)).toMatchObject({ outputTokens: 5 });
  });

  it("reads what was cached where DeepSeek counts it", () => {
    expect(ofOpenAi({ prompt_tokens: 10, prompt_cache_hit_tokens: 8, prompt_cache_miss_tokens: 2 }, null)).toEqual(
      known({ inputTokens: 10, cacheReadTokens: 8 }),
    );
  });

  it.each([
    ["default", "standard"],
    ["on_demand", "standard"],
    ["priority", "priority"],
    ["scale", "prepaid"],
    ["brand-new", "other"],
    ["toString", "other"],
    [null, null],
    ["", null],
    [7, null],
  ])("tier %s is %s", (word, tier) => {
    expect(ofOpenAi({ prompt_tokens: 1 }, word)?.serviceTier).toBe(tier);
  });
});

describe("usage of Anthropic's API", () => {
  it("tells cache writes of an hour from those of five minutes, and reads searches, tier and place", () => {
    const usage = {
      input_tokens: 10,
      cache_creation_input_tokens: 300,
      cache_read_input_tokens: 20,
      cache_creation: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 200 },
      output_tokens: 5,
      server_tool_use: { web_search_requests: 2, web_fetch_requests: 1 },
      service_tier: "standard",
      inference_geo: "us",
    };
    expect(ofAnthropic(usage)).toEqual(
      known({
        inputTokens: 330,
        outputTokens: 5,
        cacheReadTokens: 20,
        cacheWriteTokens: 300,
        cacheWriteHourTokens: 200,
        webSearches: 2,
        serviceTier: "standard",
        processedIn: "us",
      }),
    );
  });

  it("takes the sum of the parts where no total of cache writes is told", () => {
    const usage = { input_tokens: 1, cache_creation: { ephemeral_1h_input_tokens: 4, ephemeral_5m_input_tokens: 3 } };
    expect(ofAnthropic(usage)).toMatchObject({ inputTokens: 8, cacheWriteTokens: 7, cacheWriteHourTokens: 4 });
  });

  it.each([
    [{ speed: "fast", service_tier: "standard" }, "fast"],
    [{ speed: "standard", service_tier: "priority" }, "prepaid"],
    [{ service_tier: "batch" }, "batch"],
    [{}, null],
  ])("%o is %s", (words, tier) => {
    expect(ofAnthropic({ input_tokens: 1, ...words })?.serviceTier).toBe(tier);
  });

  it("knows no place where the model has no choice of it", () => {
    expect(ofAnthropic({ input_tokens: 1, inference_geo: "not_available" })?.processedIn).toBeNull();
  });

  it("adds what compaction used, which no total has, and no other iteration", () => {
    const usage = {
      input_tokens: 10,
      output_tokens: 5,
      cache_read_input_tokens: 0,
      iterations: [
        { type: "message", input_tokens: 10, output_tokens: 5 },
        { type: "compaction", input_tokens: 1_000, output_tokens: 70, cache_read_input_tokens: 200, cache_creation_input_tokens: 0 },
      ],
    };
    expect(ofAnthropic(usage)).toMatchObject({ inputTokens: 1_210, outputTokens: 75, cacheReadTokens: 200 });
  });
});

describe("usage of Bedrock's Converse API", () => {
  it("tells cache writes of an hour from those of five minutes, and reads the tier", () => {
    const usage = {
      inputTokens: 10,
      outputTokens: 5,
      cacheReadInputTokens: 20,
      cacheWriteInputTokens: 300,
      cacheDetails: [
        { ttl: "1h", inputTokens: 200 },
        { ttl: "5m", inputTokens: 100 },
      ],
    };
    expect(ofBedrock({ usage, serviceTier: { type: "reserved" } })).toEqual(
      known({ inputTokens: 330, outputTokens: 5, cacheReadTokens: 20, cacheWriteTokens: 300, cacheWriteHourTokens: 200, serviceTier: "prepaid" }),
    );
  });

  it.each([
    [{ serviceTier: { type: "default" } }, "standard"],
    [{ serviceTier: { type: "flex" } }, "flex"],
    [{ performanceConfig: { latency: "optimized" }, serviceTier: { type: "default" } }, "fast"],
    [{ performanceConfig: { latency: "standard" } }, null],
  ])("%o is %s", (words, tier) => {
    expect(ofBedrock({ usage: { inputTokens: 1 }, ...words })?.serviceTier).toBe(tier);
  });

  it("is unknown without a usage object", () => {
    expect(ofBedrock({ serviceTier: { type: "default" } })).toBeNull();
  });
});

describe("usage of Gemini's API", () => {
  it("adds thoughts to the output and what tools read to the input, and tells audio and images apart", () => {
    const usage = {
      promptTokenCount: 1_000,
      cachedContentTokenCount: 400,
      candidatesTokenCount: 50,
      thoughtsTokenCount: 30,
      toolUsePromptTokenCount: 7,
      promptTokensDetails: [
        { modality: "TEXT", tokenCount: 600 },
        { modality: "AUDIO", tokenCount: 300 },
        { modality: "IMAGE", tokenCount: 100 },
      ],
      toolUsePromptTokensDetails: [{ modality: "AUDIO", tokenCount: 7 }],
      cacheTokensDetails: [{ modality: "AUDIO", tokenCount: 120 }],
      candidatesTokensDetails: [{ modality: "IMAGE", tokenCount: 40 }],
      trafficType: "ON_DEMAND",
    };
    expect(ofGemini(usage)).toEqual(
      known({
        inputTokens: 1_007,
        outputTokens: 80,
        cacheReadTokens: 400,
        reasoningTokens: 30,
        audioInputTokens: 307,
        audioOutputTokens: 0,
        cacheReadAudioTokens: 120,
        imageInputTokens: 100,
        imageOutputTokens: 40,
        serviceTier: "standard",
      }),
    );
  });

  it.each([
    [{ serviceTier: "flex" }, "flex"],
    [{ serviceTier: "unspecified", trafficType: "PROVISIONED_THROUGHPUT" }, "prepaid"],
    [{ trafficType: "ON_DEMAND_OFFPEAK" }, "other"],
    [{ trafficType: "TRAFFIC_TYPE_UNSPECIFIED" }, null],
  ])("%o is %s", (words, tier) => {
    expect(ofGemini({ promptTokenCount: 1, ...words })?.serviceTier).toBe(tier);
  });

  it("tells of nothing that it was not told", () => {
    expect(ofGemini({ promptTokenCount: 3 })).toEqual(known({ inputTokens: 3, outputTokens: 0 }));
  });
});
