import { expect, it } from "vitest";
import { exceeded, tightest, unavailable } from "../../../../src/policy/limits/shortage.ts";
import { claim, makeLimit } from "../../../fakes/limit-world.ts";

const SLIDING = claim(makeLimit(), 5);
const CALLS = claim(makeLimit({ unit: "concurrency", window: null }));

it("says when there may be room: the store's word, or the rest of the window", () => {
  expect(exceeded(SLIDING, 3, 700, 9_000)).toEqual({ claim: SLIDING, reason: "exceeded", remaining: 3, retryAfterMs: 700 });
  expect(exceeded(SLIDING, 3, null, 9_000)).toMatchObject({ retryAfterMs: 9_000 });
  expect(exceeded(SLIDING, -3, 0, 9_000)).toMatchObject({ remaining: 0, retryAfterMs: 1 });
  expect(exceeded(SLIDING, 0, -5, 9_000)).toMatchObject({ retryAfterMs: 1 });
});

it("says never for what is larger than the limit, and for that only", () => {
  expect(exceeded(claim(makeLimit(), 101), 0, 700, 9_000).retryAfterMs).toBeNull();
  expect(exceeded(claim(makeLimit(), 100), 0, 700, 9_000).retryAfterMs).toBe(700);
});

it("says a second at most where any call's end may make room", () => {
  expect(exceeded(CALLS, 0, 25_000, 0).retryAfterMs).toBe(1_000);
  expect(exceeded(CALLS, 0, 300, 0).retryAfterMs).toBe(300);
  expect(exceeded(CALLS, 0, null, 0).retryAfterMs).toBe(1);
});

it("a store that gives no answer is asked again after a second", () => {
  expect(unavailable(SLIDING)).toEqual({ claim: SLIDING, reason: "unavailable", remaining: 0, retryAfterMs: 1_000 });
});

it("the tightest is no answer, then never, then whoever waits longest; of equals the first", () => {
  const soon = exceeded(SLIDING, 0, 10, 0);
  const late = exceeded(SLIDING, 0, 20, 0);
  const never = exceeded(claim(makeLimit(), 101), 0, null, 0);
  const silent = unavailable(SLIDING);
  expect(tightest([])).toBeNull();
  expect(tightest([soon, late])).toBe(late);
  expect(tightest([late, soon])).toBe(late);
  expect(tightest([late, never, soon])).toBe(never);
  expect(tightest([never, silent, late])).toBe(silent);
  expect(tightest([silent, never])).toBe(silent);
  expect(tightest([silent, unavailable(CALLS)])).toBe(silent);
});
