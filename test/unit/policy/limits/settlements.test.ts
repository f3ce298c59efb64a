import { expect, it } from "vitest";
import { createMemoryUsageStore } from "../../../../adapters/usage/memory-store.ts";
import { type AccountExchange, type ExchangeAnswer, UsageStoreError } from "../../../../src/index.ts";
import { askOnce } from "../../../../src/policy/limits/ask-once.ts";
import type { LimitRealmOptions } from "../../../../src/policy/limits/limit-realm.ts";
import { createSettlements } from "../../../../src/policy/limits/settlements.ts";
import { changeOf } from "../../../contracts/usage-store.ts";
import { createFakeClock } from "../../../fakes/clock.ts";
import { GATEWAY, PATIENT } from "../../../fakes/limit-world.ts";

type Fate = "answered" | "silent" | "refused" | "improper";

function createWorld() {
  const clock = createFakeClock();
  const sent: AccountExchange[] = [];
  const signals: AbortSignal[] = [];
  const outcomes: string[] = [];
  const world: { fate: (exchange: AccountExchange) => Fate; delayMs: number; granted: boolean; opening: Promise<void> | null } = {
    fate: () => "answered",
    delayMs: 0,
    granted: true,
    opening: null,
  };
  const answerOf = ({ changes }: AccountExchange): ExchangeAnswer => ({
    granted: world.granted,
    now: 0,
    accounts: changes.map(() => ({ held: 0, used: 0, heldByOthers: 0, roomInMs: 0 })),
  });
  let sequence = 0;
  const options: LimitRealmOptions = {
    gateway: GATEWAY,
    stores: async (gateway) => {
      if (gateway !== GATEWAY) throw new UsageStoreError("no such store");
      await world.opening;
      return {
        ...createMemoryUsageStore({ now: clock.now }),
        exchange: async (exchange, signal) => {
          sent.push(exchange);
          signals.push(signal);
          const fate = world.fate(exchange);
          if (world.delayMs > 0) await new Promise<void>((resolve) => clock.after(world.delayMs, resolve));
          if (fate === "refused") throw new UsageStoreError("refused");
          if (fate === "improper") return { ...answerOf(exchange), accounts: [] };
          return fate === "answered" ? answerOf(exchange) : new Promise<never>(() => {});
        },
      };
    },
    holder: "instance",
    nextSequence: () => ++sequence,
    clock,
    random: () => 0.5,
    news: { exceeded() {}, unavailable() {}, available() {} },
    onExchange: (gateway, outcome, ms) => outcomes.push(`${gateway} ${outcome} ${ms}`),
    patienceMs: 50,
  };
  return { world, clock, sent, signals, outcomes, options };
}

const CHANGES = [changeOf({ account: "a", used: 1 })];
const EXCHANGE: AccountExchange = { realm: GATEWAY, holder: "h", sequence: 7, ttlMs: 1_000, changes: CHANGES };

it("names are used again once the store has heard of their end, and not before", async () => {
  const { clock, options, world, sent } = createWorld();
  const settlements = createSettlements(options);
  const [first, second] = [settlements.holder(), settlements.holder()];
  expect([first, second]).toEqual(["instance.1", "instance.2"]);
  settlements.reuse(second);
  expect(settlements.holder()).toBe(second);
  // Of nothing there is nothing to tell.
  settlements.add(second, []);
  expect(settlements.holder()).toBe(second);
  settlements.add(first, CHANGES);
  expect(settlements.holder()).toBe("instance.3");
  world.fate = () => "silent";
  let flushed = settlements.flush(100);
  await clock.advance(101);
  await flushed;
  expect(settlements.holder()).toBe("instance.4");
  world.fate = () => "answered";
  flushed = settlements.flush(100);
  await clock.advance(1);
  await flushed;
  expect(settlements.holder()).toBe(first);
  // Each try was the same, so that it counts once.
  expect(sent).toHaveLength(2);
  expect(sent[0]).toBe(sent[1]);
  expect(sent[0]).toEqual({ realm: GATEWAY, holder: first, sequence: 1, ttlMs: 1_000, changes: CHANGES });
});

it("tells eight at a time, all that there are, and then nothing", async () => {
  const { clock, options, world, sent } = createWorld();
  const settlements = createSettlements(options);
  world.delayMs = 10;
  for (let call = 0; call < 20; call += 1) settlements.add(settlements.holder(), CHANGES);
  let done = false;
  const flushed = settlements.flush(1_000).then(() => {
    done = true;
  });
  await clock.advance(0);
  expect(sent).toHaveLength(8);
  await clock.advance(10);
  expect(sent).toHaveLength(16);
  await clock.advance(10);
  expect(sent).toHaveLength(20);
  expect(done).toBe(false);
  await clock.advance(10);
  expect(done).toBe(true);
  await flushed;
  await settlements.flush(1_000);
  expect(new Set(sent.map(({ sequence }) => sequence)).size).toBe(20);
  expect(clock.pending()).toBe(0);
});

