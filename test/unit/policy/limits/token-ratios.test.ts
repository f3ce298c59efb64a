import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createTokenRatios } from "../../../../src/policy/limits/token-ratios.ts";

describe("bytes per token", () => {
  it("begins with a guess, and comes near to what a provider reports", () => {
    const ratios = createTokenRatios();
    expect(ratios.of("m")).toBe(3.5);
    for (let call = 0; call < 60; call += 1) ratios.learn("m", 5_000, 1_000);
    expect(ratios.of("m")).toBeCloseTo(5, 1);
    expect(ratios.of("other")).toBe(3.5);
  });

  it("stays within bounds, whatever callers send", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: -5, max: 1e9 }), fc.integer({ min: -5, max: 1e9 }))), (reports) => {
        const ratios = createTokenRatios();
        for (const [bytes, tokens] of reports) ratios.learn("m", bytes, tokens);
        expect(ratios.of("m")).toBeGreaterThanOrEqual(1.5);
        expect(ratios.of("m")).toBeLessThanOrEqual(8);
      }),
    );
  });

  it("learns nothing from short requests, which are mostly envelope", () => {
    const ratios = createTokenRatios();
    ratios.learn("m", 300, 10);
    ratios.learn("m", 300, 49);
    expect(ratios.of("m")).toBe(3.5);
    ratios.learn("m", 300, 50);
    expect(ratios.of("m")).toBeCloseTo(3.75, 10);
  });

  it("learns nothing from a request without bytes, of which something was counted all the same", () => {
    const ratios = createTokenRatios();
    for (const bytes of [0, -1]) ratios.learn("m", bytes, 100);
    expect(ratios.of("m")).toBe(3.5);
  });

  it("keeps a model that is used, however many come after", () => {
    const ratios = createTokenRatios();
    ratios.learn("used", 800, 100);
    for (let model = 0; model < 1_000; model += 1) {
      ratios.learn(`m${model}`, 800, 100);
      ratios.learn("used", 800, 100);
    }
    expect(ratios.of("used")).toBeGreaterThan(7.9);
    expect(ratios.of("m999")).toBeCloseTo(3.95, 10);
    expect(ratios.of("m744")).toBe(3.5);
  });

  it("forgets the models that were used longest ago", () => {
    const ratios = createTokenRatios();
    ratios.learn("first", 800, 100);
    for (let model = 0; model < 255; model += 1) ratios.learn(`m${model}`, 800, 100);
    expect(ratios.of("first")).not.toBe(3.5);
    ratios.learn("one more", 800, 100);
    expect(ratios.of("first")).toBe(3.5);
  });
});
