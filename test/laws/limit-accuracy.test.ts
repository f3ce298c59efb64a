import { expect, it } from "vitest";
import type { LimitRule } from "../../src/model/limit.ts";
import type { HoldResult } from "../../src/policy/limits/limit-desk.ts";
import { claim, createLimitWorld, type LimitWorld, makeLimit, PATIENT } from "../fakes/limit-world.ts";
import { recordFigure } from "../hostile/figure.ts";

/** A steady demand of instances in turn, each call for `lastMs`; gives when calls were let in. */
async function demand(
  world: LimitWorld,
  rule: LimitRule,
  {
    everyMs,
    forMs,
    lastMs,
    amount = 1,
    stepMs = 5,
  }: { readonly everyMs: number; readonly forMs: number; readonly lastMs: number; readonly amount?: number; readonly stepMs?: number },
): Promise<readonly number[]> {
  const admitted: number[] = [];
  const began = world.clock.monotonic();
  let asked = 0;
  const note = (result: HoldResult): void => {
    if (!result.ok) return;
    admitted.push(world.clock.monotonic() - began);
    world.clock.after(lastMs, () => result.hold.settle([amount]));
  };
  for (let now = 0; now < forMs; now += stepMs) {
    for (; asked * everyMs <= now; asked += 1) {
      const result = world.desk(asked % world.desks.length).hold([claim(rule, amount)], PATIENT);
      if (result instanceof Promise) void result.then(note);
      else note(result);
    }
    await world.clock.advance(stepMs);
  }
  return admitted;
}

/** The most in any span of `ms`. */
function mostIn(times: readonly number[], ms: number): number {
  let most = 0;
  let first = 0;
  for (const [at, time] of times.entries()) {
    while ((times[first] ?? time) <= time - ms) first += 1;
    most = Math.max(most, at - first + 1);
  }
  return most;
}

it.each([
  { limit: 200, ms: 10_000, lastMs: 30, stepMs: 5 },
  { limit: 1_000, ms: 10_000, lastMs: 30, stepMs: 5 },
  // Requests count from when they begin, however long they last.
  { limit: 200, ms: 10_000, lastMs: 8_000, stepMs: 5 },
  { limit: 50, ms: 2_000, lastMs: 10, stepMs: 2 },
])(
  "F28 B19: four times the demand on four instances: $limit in no span of $ms ms exceeded, and never less than 95% of it on average",
  async ({ limit, ms, lastMs, stepMs }) => {
    const world = createLimitWorld({ desks: 4 });
    world.store.delayMs = 2;
    const rule = makeLimit({ limit, window: { kind: "sliding", ms } });
    const forMs = 6 * ms;
    const admitted = await demand(world, rule, { everyMs: ms / limit / 4, forMs, lastMs, stepMs });
    const percent = (share: number) => Math.round((share - 1) * 1_000) / 10;
    const what = `four instances, ${limit} in ${ms / 1_000} s, calls of ${lastMs} ms`;
    recordFigure({ row: "B19", what: `${what}: most in any window`, value: percent(mostIn(admitted, ms) / limit), unit: "%", bar: "+-5 %" });
    recordFigure({ row: "B19", what: `${what}: on average`, value: percent(admitted.length / (6 * limit)), unit: "%", bar: "+-5 %" });
    expect(mostIn(admitted, ms)).toBeLessThanOrEqual(limit);
    expect(admitted.filter((time) => time < ms * 0.8)).toHaveLength(limit);
    expect(admitted.length).toBeGreaterThanOrEqual(6 * limit * 0.95);
  },
  30_000,
);

it("uses up a day's budget of tokens to the last call that fits, over four instances", async () => {
  const world = createLimitWorld({ desks: 4 });
  world.store.delayMs = 2;
  const rule = makeLimit({ unit: "tokens", limit: 100_000, window: { kind: "calendar", period: "day", timeZone: "UTC" } });
  const admitted = await demand(world, rule, { everyMs: 10, forMs: 4_000, lastMs: 20, amount: 400 });
  expect(admitted).toHaveLength(250);
});

it("needs few exchanges for a busy account", async () => {
  const world = createLimitWorld();
  world.store.delayMs = 2;
  const rule = makeLimit({ limit: 1_000_000 });
  const admitted = await demand(world, rule, { everyMs: 0.5, forMs: 10_000, lastMs: 20 });
  expect(admitted.length).toBeGreaterThan(19_990);
  expect(world.store.sent.length / (admitted.length / 1_000)).toBeLessThan(6);
});
