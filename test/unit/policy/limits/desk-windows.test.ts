import { expect, it } from "vitest";
import { readAccountName } from "../../../../src/policy/limits/account-name.ts";
import { claim, createLimitWorld, held, holdNow, makeLimit, PATIENT, short } from "../../../fakes/limit-world.ts";

const BERLIN = { kind: "calendar", period: "day", timeZone: "Europe/Berlin" } as const;
const MIDNIGHT = Date.parse("2026-11-22T23:00:00Z");

it("a day's budget begins anew at its midnight, for all instances alike, however wrong their clocks are", async () => {
  const rule = makeLimit({ limit: 100, window: BERLIN });
  const world = createLimitWorld({ desks: 3, start: MIDNIGHT - 10_000, skews: [0, -300_000, 300_000] });
  for (const at of [0, 1, 2]) held(await holdNow(world, world.desk(at), claim(rule, 30))).settle([30]);
  await world.clock.advance(1_000);
  expect(short(await holdNow(world, world.desk(1), claim(rule, 30))).retryAfterMs).toBeGreaterThan(8_900);
  expect(short(await holdNow(world, world.desk(2), claim(rule, 30))).retryAfterMs).toBeLessThanOrEqual(9_000);
  world.clock.jump(-7_200_000);
  await world.clock.advance(9_010);
  for (const at of [0, 1, 2]) held(await holdNow(world, world.desk(at), claim(rule, 30))).settle([30]);
  await world.clock.advance(1_000);
  expect(short(await holdNow(world, world.desk(0), claim(rule, 30))).retryAfterMs).toBeGreaterThan(86_000_000);
});

it("a call that goes on over midnight counts in the day in which it began", async () => {
  const rule = makeLimit({ unit: "tokens", limit: 100, window: BERLIN });
  const world = createLimitWorld({ start: MIDNIGHT - 1_000 });
  const hold = held(await holdNow(world, world.desk(0), claim(rule, 80)));
  await world.clock.advance(2_000);
  held(await holdNow(world, world.desk(0), claim(rule, 100))).settle([100]);
  hold.settle([80]);
  await world.clock.advance(3_000);
  expect(short(await holdNow(world, world.desk(0), claim(rule, 1)))).toMatchObject({ remaining: 0 });
});

it("a changed limit keeps what was used; a changed window does not", async () => {
  const rule = makeLimit({ limit: 10, window: BERLIN });
  const world = createLimitWorld();
  held(await holdNow(world, world.desk(0), claim(rule, 10))).settle([10]);
  const raised = { ...rule, limit: 12 };
  expect(short(await holdNow(world, world.desk(0), claim(raised, 3)))).toMatchObject({ reason: "exceeded" });
  held(await holdNow(world, world.desk(0), claim(raised, 2))).settle([2]);
  expect(short(await holdNow(world, world.desk(0), claim({ ...rule, limit: 5 })))).toMatchObject({ reason: "exceeded" });
  held(await holdNow(world, world.desk(0), claim({ ...rule, window: { kind: "sliding", ms: 60_000 } }, 10)));
});

it("concurrency is what is under way, and is free for others at once", async () => {
  const rule = makeLimit({ unit: "concurrency", limit: 2, window: null });
  const world = createLimitWorld({ desks: 2 });
  const first = held(await holdNow(world, world.desk(0), claim(rule)));
  held(await holdNow(world, world.desk(0), claim(rule)));
  expect(short(await holdNow(world, world.desk(1), claim(rule)))).toMatchObject({ reason: "exceeded", retryAfterMs: 1_000 });
  first.settle([1]);
  await world.clock.advance(300);
  held(await holdNow(world, world.desk(1), claim(rule)));
});

it("holds of calls that go on for long do not end", async () => {
  const rule = makeLimit({ unit: "concurrency", limit: 2, window: null });
  const world = createLimitWorld({ desks: 2 });
  held(await holdNow(world, world.desk(0), claim(rule)));
  held(await holdNow(world, world.desk(0), claim(rule)));
  await world.clock.advance(120_000);
  expect(short(await holdNow(world, world.desk(1), claim(rule)))).toMatchObject({ reason: "exceeded" });
});

