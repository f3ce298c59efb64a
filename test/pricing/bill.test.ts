import { calcPrice } from "@pydantic/genai-prices";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { genaiPrices } from "../../adapters/prices/genai-prices.ts";
import { UNKNOWN_USAGE, type Usage } from "../../src/model/operation.ts";
import { NO_PRICES, type Price, type PriceSheet } from "../../src/model/price.ts";
import { bill } from "../../src/pricing/bill.ts";

const tokens = fc.integer({ min: 0, max: 2_000_000 });
const maybe = fc.option(tokens);
/** Prices with few decimals, as lists have them. */
const price = fc.integer({ min: 0, max: 1_000_000 }).map((thousandths) => thousandths / 1_000);
const counts = {
  ...Object.fromEntries(Object.keys(UNKNOWN_USAGE).map((name) => [name, maybe])),
  serviceTier: fc.constant(null),
  processedIn: fc.constant(null),
};
// `as`: every member is there.
const usage = fc.record(counts) as unknown as fc.Arbitrary<Usage>;
const sheet: fc.Arbitrary<PriceSheet> = fc.record({
  ...Object.fromEntries(Object.keys(NO_PRICES).map((name) => [name, fc.option(price)])),
  currency: fc.constant("USD"),
  source: fc.constant("test"),
}) as unknown as fc.Arbitrary<PriceSheet>; // every member is there

/** Usage that is free of contradictions: every part is inside of what it is part of, and parts do not overlap but where they are told to. */
const sound: fc.Arbitrary<Usage> = fc
  .record({ plain: tokens, read: tokens, write: tokens, hour: tokens, text: tokens, reasoning: tokens })
  .map(({ plain, read, write, hour, text, reasoning }) => ({
    ...UNKNOWN_USAGE,
    inputTokens: plain + read + write + hour,
    cacheReadTokens: read,
    cacheWriteTokens: write + hour,
    cacheWriteHourTokens: hour,
    outputTokens: text + reasoning,
    reasoningTokens: reasoning,
  }));
const flat: PriceSheet = { ...NO_PRICES, currency: "USD", source: "test", input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75, cacheWriteHour: 6 };

const added = (one: Usage, other: Usage): Usage => {
  const sum = (name: "inputTokens" | "outputTokens" | "cacheReadTokens" | "cacheWriteTokens" | "cacheWriteHourTokens" | "reasoningTokens") =>
    (one[name] ?? 0) + (other[name] ?? 0);
  return {
    ...UNKNOWN_USAGE,
    inputTokens: sum("inputTokens"),
    outputTokens: sum("outputTokens"),
    cacheReadTokens: sum("cacheReadTokens"),
    cacheWriteTokens: sum("cacheWriteTokens"),
    cacheWriteHourTokens: sum("cacheWriteHourTokens"),
    reasoningTokens: sum("reasoningTokens"),
  };
};

describe("a bill", () => {
  it("is never negative and never a fraction, whatever a provider reports", () => {
    fc.assert(
      fc.property(sheet, usage, fc.constantFrom(0.5, 1, 1.1, 6), (prices, used, times) => {
        const found = bill(prices, used, times);
        if (found !== null) {
          expect(found.nanos).toBeGreaterThanOrEqual(0);
          expect(Number.isSafeInteger(found.nanos)).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("is unknown exactly where input or output is used that has no price, or nobody knows how much", () => {
    fc.assert(
      fc.property(sheet, usage, (prices, used) => {
        const input = used.inputTokens === null || (used.inputTokens > 0 && prices.input === null);
        const output = used.outputTokens === null ? prices.output !== null : used.outputTokens > 0 && prices.output === null;
        expect(bill(prices, used, 1) === null).toBe(input || output);
      }),
      { numRuns: 2_000 },
    );
  });

  it("grows with what is used", () => {
    fc.assert(
      fc.property(sound, sound, (one, other) => {
        expect(bill(flat, added(one, other), 1)?.nanos).toBeGreaterThanOrEqual(bill(flat, one, 1)?.nanos ?? expect.fail());
      }),
    );
  });

  it("of two calls is the sum of their bills, but for rounding", () => {
    fc.assert(
      fc.property(sound, sound, (one, other) => {
        const [both, first, second] = [added(one, other), one, other].map((used) => bill(flat, used, 1)?.nanos ?? expect.fail());
        expect(Math.abs((both ?? 0) - (first ?? 0) - (second ?? 0))).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("of a sound usage with all its prices is no estimate, and without one of them it is", () => {
    fc.assert(
      fc.property(sound, (used) => {
        expect(bill(flat, used, 1)?.estimated).toBe(false);
        expect(bill({ ...flat, cacheRead: null }, used, 1)?.estimated).toBe((used.cacheReadTokens ?? 0) > 0);
      }),
    );
  });

  it("agrees with the price list's own sums wherever that can add up", () => {
    const models = [
      ["openai", "openai", "gpt-5.5"],
      ["anthropic", "anthropic", "claude-opus-5-5"],
      ["gcp.gemini", "google", "gemini-2.5-pro"],
      ["aws.bedrock", "aws", "eu.anthropic.claude-opus-5-5"],
      ["x_ai", "x-ai", "grok-4.6"],
    ] as const;
    fc.assert(
      fc.property(sound, fc.constantFrom(...models), (used, [provider, providerId, model]) => {
        const time = Date.UTC(2026, 10, 23, 12);
        const theirs = calcPrice(
          {
            input_tokens: used.inputTokens ?? 0,
            output_tokens: used.outputTokens ?? 0,
            cache_read_tokens: used.cacheReadTokens ?? 0,
            cache_write_tokens: used.cacheWriteTokens ?? 0,
            cache_write_1h_tokens: used.cacheWriteHourTokens ?? 0,
          },
          model,
          { providerId, timestamp: new Date(time) },
        );
        const ours = bill(genaiPrices.sheet({ provider, model, time }) ?? expect.fail(), used, 1);
        // Where the list has no price of an hour, it takes the other; we take twice the input.
        fc.pre(!(ours?.estimated === true && (used.cacheWriteHourTokens ?? 0) > 0));
        expect(Math.abs((ours?.nanos ?? Number.NaN) - (theirs?.total_price ?? Number.NaN) * 1e9)).toBeLessThanOrEqual(2);
      }),
    );
  });

  it("takes the price of the highest step below the input, for all of the call", () => {
    const stepped: Price = {
      base: 1,
      steps: [
        { above: 10, price: 2 },
        { above: 20, price: 3 },
      ],
    };
    const cost = (input: number) => bill({ ...flat, input: stepped, output: stepped }, { ...UNKNOWN_USAGE, inputTokens: input, outputTokens: 1 }, 1)?.nanos;
    expect([10, 11, 20, 21].map(cost)).toEqual([11 * 1_000, 12 * 2_000, 21 * 2_000, 22 * 3_000]);
  });
});
