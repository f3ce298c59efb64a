import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { genaiPrices } from "../../adapters/prices/genai-prices.ts";
import { namesInBook } from "../../adapters/prices/names-in-book.ts";
import { API_PRESETS } from "../../src/config/api-presets.ts";
import { UNKNOWN_USAGE } from "../../src/model/operation.ts";
import type { PriceBook } from "../../src/model/price.ts";
import { providerNameOf } from "../../src/model/provider-name.ts";
import { createPricing } from "../../src/pricing/create-pricing.ts";
import { PLACE_RULES, TIER_RULES } from "../../src/pricing/uplifts.ts";
import { makeApi } from "../unit/plan/make-target.ts";
import { costOf, type Destination, NOON, ratesOf } from "./priced.ts";

const used = { ...UNKNOWN_USAGE, inputTokens: 1_000, outputTokens: 100 };

/** A book that knows one model, and remembers what it was asked. */
function book(): PriceBook & { readonly asked: string[] } {
  const asked: string[] = [];
  const sheet = genaiPrices.sheet({ provider: "openai", model: "gpt-5", time: NOON });
  return {
    source: "test",
    asked,
    sheet: ({ provider, model, time }) => {
      asked.push(`${provider} ${model} ${new Date(time).toISOString().slice(11, 16)}`);
      return model === "gpt-5" ? sheet : null;
    },
  };
}

describe("the book of prices", () => {
  it("says which version of the package it is", () => {
    const text = readFileSync(join(import.meta.dirname, "../../node_modules/@pydantic/genai-prices/package.json"), "utf8");
    const { version } = JSON.parse(text) as { version: string }; // npm's own format
    expect(genaiPrices.source).toBe(`genai-prices@${version}`);
  });

  it.each([
    ["aws.bedrock", "eu.anthropic.claude-x-v1:0", ["eu.anthropic.claude-x-v1:0", "anthropic.claude-x-v1:0"]],
    ["aws.bedrock", "us-gov.anthropic.claude-x-v1:0", ["us-gov.anthropic.claude-x-v1:0", "anthropic.claude-x-v1:0"]],
    ["aws.bedrock", "global.anthropic.claude-x-v1:0", ["global.anthropic.claude-x-v1:0"]],
    ["aws.bedrock", "meta.llama3-1-70b-instruct-v1:0", ["meta.llama3-1-70b-instruct-v1:0"]],
    ["aws.bedrock", "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-pro-v1:0", ["amazon.nova-pro-v1:0"]],
    ["aws.bedrock", "arn:aws:bedrock:eu-west-1:1:provisioned-model/abc", []],
    ["aws.bedrock", "arn:aws:bedrock:eu-west-1:1:prompt/ABC:1", []],
    ["aws.bedrock", "claude-sonnet-4-5", []],
    ["gcp.vertex_ai", "publishers/anthropic/models/claude-x@20250929", ["claude-x@20250929", "claude-x"]],
    ["gcp.vertex_ai", "google/gemini-2.0-flash-001", ["gemini-2.0-flash-001", "gemini-2.0-flash"]],
    ["gcp.vertex_ai", "claude-x@default", ["claude-x"]],
    ["gcp.vertex_ai", "endpoints/1234", []],
    ["openai", "gpt-9-2027-01-02", ["gpt-9-2027-01-02", "gpt-9"]],
    ["groq", "openai/gpt-oss-120b", ["openai/gpt-oss-120b"]],
  ])("looks for a model of %s, %s, under %j", (provider, model, names) => {
    expect(namesInBook(provider, model)).toEqual(names);
  });

  it("knows no price of what is free of charge there: nobody says for how long, and for whom", () => {
    expect(genaiPrices.sheet({ provider: "mistral_ai", model: "devstral-small:free", time: NOON })?.input ?? null).toBeNull();
  });

  it("has an answer for any name", () => {
    for (const model of ["", " ", "*", "[", "\u0000", "../..", "a".repeat(256), "__proto__"]) {
      for (const provider of ["openai", "aws.bedrock", "gcp.vertex_ai", "openrouter", "nobody"]) {
        expect(() => genaiPrices.sheet({ provider, model, time: NOON })).not.toThrow();
      }
    }
  });
});