it("what an instance held that died comes back when its time is up", async () => {
  const rule = makeLimit({ unit: "tokens", limit: 100, window: BERLIN });
  const world = createLimitWorld({ desks: 2 });
  held(await holdNow(world, world.desk(0), claim(rule, 60))).settle([60]);
  held(await holdNow(world, world.desk(0), claim(rule, 40)));
  await world.clock.advance(1_500);
  world.crash(0);
  await world.clock.advance(28_000);
  expect(short(await holdNow(world, world.desk(1), claim(rule, 40)))).toMatchObject({ reason: "exceeded" });
  await world.clock.advance(2_000);
  held(await holdNow(world, world.desk(1), claim(rule, 40)));
});

it("a request counts from when it began: a long stream not for longer", async () => {
  const rule = makeLimit({ limit: 10 });
  const world = createLimitWorld();
  const streams = await Promise.all(Array.from({ length: 10 }, () => holdNow(world, world.desk(0), claim(rule))));
  await world.clock.advance(50_000);
  expect(short(await holdNow(world, world.desk(0), claim(rule)))).toMatchObject({ reason: "exceeded" });
  await world.clock.advance(13_000);
  for (let call = 0; call < 10; call += 1) held(await holdNow(world, world.desk(0), claim(rule)));
  for (const stream of streams) held(stream).settle([1]);
  await world.clock.advance(2_000);
  // The ten that began first were booked long ago, and not again now.
  expect(await world.account(rule)).toMatchObject({ used: 10 });
});

it("a shadow never refuses and never waits once it is known, and tells what it would have refused", async () => {
  const rule = makeLimit({ limit: 3, onExceeded: "shadow" });
  const world = createLimitWorld({ desks: 2 });
  const exceeded: boolean[] = [];
  for (let call = 0; call < 6; call += 1) {
    const result = world.desk(0).hold([claim(rule)], PATIENT);
    expect(result instanceof Promise).toBe(call === 0);
    await world.clock.advance(1);
    const answer = await result;
    held(answer).settle([1]);
    if (answer.ok) exceeded.push(answer.exceededShadows.length > 0);
  }
  expect(exceeded).toEqual([false, false, false, true, true, true]);
  await world.clock.advance(1_000);
  expect(await world.account(rule)).toMatchObject({ used: 6, held: 0, limit: null });
  expect(await holdNow(world, world.desk(1), claim(rule))).toMatchObject({ ok: true, exceededShadows: [{ rule }] });
  world.store.fate = () => "deaf";
  expect(held(await holdNow(world, world.desk(0), claim({ ...rule, id: "a/p/unknown" }))).unavailable).toEqual([true]);
});

it("tells once an account and window that it is used up", async () => {
  const rule = makeLimit({ limit: 1, per: ["namespace", "model"] });
  const world = createLimitWorld();
  for (let call = 0; call < 20; call += 1) {
    (await holdNow(world, world.desk(0), claim(rule, 1, "team-a", "m"))).ok;
    (await holdNow(world, world.desk(0), claim(rule, 1, "team-b", "m"))).ok;
    (await holdNow(world, world.desk(0), claim(rule, 5, "team-c", "m"))).ok;
    await world.clock.advance(100);
  }
  expect(world.events.map(({ type, subject, data }) => [type, subject, data["account"]])).toEqual([
    ["limit.exceeded", rule.id, { namespace: "team-a", model: "m" }],
    ["limit.exceeded", rule.id, { namespace: "team-b", model: "m" }],
  ]);
});

it("a claim that is larger than its limit never fits, and asks nobody", async () => {
  const world = createLimitWorld();
  expect(short(await holdNow(world, world.desk(0), claim(makeLimit(), 101)))).toMatchObject({ reason: "exceeded", retryAfterMs: null });
  expect(world.store.sent).toHaveLength(0);
});

