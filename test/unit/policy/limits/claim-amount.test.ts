import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LimitRule, UsageExpression, UsageVariable } from "../../../../src/model/limit.ts";
import { UNKNOWN_USAGE } from "../../../../src/model/operation.ts";
import type { RateCard } from "../../../../src/model/price.ts";
import { claimAmount, type UsageEstimate, usedAmount } from "../../../../src/policy/limits/claim-amount.ts";

const RULE: LimitRule = {
  id: "n/p/l",
  gateway: "n/g",
  unit: "tokens",
  limit: 1_000,
  currency: null,
  measure: null,
  window: { kind: "sliding", ms: 60_000 },
  per: [],
  match: { namespaces: null, serviceAccounts: null, models: null },
  scope: "call",
  reserve: { kind: "inputPlusMaxOutput", output: 400 },
  onExceeded: "reject",
  onStoreFailure: { kind: "failClosed" },
};
const COST: LimitRule = { ...RULE, unit: "cost", currency: "USD" };
const RATES: RateCard = { currency: "USD", source: "policy", input: 0.000001, cachedInput: 0.0000001, output: 0.00001 };
const ESTIMATE: UsageEstimate = { inputTokens: 50, maxOutputTokens: 100, choices: 2, blind: false };
const usage = (inputTokens: number | null, outputTokens: number | null) => ({ ...UNKNOWN_USAGE, inputTokens, outputTokens });

describe("what a call claims", () => {
  it("of requests and of places is one", () => {
    for (const unit of ["requests", "concurrency"] as const) expect(claimAmount({ ...RULE, unit }, ESTIMATE, null)).toBe(1);
  });

  it.each([
    ["the caller's bound, for every choice", {}, ESTIMATE, 250],
    ["the policy's where the caller names none", {}, { ...ESTIMATE, maxOutputTokens: null }, 850],
    ["input only", { kind: "input" as const }, ESTIMATE, 50],
    ["a fixed amount", { kind: "fixed" as const }, ESTIMATE, 400],
    ["of a WebSocket the policy's assumption", {}, { ...ESTIMATE, blind: true }, 400],
  ])("of tokens is %s", (_what, reserve, estimate, amount) => {
    expect(claimAmount({ ...RULE, reserve: { ...RULE.reserve, ...reserve } }, estimate, null)).toBe(amount);
  });

  it("of money is by the prices, rounded up to a billionth; without a price it is unknown", () => {
    expect(claimAmount(COST, ESTIMATE, RATES)).toBe(50 * 1_000 + 200 * 10_000);
    expect(claimAmount(COST, ESTIMATE, null)).toBeNull();
    expect(claimAmount(COST, ESTIMATE, { ...RATES, currency: "EUR" })).toBeNull();
    expect(claimAmount(COST, ESTIMATE, { ...RATES, output: null })).toBeNull();
    // What is not used needs no price.
    expect(claimAmount(COST, { ...ESTIMATE, maxOutputTokens: 0 }, { ...RATES, output: null })).toBe(50_000);
    expect(claimAmount(COST, { ...ESTIMATE, inputTokens: 1, maxOutputTokens: 0 }, { ...RATES, input: 1e-12 })).toBe(1);
  });

  it("by an expression is what it says, never less than nothing", () => {
    const four = { op: "*", left: { op: "number", value: 4 }, right: { op: "variable", name: "output" } } as const;
    expect(claimAmount({ ...RULE, measure: four }, ESTIMATE, null)).toBe(800);
    expect(claimAmount({ ...RULE, measure: { op: "-", left: { op: "number", value: 0 }, right: four } }, ESTIMATE, null)).toBe(0);
  });
});

