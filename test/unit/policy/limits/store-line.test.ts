import { expect, it } from "vitest";
import { createMemoryUsageStore } from "../../../../adapters/usage/memory-store.ts";
import { type AccountExchange, type ExchangeAnswer, type UsageStore, UsageStoreError } from "../../../../src/index.ts";
import { createStoreLine } from "../../../../src/policy/limits/store-line.ts";
import { changeOf } from "../../../contracts/usage-store.ts";
import { createFakeClock } from "../../../fakes/clock.ts";

interface Try {
  readonly exchange: AccountExchange;
  readonly signal: AbortSignal;
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly answer: (answer: ExchangeAnswer) => void;
  readonly refuse: () => void;
}

const GRANTED: ExchangeAnswer = { granted: true, now: 1, accounts: [{ held: 1, used: 0, heldByOthers: 0, roomInMs: 0 }] };

/** A line to a store that answers when a test says so. */
function createWorld({ patienceMs = 50, random = 1 }: { readonly patienceMs?: number; readonly random?: number } = {}) {
  const clock = createFakeClock();
  const started = clock.monotonic();
  const tries: Try[] = [];
  const told: string[] = [];
  const outcomes: string[] = [];
  const opening: { wait: Promise<void> | null } = { wait: null };
  const store: UsageStore = {
    ...createMemoryUsageStore({ now: clock.now }),
    exchange: (exchange, signal) =>
      new Promise((answer, reject) => {
        tries.push({ exchange, signal, at: clock.monotonic() - started, answer, refuse: () => reject(new UsageStoreError("refused")) });
      }),
  };
  const line = createStoreLine({
    gateway: "egress/gateway",
    stores: async (gateway) => {
      if (gateway !== "egress/gateway") throw new UsageStoreError("no such store");
      await opening.wait;
      return store;
    },
    clock,
    random: () => random,
    patienceMs,
    onExchange: (gateway, outcome, ms) => outcomes.push(`${gateway} ${outcome} ${ms}`),
    onAnswer: (flight, { granted }, again, now) =>
      told.push(`${flight.exchange.sequence} ${granted ? "granted" : "refused"} ${again ? "again" : "once"} ${now - started}`),
    onFailure: (now) => told.push(`failed ${now - started}`),
  });
  const lastTry = (): Try => {
    const last = tries.at(-1);
    if (last === undefined) throw new Error("nothing was tried");
    return last;
  };
  return { clock, started, line, tries, told, outcomes, opening, lastTry };
}

function exchangeOf(sequence: number): AccountExchange {
  return { realm: "egress/gateway", holder: "h", sequence, ttlMs: 1_000, changes: [changeOf({ account: "a" })] };
}

/** A world whose store has answered once. */
async function answeredWorld(options: Parameters<typeof createWorld>[0] = {}) {
  const world = createWorld(options);
  world.line.send(exchangeOf(1));
  await world.clock.advance(5);
  world.lastTry().answer(GRANTED);
  await world.clock.advance(0);
  return world;
}

it("hands on the answer, and is free for the next exchange", async () => {
  const { line, clock, lastTry, told, outcomes, tries } = createWorld();
  expect(line.flight).toBeNull();
  line.send(exchangeOf(1));
  expect(line.flight).toEqual({ exchange: exchangeOf(1), firstSent: clock.monotonic() });
  await clock.advance(7);
  lastTry().answer(GRANTED);
  await clock.advance(0);
  expect(line.flight).toBeNull();
  line.send(exchangeOf(2));
  await clock.advance(3);
  lastTry().answer({ ...GRANTED, granted: false });
  await clock.advance(0);
  expect(told).toEqual(["1 granted once 7", "2 refused once 10"]);
  expect(outcomes).toEqual(["egress/gateway granted 7", "egress/gateway refused 3"]);
  // What was answered is not aborted, and no timer is left.
  expect(tries.map(({ signal }) => signal.aborted)).toEqual([false, false]);
  expect(clock.pending()).toBe(0);
});

it("sends the same again after pauses that grow to a second, until it is answered", async () => {
  const { line, clock, tries, lastTry, told, outcomes } = createWorld();
  line.send(exchangeOf(1));
  for (let failure = 0; failure < 7; failure += 1) {
    await clock.advance(0);
    lastTry().refuse();
    await clock.advance(1_000);
  }
  lastTry().answer(GRANTED);
  await clock.advance(0);
  expect(new Set(tries.map(({ exchange }) => exchange)).size).toBe(1);
  expect(told.at(-1)).toMatch(/^1 granted again /);
  expect(outcomes.filter((outcome) => outcome.startsWith("egress/gateway failed "))).toHaveLength(7);
  line.send(exchangeOf(2));
  await clock.advance(0);
  lastTry().answer(GRANTED);
  await clock.advance(0);
  expect(told.at(-1)).toMatch(/^2 granted once /);
});