it("an exhausted account costs no round trip a call", async () => {
  const rule = makeLimit({ limit: 5 });
  const world = createLimitWorld();
  world.store.delayMs = 2;
  for (let call = 0; call < 1_000; call += 1) {
    (await holdNow(world, world.desk(0), claim(rule))).ok;
    await world.clock.advance(2);
  }
  expect(world.store.sent.length).toBeLessThan(60);
});

it("no two lists of values share an account", async () => {
  const rule = makeLimit({ limit: 1, per: ["namespace", "model"] });
  const world = createLimitWorld();
  const lists = [
    ["a", "b"],
    ["a,b", ""],
    ["", "a,b"],
    ["a\u0000b", ""],
    ["1:a", "b"],
    ["__proto__", "constructor"],
    ["x".repeat(3_000), "y"],
    ["x".repeat(3_001), "y"],
    ["😀", "\ud800"],
  ];
  for (const of of lists) held(await holdNow(world, world.desk(0), claim(rule, 1, ...of))).settle([1]);
  for (const of of lists) short(await holdNow(world, world.desk(0), claim(rule, 1, ...of)));
  const names = world.store.sent.flatMap(({ changes }) => changes.map(({ account }) => account));
  expect(new Set(names).size).toBe(lists.length);
  for (const name of names) {
    expect(name.length).toBeLessThanOrEqual(1_024);
    expect(readAccountName(name)).toMatchObject({ limit: rule.id, window: "sliding:60000" });
  }
});

it("knows a bounded number of accounts, forgets those that nobody uses, and gives back what it held", async () => {
  const rule = makeLimit({ limit: 1_000, per: ["model"] });
  const world = createLimitWorld();
  for (let call = 0; call < 400; call += 1) held(await holdNow(world, world.desk(0), claim(rule, 1, `model-${call}`))).settle([1]);
  expect(world.desk(0).census().accounts).toBe(400);
  await world.clock.advance(13_000);
  expect(world.desk(0).census()).toEqual({ accounts: 0, leases: 0 });
  expect(world.clock.pending()).toBe(0);
});

it("tells everything and gives everything back when it closes", async () => {
  const rule = makeLimit({ limit: 100_000, per: ["model"] });
  const world = createLimitWorld();
  for (let call = 0; call < 300; call += 1) {
    held(await holdNow(world, world.desk(0), claim(rule, 1, `model-${call % 40}`), claim({ ...rule, id: "a/p/all", per: [] }))).settle([1, 1]);
    await world.clock.advance(1);
  }
  const closed = world.desk(0).close(5_000);
  await world.clock.advance(20);
  await closed;
  expect(world.desk(0).census().leases).toBe(0);
  const accounts = await world.store.accounts(rule.gateway, 1_000, PATIENT);
  expect(accounts.reduce((sum, { used }) => sum + used, 0)).toBe(600);
  expect(accounts.every(({ held: left }) => left === 0)).toBe(true);
});

it("says how a limit stands after a call was let in", async () => {
  const day = makeLimit({ id: "a/p/day", unit: "tokens", limit: 1_000, window: BERLIN });
  const minute = makeLimit({ limit: 10 });
  const world = createLimitWorld({ start: MIDNIGHT - 60_000 });
  const claims = [claim(day, 100), claim(minute)];
  held(await holdNow(world, world.desk(0), ...claims));
  expect(world.desk(0).standing(claims)).toEqual([
    { claim: claims[0], remaining: 900, resetMs: 60_000 },
    { claim: claims[1], remaining: 9, resetMs: 60_000 },
  ]);
});

it("claims of several Gateways are all held or none", async () => {
  const world = createLimitWorld();
  const here = makeLimit({ limit: 5 });
  const there = makeLimit({ gateway: "egress/other", limit: 1 });
  const both = [claim(here), claim(there)] as const;
  held(await holdNow(world, world.desk(0), ...both)).settle([1, 1]);
  expect(short(await holdNow(world, world.desk(0), ...both)).claim.rule).toBe(there);
  await world.clock.advance(2_000);
  expect(await world.account(here)).toMatchObject({ used: 1, held: 0 });
});
