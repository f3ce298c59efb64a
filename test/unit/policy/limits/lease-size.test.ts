import { expect, it } from "vitest";
import { leaseSize } from "../../../../src/policy/limits/lease-size.ts";

const ROOMY = { limit: 1e6, demand: 0.1, slidingMs: null, left: 1e6 };

it("is what comes in a quarter of a second, and in a fortieth of a short window", () => {
  expect(leaseSize(ROOMY)).toBe(25);
  expect(leaseSize({ ...ROOMY, slidingMs: 60_000 })).toBe(25);
  expect(leaseSize({ ...ROOMY, slidingMs: 10_000 })).toBe(25);
  expect(leaseSize({ ...ROOMY, slidingMs: 4_000 })).toBe(10);
  expect(leaseSize({ ...ROOMY, demand: 0.119 })).toBe(29);
});

it("is a fiftieth of the limit and an eighth of what is left at most, and nothing where nothing is left", () => {
  expect(leaseSize({ ...ROOMY, demand: 100, limit: 1_000 })).toBe(20);
  expect(leaseSize({ ...ROOMY, demand: 100, left: 80 })).toBe(10);
  expect(leaseSize({ ...ROOMY, left: 7 })).toBe(0);
  expect(leaseSize({ ...ROOMY, left: -100 })).toBe(0);
});
