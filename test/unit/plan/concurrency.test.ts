import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createConcurrency, type Seat } from "../../../src/plan/concurrency.ts";
import { createFakeClock } from "../../fakes/clock.ts";

const RULE = { min: 2, max: 100 };

function opened(count: number) {
  const clock = createFakeClock();
  const concurrency = createConcurrency(clock);
  const seats: Seat[] = [];
  for (let call = 0; call < count; call += 1) {
    const seat = concurrency.enter("b", RULE);
    if (seat !== null) seats.push(seat);
  }
  return { clock, concurrency, seats, limit: () => concurrency.snapshot().find(({ backend }) => backend === "b")?.limit ?? RULE.max };
}

describe("the limit of open calls that a backend's answers make", () => {
  it("begins at the most that is allowed, and holds exactly that", () => {
    const { seats, concurrency } = opened(150);
    expect(seats).toHaveLength(100);
    expect(concurrency.enter("b", RULE)).toBeNull();
    seats[0]?.leave();
    expect(concurrency.enter("b", RULE)).not.toBeNull();
  });

  it("falls by 30 % of what was open, once for all that were refused together, and again a second later", async () => {
    const { clock, seats, limit } = opened(40);
    for (const seat of seats) seat.tell("overloaded");
    expect(limit()).toBe(28);
    await clock.advance(999);
    seats[0]?.tell("overloaded");
    expect(limit()).toBe(28);
    await clock.advance(1);
    seats[0]?.tell("overloaded");
    expect(limit()).toBe(19);
  });

  it("grows by one for each round of good answers while it is in use, and not when nobody comes near it", () => {
    const { seats, limit, concurrency } = opened(40);
    seats[0]?.tell("overloaded");
    expect(limit()).toBe(28);
    for (const seat of seats.slice(0, 29)) seat.tell("good");
    expect(limit()).toBe(29);
    for (const seat of seats) seat.leave();
    const alone = concurrency.enter("b", RULE);
    for (let answer = 0; answer < 500; answer += 1) alone?.tell("good");
    expect(limit()).toBe(29);
  });

  it("forgets a backend that has no open call and its whole limit", () => {
    const { seats, concurrency } = opened(3);
    for (const seat of seats) {
      seat.leave();
      // Once only.
      seat.leave();
    }
    expect(concurrency.snapshot()).toEqual([]);
    expect(concurrency.enter("b", { min: 1, max: 1 })).not.toBeNull();
    expect(concurrency.enter("b", { min: 1, max: 1 })).toBeNull();
  });

  it("a place that is given back twice is one place", () => {
    const { concurrency } = opened(0);
    const rule = { min: 1, max: 2 };
    const [first, second] = [concurrency.enter("b", rule), concurrency.enter("b", rule)];
    first?.leave();
    first?.leave();
    expect([concurrency.enter("b", rule), concurrency.enter("b", rule)].map((seat) => seat !== null)).toEqual([true, false]);
    second?.leave();
    expect(concurrency.enter("b", rule)).not.toBeNull();
  });

  it("keeps what it found while nobody calls", () => {
    const { seats, concurrency } = opened(10);
    expect(concurrency.snapshot()).toEqual([]);
    seats[0]?.tell("overloaded");
    expect(concurrency.snapshot()).toEqual([{ backend: "b", open: 10, limit: 7 }]);
    expect(concurrency.enter("b", RULE)).toBeNull();
    for (const seat of seats) seat.leave();
    expect(concurrency.snapshot()).toEqual([{ backend: "b", open: 0, limit: 7 }]);
    const again = Array.from({ length: 8 }, () => concurrency.enter("b", RULE));
    expect(again.map((seat) => seat !== null)).toEqual([true, true, true, true, true, true, true, false]);
  });

  it("forgets it once the whole limit is found again", () => {
    const { seats, concurrency } = opened(0);
    const rule = { min: 1, max: 2 };
    seats.push(...[concurrency.enter("b", rule), concurrency.enter("b", rule)].filter((seat) => seat !== null));
    seats[0]?.tell("overloaded");
    for (let answer = 0; answer < 10; answer += 1) seats[0]?.tell("good");
    seats[0]?.leave();
    expect(concurrency.snapshot()).toEqual([{ backend: "b", open: 1, limit: 2 }]);
    seats[1]?.leave();
    expect(concurrency.snapshot()).toEqual([]);
  });

  it("falls from the limit where more calls are open than it allows, and never below the least", async () => {
    const { clock, seats, limit } = opened(40);
    const falls: number[] = [];
    for (let second = 0; second < 8; second += 1) {
      seats[0]?.tell("overloaded");
      falls.push(limit());
      await clock.advance(1_000);
    }
    expect(falls).toEqual([28, 19, 13, 9, 6, 4, 3, 2]);
    seats[0]?.tell("overloaded");
    expect(limit()).toBe(2);
  });

  it("grows where more than half of the limit is in use, and not where less is", () => {
    for (const [open, grown] of [
      [8, true],
      [6, false],
    ] as const) {
      const { seats, limit } = opened(20);
      seats[0]?.tell("overloaded");
      for (const seat of seats.slice(open)) seat.leave();
      expect(limit()).toBe(14);
      for (let answer = 0; answer < 15; answer += 1) seats[0]?.tell("good");
      expect(limit()).toBe(grown ? 15 : 14);
    }
  });

  it("goes by the bounds that a reload set", () => {
    const { seats, concurrency } = opened(10);
    seats[0]?.tell("overloaded");
    expect(concurrency.enter("b", { min: 12, max: 100 })).not.toBeNull();
    expect(concurrency.snapshot()[0]?.limit).toBe(12);
    expect(concurrency.enter("b", { min: 2, max: 11 })).toBeNull();
    expect(concurrency.snapshot()[0]?.limit).toBe(11);
    expect(concurrency.enter("other", RULE)).not.toBeNull();
  });

  it("forgets backends that no manifest names, once their calls have ended", async () => {
    const { clock, concurrency, seats } = opened(20);
    seats[0]?.tell("overloaded");
    const other = concurrency.enter("other", RULE);
    await clock.advance(1_000);
    other?.tell("overloaded");
    other?.leave();
    concurrency.retain(new Set());
    expect(concurrency.snapshot()).toMatchObject([{ backend: "b", open: 20 }]);
    // A call of the configuration before is held to the limit that was found.
    expect(concurrency.enter("b", RULE)).toBeNull();
    for (const seat of seats) seat.leave();
    expect(concurrency.snapshot()).toEqual([]);
  });

  it("keeps what it has found of backends that stay, and of one that comes back while its calls are open", () => {
    const { concurrency, seats, limit } = opened(20);
    seats[0]?.tell("overloaded");
    concurrency.retain(new Set());
    concurrency.retain(new Set(["b"]));
    for (const seat of seats) seat.leave();
    expect(limit()).toBe(14);
  });

  it("stays within its bounds and never admits beyond its limit, whatever backends say", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom("enter", "leave", "good", "overloaded", "wait"), { maxLength: 200 }), async (steps) => {
        const clock = createFakeClock();
        const concurrency = createConcurrency(clock);
        const rule = { min: 2, max: 10 };
        const seats: Seat[] = [];
        for (const step of steps) {
          const limit = concurrency.snapshot()[0]?.limit ?? rule.max;
          expect(limit).toBeGreaterThanOrEqual(rule.min);
          expect(limit).toBeLessThanOrEqual(rule.max);
          if (step === "enter") {
            const seat = concurrency.enter("b", rule);
            expect(seat === null).toBe(seats.length >= limit);
            if (seat !== null) seats.push(seat);
          } else if (step === "leave") seats.pop()?.leave();
          else if (step === "wait") await clock.advance(1_000);
          else seats[0]?.tell(step);
        }
      }),
      { numRuns: 60 },
    );
  });
});
