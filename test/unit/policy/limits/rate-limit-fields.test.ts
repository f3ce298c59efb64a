import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseItem } from "../../../../src/lib/structured-item.ts";
import type { LimitRule } from "../../../../src/model/limit.ts";
import { rateLimitFields } from "../../../../src/policy/limits/rate-limit-fields.ts";

const rule = (more: Partial<LimitRule>): LimitRule => ({
  id: "n/p/l",
  gateway: "n/g",
  unit: "requests",
  limit: 10,
  currency: null,
  measure: null,
  window: { kind: "sliding", ms: 60_000 },
  per: ["namespace"],
  match: { namespaces: null, serviceAccounts: null, models: null },
  scope: "call",
  reserve: { kind: "fixed", output: 0 },
  onExceeded: "reject",
  onStoreFailure: { kind: "failClosed" },
  ...more,
});

describe("the RateLimit fields", () => {
  it("tell each limit, the tightest first, in its unit", () => {
    const standings = [
      { rule: rule({ id: "a", unit: "tokens", limit: 1_000 }), remaining: 900, resetMs: 1 },
      {
        rule: rule({ id: "b", unit: "cost", currency: "EUR", limit: 2.5e9, window: { kind: "calendar", period: "day", timeZone: "UTC" } }),
        remaining: 1.2345e9,
        resetMs: 5_001,
      },
      { rule: rule({ id: "c", unit: "concurrency", limit: 4, window: null }), remaining: 0, resetMs: null },
    ];
    expect(rateLimitFields(standings)).toEqual([
      "ratelimit-policy",
      '"c";q=4;qu="concurrent-requests", "b";q=2500000;qu="millionths-of-eur";w=86400, "a";q=1000;qu="tokens";w=60',
      "ratelimit",
      '"c";r=0, "b";r=1234500;t=6, "a";r=900;t=1',
    ]);
  });

  it("say nothing of limits that only watch, and of none", () => {
    expect(rateLimitFields([])).toEqual([]);
    expect(rateLimitFields([{ rule: rule({ onExceeded: "shadow" }), remaining: 1, resetMs: 1 }])).toEqual([]);
  });

  it("are structured fields, whatever the amounts and names, at most ten", () => {
    const amount = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
    // Without a comma, so that the border of two items cannot stand inside of one.
    const id = fc.string().map((text) => text.replaceAll(",", ""));
    const standing = fc
      .tuple(id, fc.constantFrom("requests", "tokens", "cost", "concurrency"), amount, amount, fc.option(amount))
      .map(([id, unit, limit, remaining, resetMs]) => ({ rule: rule({ id, unit: unit as LimitRule["unit"], limit, currency: "USD" }), remaining, resetMs })); // as: of the list above
    fc.assert(
      fc.property(fc.array(standing, { minLength: 1, maxLength: 15 }), (standings) => {
        const fields = rateLimitFields(standings);
        for (const value of [fields[1] ?? "", fields[3] ?? ""]) {
          const items = value.split(/, (?=")/);
          expect(items.length).toBeLessThanOrEqual(10);
          for (const item of items) expect(parseItem(item)).not.toBeNull();
        }
      }),
    );
  });
});