it("ends with its time, and what it has not told it tells the next time", async () => {
  const { clock, options, world, sent } = createWorld();
  const settlements = createSettlements(options);
  world.delayMs = 30;
  for (let call = 0; call < 20; call += 1) settlements.add(settlements.holder(), CHANGES);
  const flushed = settlements.flush(30);
  await clock.advance(30);
  await flushed;
  expect(sent).toHaveLength(8);
  await settlements.flush(0);
  expect(sent).toHaveLength(8);
  world.delayMs = 0;
  await settlements.flush(100);
  expect(sent).toHaveLength(20);
});

it("leaves the rest for the next time where one has no answer", async () => {
  const { clock, options, world, sent } = createWorld();
  const settlements = createSettlements(options);
  for (let call = 0; call < 20; call += 1) settlements.add(settlements.holder(), CHANGES);
  world.fate = ({ sequence }) => (sequence === 3 ? "refused" : "answered");
  await settlements.flush(1_000);
  expect(sent).toHaveLength(8);
  world.fate = () => "answered";
  await settlements.flush(1_000);
  expect(sent).toHaveLength(21);
  expect(sent.filter(({ sequence }) => sequence === 3)).toHaveLength(2);
  expect(clock.pending()).toBe(0);
});

it("is bounded: the oldest is told of nobody", async () => {
  const { options, sent } = createWorld();
  const settlements = createSettlements(options);
  for (let call = 0; call < 10_001; call += 1) settlements.add(`h-${call}`, CHANGES);
  await settlements.flush(1_000);
  expect(sent).toHaveLength(10_000);
  expect(sent.some(({ holder }) => holder === "h-0")).toBe(false);
  expect(sent.some(({ holder }) => holder === "h-1")).toBe(true);
});

it("one question has one answer, and leaves nothing behind", async () => {
  const { clock, options, world, sent, signals, outcomes } = createWorld();
  world.delayMs = 9;
  const asked = askOnce(options, EXCHANGE, 50, PATIENT);
  await clock.advance(9);
  expect(await asked).toMatchObject({ granted: true });
  world.granted = false;
  const refused = askOnce(options, EXCHANGE, 50, null);
  await clock.advance(9);
  expect(await refused).toMatchObject({ granted: false });
  expect(outcomes).toEqual([`${GATEWAY} granted 9`, `${GATEWAY} refused 9`]);
  expect(sent).toEqual([EXCHANGE, EXCHANGE]);
  expect(signals.map(({ aborted }) => aborted)).toEqual([false, false]);
  expect(clock.pending()).toBe(0);
});

it.each(["silent", "refused", "improper"] as const)("a question that is %s has no answer, and what is under way ends", async (fate) => {
  const { clock, options, world, signals, outcomes } = createWorld();
  world.fate = () => fate;
  const asked = askOnce(options, EXCHANGE, 50, null);
  await clock.advance(51);
  expect(await asked).toBeNull();
  expect(outcomes).toEqual([`${GATEWAY} failed ${fate === "silent" ? 51 : 0}`]);
  expect(signals[0]?.aborted).toBe(true);
  expect(clock.pending()).toBe(0);
});

it("whoever asked and leaves has no answer, at once, whatever comes later", async () => {
  const { clock, options, world, signals, outcomes } = createWorld();
  world.delayMs = 20;
  const leaving = new AbortController();
  const asked = askOnce(options, EXCHANGE, 50, leaving.signal);
  await clock.advance(5);
  leaving.abort();
  expect(await asked).toBeNull();
  expect(signals[0]?.aborted).toBe(true);
  await clock.advance(100);
  expect(outcomes).toEqual([`${GATEWAY} failed 5`]);
});

it("nothing is left on the signal of whoever has an answer", async () => {
  const { options } = createWorld();
  const listeners = new Set<unknown>();
  const signal = {
    aborted: false,
    reason: undefined,
    addEventListener: (type: "abort", listener: unknown) => type === "abort" && listeners.add(listener),
    removeEventListener: (type: "abort", listener: unknown) => type === "abort" && listeners.delete(listener),
  };
  const asked = askOnce(options, EXCHANGE, 50, signal);
  expect(listeners.size).toBe(1);
  await asked;
  expect(listeners.size).toBe(0);
});

it("a store that is opened too late is asked nothing", async () => {
  const { clock, options, world, sent } = createWorld();
  let open = (): void => {};
  world.opening = new Promise((resolve) => {
    open = resolve;
  });
  const asked = askOnce(options, EXCHANGE, 50, null);
  await clock.advance(51);
  expect(await asked).toBeNull();
  open();
  await clock.advance(10);
  expect(sent).toEqual([]);
});
