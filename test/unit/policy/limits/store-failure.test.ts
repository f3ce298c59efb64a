import { expect, it } from "vitest";
import type { LimitRule } from "../../../../src/model/limit.ts";
import { claim, createLimitWorld, held, holdNow, type LimitWorld, makeLimit, PATIENT, short } from "../../../fakes/limit-world.ts";
import { recordFigure } from "../../../hostile/figure.ts";

const CLOSED = makeLimit({ id: "a/p/closed" });
const OPEN = makeLimit({ id: "a/p/open", onStoreFailure: { kind: "failOpen" } });
const LOCAL = makeLimit({ id: "a/p/local", onStoreFailure: { kind: "local", share: 0.1 } });

/** A world whose store has answered once and gives no answer any more. */
async function outage(rule: LimitRule, leases: boolean): Promise<LimitWorld> {
  const world = createLimitWorld({ leases });
  held(await holdNow(world, world.desk(0), claim({ ...rule, id: "a/p/other" }))).settle([1]);
  await tell(world);
  world.store.fate = () => "deaf";
  return world;
}

async function tell(world: LimitWorld): Promise<void> {
  const told = Promise.all(world.desks.map((desk) => desk.flush(2_000)));
  await world.clock.advance(2_000);
  await told;
}

it.each([
  { leases: true, ms: 50 },
  { leases: false, ms: 500 },
])("F27 B19: waits $ms ms for a store that is silent, and soon not at all (leases: $leases)", async ({ leases, ms }) => {
  const world = await outage(CLOSED, leases);
  const before = world.clock.monotonic();
  expect(short(await holdNow(world, world.desk(0), claim(CLOSED)))).toMatchObject({ reason: "unavailable", remaining: 0 });
  const waited = world.clock.monotonic() - before;
  if (leases) recordFigure({ row: "F27", what: "a call's wait for a silent store", value: waited, unit: "ms", bar: "<= 50 ms" });
  expect(waited).toBeLessThanOrEqual(ms + 2);
  // It may only be slow for a moment; but not for long.
  for (let call = 0; call < 4; call += 1) short(await holdNow(world, world.desk(0), claim(CLOSED)));
  expect(world.clock.monotonic() - before).toBeLessThan(5 * ms + 10);
  const result = world.desk(0).hold([claim(CLOSED)], PATIENT);
  expect(result).not.toBeInstanceOf(Promise);
});

it.each([true, false])("F26: a rule that fails open lets pass, says so, and tells the store later (leases: %s)", async (leases) => {
  const world = await outage(OPEN, leases);
  for (let call = 0; call < 150; call += 1) {
    const hold = held(await holdNow(world, world.desk(0), claim(OPEN)));
    expect(hold.unavailable).toEqual([true]);
    hold.settle([1]);
  }
  world.store.fate = () => "carried";
  await world.clock.advance(2_000);
  await tell(world);
  expect(await world.account(OPEN)).toMatchObject({ used: 150, held: 0 });
  expect(short(await holdNow(world, world.desk(0), claim(OPEN)))).toMatchObject({ reason: "exceeded" });
});

it.each([true, false])("F26: a local share lets pass what fits in it, in its window, and no more (leases: %s)", async (leases) => {
  const world = await outage(LOCAL, leases);
  const passed = async (): Promise<boolean> => {
    const result = await holdNow(world, world.desk(0), claim(LOCAL));
    if (result.ok) result.hold.settle([1]);
    return result.ok;
  };
  let count = 0;
  for (let call = 0; call < 30; call += 1) if (await passed()) count += 1;
  expect(count).toBe(10);
  const shortage = short(await holdNow(world, world.desk(0), claim(LOCAL)));
  expect(shortage.reason).toBe("exceeded");
  expect(shortage.retryAfterMs).toBeGreaterThan(58_000);
  await world.clock.advance(62_000);
  expect(await passed()).toBe(true);
  world.store.fate = () => "carried";
  await world.clock.advance(2_000);
  await tell(world);
  // All of it was told now: the store gave no answer when it was used.
  expect(await world.account(LOCAL)).toMatchObject({ used: 11, held: 0 });
});

