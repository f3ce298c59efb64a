import { expect, it } from "vitest";
import { createRetryBudget } from "../../../src/plan/retry-budget.ts";
import { createFakeClock } from "../../fakes/clock.ts";

/** Repeats that are allowed right now, each charged. */
function drain(budget: ReturnType<typeof createRetryBudget>, key: string): number {
  let count = 0;
  while (budget.allow(key, null) && count < 1_000) {
    budget.charge(key, true, null);
    count += 1;
  }
  return count;
}

it("allows three repeats whatever the traffic", () => {
  const budget = createRetryBudget(createFakeClock());
  expect(drain(budget, "a")).toBe(3);
  expect(drain(budget, "b")).toBe(3);
});

it("B9: allows a tenth of the first attempts", () => {
  const budget = createRetryBudget(createFakeClock());
  for (let i = 0; i < 100; i += 1) budget.charge("a", false, null);
  expect(drain(budget, "a")).toBe(10);
});

it("forgets what is older than ten seconds, second by second", async () => {
  const clock = createFakeClock();
  const budget = createRetryBudget(clock);
  expect(drain(budget, "a")).toBe(3);
  await clock.advance(9_000);
  expect(budget.allow("a", null)).toBe(false);
  for (let i = 0; i < 50; i += 1) budget.charge("a", false, null);
  await clock.advance(1_000);
  expect(drain(budget, "a")).toBe(5);
  await clock.advance(3_600_000);
  expect(drain(budget, "a")).toBe(3);
});

it("forgets the oldest backend beyond its bound and serves the new one", () => {
  const budget = createRetryBudget(createFakeClock());
  expect(drain(budget, "first")).toBe(3);
  for (let i = 0; i < 4_096; i += 1) budget.charge(`backend-${i}`, false, null);
  expect(budget.allow("first", null)).toBe(true);
});
