import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LimitRule } from "../../../../src/model/limit.ts";
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