it("a local share of concurrency is what is under way", async () => {
  const rule = makeLimit({ ...LOCAL, unit: "concurrency", window: null, limit: 20 });
  const world = await outage(rule, true);
  const first = held(await holdNow(world, world.desk(0), claim(rule)));
  held(await holdNow(world, world.desk(0), claim(rule)));
  expect(short(await holdNow(world, world.desk(0), claim(rule)))).toMatchObject({ reason: "exceeded", retryAfterMs: 1_000 });
  first.settle([1]);
  held(await holdNow(world, world.desk(0), claim(rule)));
});

it("what is held serves on while the store is silent, until its time is up", async () => {
  const world = createLimitWorld();
  const rule = makeLimit({ limit: 100_000 });
  for (let call = 0; call < 300; call += 1) {
    held(await holdNow(world, world.desk(0), claim(rule))).settle([1]);
    await world.clock.advance(2);
  }
  world.store.fate = () => "deaf";
  let passed = 0;
  while ((await holdNow(world, world.desk(0), claim(rule))).ok) passed += 1;
  expect(passed).toBeGreaterThan(30);
  expect(passed).toBeLessThan(300);
});

it("one failure is tried again within the time that a call waits", async () => {
  const world = createLimitWorld();
  held(await holdNow(world, world.desk(0), claim(CLOSED)));
  let failures = 0;
  world.store.fate = () => (failures++ === 0 ? "refused" : "carried");
  held(await holdNow(world, world.desk(0), claim(CLOSED)));
});

it("an exchange whose answer was lost counts once", async () => {
  const world = createLimitWorld();
  held(await holdNow(world, world.desk(0), claim(OPEN))).settle([1]);
  let lost = 0;
  world.store.fate = () => (lost++ < 3 ? "lost" : "carried");
  for (let call = 0; call < 5; call += 1) held(await holdNow(world, world.desk(0), claim(OPEN))).settle([1]);
  await world.clock.advance(10_000);
  expect(lost).toBeGreaterThan(3);
  expect(await world.account(OPEN)).toMatchObject({ used: 6, held: 0 });
});

it("waits longer for the first answer: connecting takes its time", async () => {
  const world = createLimitWorld();
  world.store.delayMs = 400;
  held(await holdNow(world, world.desk(0), claim(CLOSED)));
});

it("F26: tells of an outage when it begins for a call, and when it ends, not of each call", async () => {
  const world = await outage(OPEN, true);
  for (let call = 0; call < 50; call += 1) held(await holdNow(world, world.desk(0), claim(OPEN))).settle([1]);
  world.store.fate = () => "carried";
  await world.clock.advance(3_000);
  const told = world.events.filter(({ type }) => type === "limits.unavailable");
  expect(told.map(({ subject, data }) => [subject, data["state"]])).toEqual([
    ["egress/gateway", "began"],
    ["egress/gateway", "ended"],
  ]);
});

it("a store that cannot be opened is one that gives no answer", async () => {
  const world = createLimitWorld();
  world.store.exchange = () => Promise.reject(new Error("there is no such store"));
  expect(short(await holdNow(world, world.desk(0), claim(CLOSED)))).toMatchObject({ reason: "unavailable" });
  expect(held(await holdNow(world, world.desk(0), claim(OPEN))).unavailable).toEqual([true]);
});

it("a call that leaves while it waits holds nothing", async () => {
  const world = createLimitWorld();
  world.store.delayMs = 20;
  const leaving = new AbortController();
  const result = Promise.resolve(world.desk(0).hold([claim(CLOSED, 100)], leaving.signal));
  const caught = result.catch((error: unknown) => error);
  await world.clock.advance(5);
  leaving.abort(new Error("gone"));
  expect(await caught).toEqual(new Error("gone"));
  await world.clock.advance(3_000);
  held(await holdNow(world, world.desk(0), claim(CLOSED, 100)));
});
