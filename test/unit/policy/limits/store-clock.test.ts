import { expect, it } from "vitest";
import { createStoreClock } from "../../../../src/policy/limits/store-clock.ts";
import { createFakeClock } from "../../../fakes/clock.ts";

it("is the wall clock until the store has spoken, and then the store's, whatever the wall clock does", () => {
  const clock = createFakeClock(1_000_000);
  const store = createStoreClock(clock);
  expect(store.at(clock.monotonic())).toBe(1_000_000);
  clock.jump(500);
  expect(store.at(clock.monotonic())).toBe(1_000_500);
  store.learn(2_000_000, 5_000, 5_000, false);
  clock.jump(-86_400_000);
  expect(store.at(5_000)).toBe(2_000_000);
  expect(store.at(6_500)).toBe(2_001_500);
});

it("takes the store to have spoken in the middle of its answer's way", () => {
  const store = createStoreClock(createFakeClock());
  store.learn(2_000_000, 5_000, 5_100, false);
  expect(store.at(5_050)).toBe(2_000_000);
  // The latest word counts, be it earlier than the one before.
  store.learn(1_000_000, 5_000, 5_100, false);
  expect(store.at(5_050)).toBe(1_000_000);
});

it("never goes back for an answer that may be an old one given again, and goes ahead for it", () => {
  const store = createStoreClock(createFakeClock());
  store.learn(1_000_000, 5_000, 6_000, true);
  expect(store.at(6_000)).toBe(1_000_000);
  store.learn(900_000, 6_000, 6_000, true);
  expect(store.at(6_000)).toBe(1_000_000);
  store.learn(1_100_000, 6_000, 6_000, true);
  expect(store.at(6_000)).toBe(1_100_000);
});