it.each([
  { random: 1, pauses: [10, 40, 160, 640, 1_000, 1_000] },
  { random: 0, pauses: [5, 20, 80, 320, 500, 500] },
])("pauses so long after each failure: $pauses (random: $random)", async ({ random, pauses }) => {
  const { line, clock, tries, lastTry } = createWorld({ random });
  line.send(exchangeOf(1));
  await clock.advance(0);
  for (const pause of pauses) {
    lastTry().refuse();
    await clock.advance(pause - 1);
    const before = tries.length;
    await clock.advance(1);
    expect(tries).toHaveLength(before + 1);
  }
});

it("gives a try three seconds before the first answer, and one second after", async () => {
  const { line, clock, told, tries, outcomes, lastTry } = createWorld();
  line.send(exchangeOf(1));
  await clock.advance(2_999);
  expect(told).toEqual([]);
  await clock.advance(2);
  expect(told).toEqual(["failed 3001"]);
  expect(outcomes).toEqual(["egress/gateway failed 3001"]);
  expect(tries[0]?.signal.aborted).toBe(true);
  await clock.advance(10);
  lastTry().answer(GRANTED);
  await clock.advance(0);
  line.send(exchangeOf(2));
  await clock.advance(999);
  expect(told).toHaveLength(2);
  await clock.advance(2);
  expect(told.at(-1)).toBe("failed 4012");
  // An answer to a try that was given up changes nothing.
  tries[2]?.answer(GRANTED);
  await clock.advance(0);
  expect(line.flight).not.toBeNull();
  expect(told).toHaveLength(3);
});

it("asks nothing of a store that was opened too late", async () => {
  const { line, clock, told, tries, opening } = createWorld();
  let open = (): void => {};
  opening.wait = new Promise((resolve) => {
    open = resolve;
  });
  line.send(exchangeOf(1));
  await clock.advance(3_001);
  expect(told).toEqual(["failed 3001"]);
  open();
  await clock.advance(0);
  expect(tries).toHaveLength(0);
  await clock.advance(10);
  expect(tries).toHaveLength(1);
});

it("takes an answer that is not for all of its accounts for none", async () => {
  const { line, clock, told, tries, lastTry } = createWorld();
  line.send(exchangeOf(1));
  await clock.advance(0);
  lastTry().answer({ ...GRANTED, accounts: [] });
  await clock.advance(0);
  expect(told).toEqual(["failed 0"]);
  expect(tries[0]?.signal.aborted).toBe(true);
  expect(line.flight).not.toBeNull();
});

it("is down after two failures one after the other, and up after an answer", async () => {
  const { line, clock, lastTry } = await answeredWorld();
  const failOnce = async (): Promise<void> => {
    lastTry().refuse();
    await clock.advance(0);
  };
  line.send(exchangeOf(2));
  await clock.advance(0);
  await failOnce();
  expect(line.down).toBe(false);
  await clock.advance(10);
  await failOnce();
  expect(line.down).toBe(true);
  await clock.advance(40);
  expect(line.down).toBe(true);
  lastTry().answer(GRANTED);
  await clock.advance(0);
  expect(line.down).toBe(false);
  // Failures are counted anew.
  line.send(exchangeOf(3));
  await clock.advance(0);
  await failOnce();
  expect(line.down).toBe(false);
});

it("is silent once an exchange has had no answer for four times as long as a call waits", async () => {
  const { line, clock, lastTry } = await answeredWorld();
  line.judge(clock.monotonic() + 9_999);
  expect(line.down).toBe(false);
  line.send(exchangeOf(2));
  await clock.advance(199);
  line.judge(clock.monotonic());
  expect(line.down).toBe(false);
  await clock.advance(1);
  expect(line.down).toBe(false);
  line.judge(clock.monotonic());
  expect(line.down).toBe(true);
  // It stays so until there is an answer.
  line.judge(clock.monotonic() - 200);
  expect(line.down).toBe(true);
  lastTry().answer(GRANTED);
  await clock.advance(0);
  expect(line.down).toBe(false);
});

it("is as patient as it is told to be, but for a second at least until the store has answered once", async () => {
  const { line, clock, lastTry } = createWorld();
  expect(line.patienceMs).toBe(1_000);
  expect(createWorld({ patienceMs: 2_000 }).line.patienceMs).toBe(2_000);
  line.send(exchangeOf(1));
  await clock.advance(0);
  lastTry().answer(GRANTED);
  await clock.advance(0);
  expect(line.patienceMs).toBe(50);
});

it("hurries a try that pauses, and no other", async () => {
  const { line, clock, tries, lastTry } = createWorld();
  line.hurry();
  await clock.advance(0);
  expect(tries).toHaveLength(0);
  line.send(exchangeOf(1));
  await clock.advance(0);
  line.hurry();
  await clock.advance(0);
  expect(tries).toHaveLength(1);
  lastTry().refuse();
  await clock.advance(0);
  line.hurry();
  await clock.advance(0);
  expect(tries).toHaveLength(2);
  await clock.advance(100);
  // The pause that was cut short is over for good.
  expect(tries).toHaveLength(2);
  lastTry().answer(GRANTED);
  await clock.advance(0);
  line.hurry();
  await clock.advance(0);
  expect(tries).toHaveLength(2);
});