describe("pricing", () => {
  const to: Destination = { host: "api.openai.com", model: "gpt-5" };

  it("asks the book once for a model, be it there or not, until prices may have changed", async () => {
    const one = book();
    const pricing = createPricing(async () => one);
    for (let call = 0; call < 3; call += 1) await costOf(pricing, to, used);
    for (let call = 0; call < 3; call += 1) await costOf(pricing, { ...to, model: "nobody" }, used);
    expect(one.asked).toEqual(["openai gpt-5 12:00", "openai nobody 12:00"]);
    await costOf(pricing, { ...to, time: NOON + 29 * 60_000 }, used);
    expect(one.asked).toHaveLength(2);
    await costOf(pricing, { ...to, time: NOON + 30 * 60_000 }, used);
    expect(one.asked.at(-1)).toBe("openai gpt-5 12:30");
  });

  it("does not look up what is no name of a model", async () => {
    const one = book();
    await costOf(
      createPricing(async () => one),
      { ...to, model: "x".repeat(257) },
      used,
    );
    expect(one.asked).toEqual([]);
  });

  it("answers at once when the book is there, and does not wait for it where it is not needed", async () => {
    const pricing = createPricing(async () => genaiPrices);
    expect(await costOf(pricing, to, used)).not.toBeNull();
    const { backend } = { backend: { origin: { scheme: "https", hostname: "vllm.internal", port: 443 }, api: null } as never };
    expect(pricing.costOf({ backend, price: null, model: "x", served: null, time: NOON }, used, false)).toBeNull();
  });

  it("marks what was estimated", async () => {
    expect(
      (
        await costOf(
          createPricing(async () => genaiPrices),
          to,
          used,
          true,
        )
      )?.estimated,
    ).toBe(true);
  });

  it("gives the rates of a call by its input, with what its place adds", async () => {
    const pricing = createPricing(async () => genaiPrices);
    const eu: Destination = { host: "eu.api.openai.com", model: "gpt-5.5" };
    expect(await ratesOf(pricing, to)).toMatchObject({ currency: "USD", input: 1.25e-6, cachedInput: 0.125e-6, output: 10e-6 });
    expect((await ratesOf(pricing, eu, 1_000))?.input).toBeCloseTo(5.5e-6, 15);
    expect((await ratesOf(pricing, eu, 300_000))?.input).toBeCloseTo(11e-6, 15);
    expect(await ratesOf(pricing, { ...to, model: "nobody" })).toBeNull();
  });
});

describe("who serves a backend", () => {
  const at = (hostname: string, provider: string | null = null) =>
    providerNameOf({ origin: { scheme: "https", hostname, port: 443 }, api: provider === null ? null : makeApi({ provider }) });

  it.each([
    ["api.openai.com", "openai"],
    ["eu.api.openai.com", "openai"],
    ["team-a.openai.azure.com", "azure.ai.openai"],
    ["api.anthropic.com", "anthropic"],
    ["bedrock-runtime.eu-central-1.amazonaws.com", "aws.bedrock"],
    ["bedrock-runtime-fips.us-east-1.amazonaws.com", "aws.bedrock"],
    ["vpce-1.bedrock-runtime.eu-west-1.vpce.amazonaws.com", "aws.bedrock"],
    ["aiplatform.eu.rep.googleapis.com", "gcp.vertex_ai"],
    ["europe-west4-aiplatform.googleapis.com", "gcp.vertex_ai"],
    ["generativelanguage.googleapis.com", "gcp.gemini"],
    ["api.eu.mistral.ai", "mistral_ai"],
    ["us.api.x.ai", "x_ai"],
    ["api.openai.com.evil.example", null],
    ["evilapi.openai.com", null],
    ["vllm.team-a.internal", null],
  ])("%s is %s", (hostname, provider) => {
    expect(at(hostname)).toBe(provider);
  });

  it("is whom the manifest names where the host says nothing, and the host where both do", () => {
    expect(at("proxy.internal", "groq")).toBe("groq");
    expect(at("api.openai.com", "groq")).toBe("openai");
  });

  it("is the same for a preset's own host and for the preset", () => {
    for (const { host, provider } of Object.values(API_PRESETS)) if (host !== null && provider !== null) expect(at(host)).toBe(provider);
  });
});

describe("what providers add to their lists", () => {
  it("has a source and a date each, and no factor that cannot be", () => {
    for (const rule of [...TIER_RULES, ...PLACE_RULES]) {
      expect(rule.source).not.toBe("");
      expect(rule.checkedAt).toMatch(/^\d{4}-\d{2}-\d{2}$/);
      expect(rule.times).toBeGreaterThanOrEqual(0.25);
      expect(rule.times).toBeLessThanOrEqual(10);
    }
  });
});