describe("what an expression may name", () => {
  const named = (name: UsageVariable): UsageExpression => ({ op: "*", left: { op: "number", value: 1_000_000 }, right: { op: "variable", name } });
  const everything = {
    inputTokens: 11,
    outputTokens: 13,
    cacheReadTokens: 2,
    cacheWriteTokens: 3,
    reasoningTokens: 5,
    audioInputTokens: 7,
    audioOutputTokens: 17,
  };
  const rates: RateCard = { ...RATES, input: 19, cachedInput: 23, output: 29 };

  it.each<[UsageVariable, number]>([
    ["input", 11],
    ["output", 13],
    ["total", 24],
    ["cachedInput", 2],
    ["cacheWrite", 3],
    ["reasoning", 5],
    ["audioInput", 7],
    ["audioOutput", 17],
    ["price.input", 19],
    ["price.cachedInput", 23],
    ["price.output", 29],
  ])("%s is %i", (name, value) => {
    const rule = { ...RULE, measure: named(name) };
    expect(usedAmount(rule, { ...UNKNOWN_USAGE, ...everything }, null, rates)).toBe(value * 1_000_000);
  });

  it("before the call only what is expected of it and the prices are known", () => {
    expect(claimAmount({ ...RULE, measure: named("total") }, ESTIMATE, null)).toBe(250_000_000);
    expect(claimAmount({ ...RULE, measure: named("price.input") }, ESTIMATE, rates)).toBe(19_000_000);
    // Nobody knows what will be read from a cache: all of it is claimed.
    expect(claimAmount({ ...RULE, measure: named("price.input") }, ESTIMATE, null)).toBe(250);
  });

  it("a fixed reserve, and a call that nobody can look into, claim what the policy says, whatever the expression", () => {
    const rule = { ...RULE, measure: named("output") };
    expect(claimAmount({ ...rule, reserve: { kind: "fixed", output: 400 } }, ESTIMATE, null)).toBe(400);
    expect(claimAmount(rule, { ...ESTIMATE, blind: true }, null)).toBe(400);
  });

  it("of money it gives money, and no price of the route's stands in for it", () => {
    const rule = { ...COST, measure: named("price.output") };
    expect(
      usedAmount(rule, { ...UNKNOWN_USAGE, ...everything }, { nanos: 5, currency: "USD", source: "policy", estimated: false }, { ...rates, output: 0.000001 }),
    ).toBe(1_000_000_000);
    expect(usedAmount(COST, { ...UNKNOWN_USAGE, ...everything }, { nanos: 5, currency: "USD", source: "policy", estimated: false }, rates)).toBe(5);
  });
});

describe("what a call has used", () => {
  it("is what the provider counted; unknown is unknown", () => {
    expect(usedAmount(RULE, usage(3, 4), null, null)).toBe(7);
    expect(usedAmount(RULE, null, null, null)).toBeNull();
    expect(usedAmount({ ...RULE, unit: "requests" }, null, null, null)).toBe(1);
    expect(usedAmount({ ...RULE, unit: "concurrency" }, null, null, null)).toBe(0);
  });

  it("of money is the call's cost, else its tokens by the prices that were claimed by, never another currency", () => {
    const cost = { nanos: 77, currency: "USD", source: "policy", estimated: false };
    expect(usedAmount(COST, usage(3, 4), cost, RATES)).toBe(77);
    expect(usedAmount(COST, usage(3, 4), { ...cost, currency: "EUR" }, RATES)).toBeNull();
    expect(usedAmount(COST, usage(3, 4), null, RATES)).toBe(43_000);
    expect(usedAmount(COST, usage(3, 4), null, null)).toBeNull();
  });

  it("is never more than was claimed where the provider keeps to the bounds and the estimate of input holds", () => {
    const tokens = fc.integer({ min: 0, max: 1e6 });
    fc.assert(
      fc.property(tokens, tokens, fc.integer({ min: 1, max: 8 }), tokens, tokens, (input, bound, choices, lessInput, lessOutput) => {
        const estimate: UsageEstimate = { inputTokens: input, maxOutputTokens: bound, choices, blind: false };
        const used = usage(Math.min(input, lessInput), Math.min(bound * choices, lessOutput));
        for (const rule of [RULE, COST]) expect(usedAmount(rule, used, null, RATES) ?? 0).toBeLessThanOrEqual(claimAmount(rule, estimate, RATES) ?? 0);
      }),
    );
  });
});
