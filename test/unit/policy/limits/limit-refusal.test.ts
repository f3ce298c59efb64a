import { describe, expect, it } from "vitest";
import type { LimitClaim } from "../../../../src/policy/limits/limit-desk.ts";
import { limitRefusal, unpricedRefusal } from "../../../../src/policy/limits/limit-refusal.ts";
import { claim, makeLimit } from "../../../fakes/limit-world.ts";

const TOKENS = makeLimit({ unit: "tokens", limit: 1_000 });
const COST = makeLimit({ unit: "cost", limit: 2_500_000_000, currency: "EUR" });

function refused(of: LimitClaim, remaining: number, retryAfterMs: number | null) {
  return limitRefusal({ claim: of, reason: "exceeded", remaining, retryAfterMs });
}

describe("what a caller is told of a limit", () => {
  it("is 503 and a second where nobody could count", () => {
    const refusal = limitRefusal({ claim: claim(TOKENS), reason: "unavailable", remaining: 0, retryAfterMs: 9_000 });
    expect(refusal).toMatchObject({ code: "limits_unavailable", status: 503, retryAfter: 1, headers: [] });
    expect(refusal.detail).toContain("team/policy/limit");
  });

  it("is 429, when to come again, and the RateLimit fields", () => {
    const refusal = refused(claim(TOKENS, 300), 200, 59_001);
    expect(refusal).toMatchObject({ code: "limit_exceeded", status: 429, retryAfter: 60 });
    expect(refusal.headers).toEqual(["ratelimit-policy", '"team/policy/limit";q=1000;qu="tokens";w=60', "ratelimit", '"team/policy/limit";r=200;t=60']);
    expect(refusal.detail).toBe("The limit team/policy/limit of 1000 tokens has 200 tokens left. The call may need 300 tokens.");
  });

  it("tells SDKs to leave alone what does not succeed within a minute, or ever", () => {
    const doNot = ["x-should-retry", "false", "ratelimit-policy"];
    expect(refused(claim(TOKENS, 1), 0, 60_000).headers[0]).toBe("ratelimit-policy");
    expect(refused(claim(TOKENS, 1), 0, 60_001).headers.slice(0, 3)).toEqual(doNot);
    const never = refused(claim(TOKENS, 1_001), 0, null);
    expect(never).toMatchObject({ code: "limit_exceeded", retryAfter: null });
    expect(never.headers.slice(0, 3)).toEqual(doNot);
    expect(never.headers.at(-1)).toBe('"team/policy/limit";r=0');
  });

  it("names amounts in the limit's unit", () => {
    expect(refused(claim(makeLimit()), 0, 5).detail).toBe("The limit team/policy/limit of 100 requests has 0 requests left.");
    expect(refused(claim(makeLimit({ unit: "concurrency", limit: 4, window: null })), 0, 5).detail).toBe(
      "The limit team/policy/limit of 4 calls at the same time is reached.",
    );
    expect(refused(claim(COST, 123_456_789), 1_000_000, 5).detail).toBe(
      "The limit team/policy/limit of 2.50 EUR has 0.001 EUR left. The call may need 0.123457 EUR.",
    );
    expect(refused(claim({ ...COST, currency: null }, 10_000), 10_000_000_000, 5).detail).toBe(
      "The limit team/policy/limit of 2.50 has 10.00 left. The call may need 0.00001.",
    );
  });

  it("advises to ask for less where that helps", () => {
    const advice = "Ask for less output (max_tokens) or send less.";
    const tooLarge = (of: LimitClaim) => refused(of, 0, null).detail;
    expect(tooLarge(claim(TOKENS, 1_001))).toBe(
      `The call may need 1001 tokens, and the limit team/policy/limit is 1000 tokens: it cannot be made at all. ${advice}`,
    );
    expect(tooLarge(claim(COST, 3_000_000_000))).toContain(advice);
    expect(tooLarge(claim(makeLimit({ limit: 0 })))).toBe(
      "The call may need 1 requests, and the limit team/policy/limit is 0 requests: it cannot be made at all.",
    );
  });
});

describe("a call whose price nobody knows", () => {
  it("is refused, and SDKs leave it alone", () => {
    const refusal = unpricedRefusal(COST, "m-1", "a/backend");
    expect(refusal).toMatchObject({ code: "limit_exceeded", status: 429, retryAfter: null, headers: ["x-should-retry", "false"] });
    expect(refusal.detail).toContain('no price in EUR is known for model "m-1" at a/backend');
    expect(unpricedRefusal({ ...COST, currency: null }, null, "b").detail).toContain('no price in its currency is known for model "" at b');
  });
});
