import { expect, it } from "vitest";
import { claim, createLimitWorld, held, holdNow, type LimitWorld, makeLimit, PATIENT, short } from "../../../fakes/limit-world.ts";

const TOKENS = makeLimit({ id: "a/p/tokens", unit: "tokens", limit: 1_000 });
const CALLS = makeLimit({ id: "a/p/calls", unit: "concurrency", limit: 5, window: null });
const DAY = makeLimit({ id: "a/p/day", unit: "tokens", limit: 1_000, window: { kind: "calendar", period: "day", timeZone: "UTC" } });
const NOON = Date.UTC(2026, 10, 22, 12);
const MIDNIGHT = Date.UTC(2026, 10, 23);

function direct(options: Parameters<typeof createLimitWorld>[0] = {}): LimitWorld {
  return createLimitWorld({ leases: false, ...options });
}

async function flush(world: LimitWorld, at = 0): Promise<void> {
  const flushed = world.desk(at).flush(1_000);
  await world.clock.advance(10);
  await flushed;
}

it("asks for what the call may need, and tells what it used, by claim and account", async () => {
  const world = direct();
  const claims = [claim(TOKENS, 100.5), claim(CALLS, 1), claim(TOKENS, 20), claim({ ...TOKENS, id: "a/p/shadow", onExceeded: "shadow" }, 7)];
  const hold = held(await holdNow(world, world.desk(0), ...claims));
  expect(hold.unavailable).toEqual([false, false, false, false]);
  expect(world.store.sent[0]).toMatchObject({ realm: TOKENS.gateway, holder: "instance-0.1", ttlMs: 300_000 });
  const asked = world.store.sent[0]?.changes.map(({ limit, used, keep, need, want }) => [limit, used, keep, need, want]);
  expect(asked).toEqual([
    [1_000, 0, 0, 121, 121],
    [5, 0, 0, 1, 1],
    [null, 0, 0, 7, 7],
  ]);
  hold.settle([30.2, 1, 9]);
  await flush(world);
  expect(world.store.sent[1]?.changes.map(({ limit, used, need, want }) => [limit, used, need, want])).toEqual([
    [1_000, 40, 0, 0],
    [5, 0, 0, 0],
    [null, 0, 0, 0],
  ]);
  hold.settle([500, 1, 1, 1]);
  hold.release();
  await flush(world);
  expect(world.store.sent).toHaveLength(2);
  expect(world.exchanges).toEqual(["granted", "granted"]);
});

it("says how a limit stands after the store's word, and after what was given back", async () => {
  const world = direct({ start: NOON });
  const claims = [claim(TOKENS, 100), claim(CALLS, 1), claim(DAY, 10)];
  expect(world.desk(0).standing(claims)).toEqual([
    { claim: claims[0], remaining: 0, resetMs: 60_000 },
    { claim: claims[1], remaining: 0, resetMs: 0 },
    { claim: claims[2], remaining: 0, resetMs: MIDNIGHT - NOON },
  ]);
  const hold = held(await holdNow(world, world.desk(0), ...claims));
  const remaining = () =>
    world
      .desk(0)
      .standing(claims)
      .map((standing) => standing.remaining);
  expect(remaining()).toEqual([900, 4, 990]);
  hold.settle([30, 1, 25]);
  expect(remaining()).toEqual([970, 5, 975]);
  expect(world.desk(0).census()).toEqual({ accounts: 3, leases: 0 });
});

it("refuses what is larger than the limit without asking, and tells nobody that it is used up", async () => {
  const world = direct();
  expect(world.desk(0).hold([claim(TOKENS, 1_001)], PATIENT)).toMatchObject({ ok: false, shortage: { reason: "exceeded", retryAfterMs: null } });
  expect(world.store.sent).toEqual([]);
  expect(world.events).toEqual([]);
  held(await holdNow(world, world.desk(0), claim(TOKENS, 1_000)));
});

it("remembers a refusal for a tenth of a second, or a hundredth of a short window, for what is larger than the rest", async () => {
  for (const [ms, remembered] of [
    [60_000, 100],
    [2_000, 20],
  ] as const) {
    const world = direct({ start: NOON });
    const rule = { ...TOKENS, window: { kind: "sliding", ms } as const };
    held(await holdNow(world, world.desk(0), claim(rule, 900))).settle([900]);
    await flush(world);
    const shortage = short(await holdNow(world, world.desk(0), claim(rule, 101)));
    expect(shortage).toMatchObject({ reason: "exceeded", remaining: 100 });
    const waitMs = shortage.retryAfterMs ?? 0;
    expect(waitMs).toBeGreaterThan(ms * 0.9);
    const sent = world.store.sent.length;
    await world.clock.advance(remembered - 1);
    expect(world.desk(0).hold([claim(rule, 101)], PATIENT)).toMatchObject({ ok: false, shortage: { retryAfterMs: waitMs - remembered + 1 } });
    expect(world.store.sent).toHaveLength(sent);
    const fits = world.desk(0).hold([claim(rule, 100)], PATIENT);
    expect(fits).toBeInstanceOf(Promise);
    await world.clock.advance(0);
    held(await fits).release();
    expect(world.events.map(({ type }) => type)).toEqual(["limit.exceeded"]);
  }
});

it("asks again once the memory is over, and at once when something was given back", async () => {
  const world = direct();
  const first = held(await holdNow(world, world.desk(0), claim(TOKENS, 600)));
  const refuse = async () => short(await holdNow(world, world.desk(0), claim(TOKENS, 500)));
  await refuse();
  let sent = world.store.sent.length;
  await world.clock.advance(100);
  await refuse();
  expect(world.store.sent).toHaveLength(sent + 1);
  sent = world.store.sent.length;
  await refuse();
  expect(world.store.sent).toHaveLength(sent);
  first.settle([10]);
  await flush(world);
  held(await holdNow(world, world.desk(0), claim(TOKENS, 500)));
});

it("a shadow is counted, lets pass, and is told once there is more than its limit", async () => {
  const world = direct();
  const rule = { ...TOKENS, onExceeded: "shadow" } as const;
  const shadows: number[] = [];
  for (const amount of [1_000, 1, 5_000]) {
    const result = await holdNow(world, world.desk(0), claim(rule, amount));
    held(result);
    if (result.ok) shadows.push(result.exceededShadows.length);
  }
  expect(shadows).toEqual([0, 1, 1]);
  expect(world.events.map(({ type }) => type)).toEqual(["limit.exceeded"]);
});

it("names the account that lacks room where one of several does", async () => {
  const world = direct();
  const other = direct();
  for (const one of [world, other]) held(await holdNow(one, one.desk(0), claim(TOKENS, 990)));
  expect(short(await holdNow(world, world.desk(0), claim(CALLS), claim(TOKENS, 20))).claim.rule).toBe(TOKENS);
  expect(short(await holdNow(other, other.desk(0), claim(TOKENS, 20), claim(CALLS))).claim.rule).toBe(TOKENS);
  // What had room is not remembered as refused.
  held(await holdNow(world, world.desk(0), claim(CALLS)));
});

it("a refused call's name is free at once: it holds nothing", async () => {
  const world = direct();
  held(await holdNow(world, world.desk(0), claim(TOKENS, 990)));
  short(await holdNow(world, world.desk(0), claim(TOKENS, 20)));
  await world.clock.advance(150);
  short(await holdNow(world, world.desk(0), claim(TOKENS, 20)));
  expect(world.store.sent.map(({ holder }) => holder)).toEqual(["instance-0.1", "instance-0.2", "instance-0.2"]);
  expect(new Set(world.store.sent.map(({ sequence }) => sequence)).size).toBe(3);
});

it("a call that meets the next day asks for that, and gives back what it held of the day before", async () => {
  // This instance's clock is ten seconds behind: it asks for a day that is over.
  const world = direct({ start: MIDNIGHT + 2_000, skews: [-10_000] });
  const hold = held(await holdNow(world, world.desk(0), claim(DAY, 900)));
  expect(world.store.sent).toHaveLength(2);
  expect(world.store.sent.map(({ changes }) => changes[0]?.window)).toMatchObject([{ at: MIDNIGHT }, { from: MIDNIGHT }]);
  hold.settle([800]);
  await flush(world);
  expect(await world.account(DAY)).toMatchObject({ used: 800, held: 0 });
  expect(world.store.sent.slice(2).flatMap(({ changes }) => changes.map(({ used }) => used))).toEqual([0, 800]);
});

it("the first call waits a second for the store, those after it half a second", async () => {
  const world = direct();
  world.store.fate = () => "deaf";
  const before = world.clock.monotonic();
  short(await holdNow(world, world.desk(0), claim(TOKENS)));
  expect(world.clock.monotonic() - before).toBe(1_001);
  world.store.fate = () => "carried";
  await world.clock.advance(300);
  held(await holdNow(world, world.desk(0), claim(TOKENS)));
  world.store.fate = () => "deaf";
  const again = world.clock.monotonic();
  short(await holdNow(world, world.desk(0), claim(TOKENS)));
  expect(world.clock.monotonic() - again).toBe(501);
});

it("leaves a silent store alone for a quarter of a second", async () => {
  const world = direct();
  world.store.fate = () => "deaf";
  short(await holdNow(world, world.desk(0), claim(TOKENS)));
  await world.clock.advance(249);
  expect(world.desk(0).hold([claim(TOKENS)], PATIENT)).toMatchObject({ ok: false, shortage: { reason: "unavailable" } });
  world.store.fate = () => "carried";
  await world.clock.advance(1);
  const probe = world.desk(0).hold([claim(TOKENS)], PATIENT);
  expect(probe).toBeInstanceOf(Promise);
  await world.clock.advance(0);
  held(await probe);
  // It answers: nobody is turned away.
  expect(world.desk(0).hold([claim(TOKENS)], PATIENT)).toBeInstanceOf(Promise);
  expect(world.events.map(({ data }) => data["state"])).toEqual(["began", "ended"]);
});

it("what passes without the store is told to it later, and what did not pass is given back", async () => {
  const world = direct();
  const openRule = { ...TOKENS, id: "a/p/open", onStoreFailure: { kind: "failOpen" } } as const;
  world.store.fate = () => "lost";
  const hold = held(await holdNow(world, world.desk(0), claim(openRule, 100)));
  expect(hold.unavailable).toEqual([true]);
  hold.settle([60]);
  await world.clock.advance(250);
  short(await holdNow(world, world.desk(0), claim(TOKENS, 70)));
  // While it is left alone nothing is asked, and what passes is told all the same.
  held(await holdNow(world, world.desk(0), claim(openRule, 5))).settle([5]);
  world.store.fate = () => "carried";
  await world.clock.advance(250);
  await flush(world);
  expect(await world.account(openRule)).toMatchObject({ used: 65, held: 0 });
  expect(await world.account(TOKENS)).toBeNull();
});

it("a local share is given back as it is settled", async () => {
  const world = direct();
  const rule = { ...TOKENS, onStoreFailure: { kind: "local", share: 0.1 } } as const;
  world.store.fate = () => "deaf";
  const hold = held(await holdNow(world, world.desk(0), claim(rule, 100)));
  expect(short(await holdNow(world, world.desk(0), claim(rule, 1)))).toMatchObject({ reason: "exceeded" });
  hold.settle([40]);
  short(await holdNow(world, world.desk(0), claim(rule, 61)));
  held(await holdNow(world, world.desk(0), claim(rule, 60)));
});

it("more accounts than one exchange takes fail as the store does", async () => {
  const world = direct();
  const many = Array.from({ length: 33 }, (_, at) => claim({ ...TOKENS, id: `a/p/${at}` }));
  expect(short(await holdNow(world, world.desk(0), ...many))).toMatchObject({ reason: "unavailable" });
  expect(world.store.sent).toEqual([]);
  held(await holdNow(world, world.desk(0), ...many.slice(1)));
  expect(world.store.sent[0]?.changes).toHaveLength(32);
});

it("with 199 of which a share is under way it can spare one", async () => {
  const world = direct();
  const rule = { ...TOKENS, per: ["model"], onStoreFailure: { kind: "local", share: 0.1 } } as const;
  world.store.fate = () => "deaf";
  for (let at = 0; at < 199; at += 1) held(await holdNow(world, world.desk(0), claim(rule, 1, `m-${at}`)));
  world.desk(0).standing(Array.from({ length: 9_801 }, (_, at) => claim(rule, 1, `m-${199 + at}`)));
  world.store.fate = () => "carried";
  await world.clock.advance(1_000);
  expect(held(await holdNow(world, world.desk(0), claim(rule, 5, "new"))).unavailable).toEqual([false]);
});

it("of claims that can only together not fit says when the window is over", async () => {
  const world = direct();
  expect(short(await holdNow(world, world.desk(0), claim(TOKENS, 600), claim(TOKENS, 600)))).toMatchObject({ reason: "exceeded", retryAfterMs: 60_000 });
});

it("without the store says what one of several lacks, whatever their order", async () => {
  for (const reversed of [true, false]) {
    const world = direct();
    world.store.fate = () => "deaf";
    const claims = [claim({ ...TOKENS, id: "a/p/open", onStoreFailure: { kind: "failOpen" } }, 1), claim(TOKENS, 1)];
    expect(short(await holdNow(world, world.desk(0), ...(reversed ? claims.toReversed() : claims))).claim.rule).toBe(TOKENS);
  }
});

it("gives a share back only for the calls that were counted in it, and says nothing of an account of which the store has not spoken", async () => {
  const world = direct();
  const rule = { ...TOKENS, onStoreFailure: { kind: "local", share: 0.1 } } as const;
  world.store.fate = () => "deaf";
  const result = await holdNow(world, world.desk(0), claim(rule, 90));
  const counted = held(result);
  expect(result).toMatchObject({ exceededShadows: [] });
  world.store.fate = () => "carried";
  await world.clock.advance(250);
  const asked = held(await holdNow(world, world.desk(0), claim(rule, 50)));
  asked.settle([0]);
  world.store.fate = () => "deaf";
  short(await holdNow(world, world.desk(0), claim(rule, 11)));
  held(await holdNow(world, world.desk(0), claim(rule, 10))).settle([10]);
  counted.release();
  const fresh = { ...rule, id: "a/p/fresh" } as const;
  held(await holdNow(world, world.desk(0), claim(fresh, 90))).settle([20]);
  expect(world.desk(0).standing([claim(fresh, 1)])).toMatchObject([{ remaining: 0 }]);
});

it("tells the store nothing of what it refused without asking", async () => {
  const world = direct();
  world.store.fate = () => "deaf";
  short(await holdNow(world, world.desk(0), claim(TOKENS)));
  short(await holdNow(world, world.desk(0), claim(TOKENS)));
  world.store.fate = () => "carried";
  await flush(world);
  // The question, and its end.
  expect(world.store.sent.map(({ changes }) => changes[0]?.need)).toEqual([1, 0]);
});

it("does as without a store where it refuses for want of nothing", async () => {
  for (const kind of ["failClosed", "failOpen"] as const) {
    const world = direct();
    const { store } = world;
    const exchange = store.exchange;
    store.exchange = async (asked, signal) => ({ ...(await exchange(asked, signal)), granted: false });
    const result = await holdNow(world, world.desk(0), claim({ ...TOKENS, onStoreFailure: { kind } }, 100));
    expect(result).toMatchObject(kind === "failOpen" ? { ok: true, hold: { unavailable: [true] } } : { ok: false, shortage: { reason: "unavailable" } });
    if (result.ok) result.hold.settle([10]);
    store.exchange = exchange;
    await flush(world);
    expect((await world.account(TOKENS))?.used ?? 0).toBe(kind === "failOpen" ? 10 : 0);
    expect((await world.account(TOKENS))?.held ?? 0).toBe(0);
  }
});

it("knows the store's time to the middle of the exchange, however wrong its own clock is", async () => {
  const world = direct({ start: NOON, skews: [-3_600_000] });
  world.store.delayMs = 100;
  held(await holdNow(world, world.desk(0), claim(DAY, 1)));
  expect(world.desk(0).standing([claim(DAY, 1)])).toMatchObject([{ resetMs: MIDNIGHT - NOON - 100 }]);
});

it("rejects for a caller that has left before it asked", async () => {
  const world = direct();
  await expect(world.desk(0).hold([claim(TOKENS)], AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone");
  expect(world.store.sent).toEqual([]);
});

it("remembers a bounded number of accounts: those that were seen first go", async () => {
  const world = direct();
  const rule = { ...TOKENS, per: ["model"] } as const;
  for (let at = 0; at < 10_002; at += 1) world.desk(0).standing([claim(rule, 1, `m-${at}`)]);
  expect(world.desk(0).census()).toEqual({ accounts: 10_000, leases: 0 });
});

it("with more accounts than it can remember, each rule does as without a store, and nothing is counted", async () => {
  const world = direct();
  const rule = { ...TOKENS, per: ["model"], onStoreFailure: { kind: "local", share: 0.1 } } as const;
  world.store.fate = () => "deaf";
  // Each of the 200 that were seen first has a share of its own under way; no more than those are asked.
  for (let at = 0; at < 200; at += 1) held(await holdNow(world, world.desk(0), claim(rule, 1, `m-${at}`)));
  world.desk(0).standing(Array.from({ length: 9_800 }, (_, at) => claim(rule, 1, `m-${200 + at}`)));
  const one = (onStoreFailure: typeof TOKENS.onStoreFailure, differs: Partial<typeof TOKENS> = {}) => claim({ ...rule, onStoreFailure, ...differs }, 5, "new");
  world.store.fate = () => "carried";
  await world.clock.advance(1_000);
  // The store answers again.
  held(await holdNow(world, world.desk(0), claim(rule, 1, "m-5")));
  const sent = world.store.sent.length;
  expect(short(await holdNow(world, world.desk(0), one({ kind: "failClosed" })))).toMatchObject({ reason: "unavailable" });
  expect(short(await holdNow(world, world.desk(0), one(rule.onStoreFailure)))).toMatchObject({ reason: "unavailable" });
  const open = held(await holdNow(world, world.desk(0), one({ kind: "failOpen" }), claim(rule, 1, "m-5")));
  expect(open.unavailable).toEqual([true, true]);
  open.settle([5, 1]);
  expect(held(await holdNow(world, world.desk(0), one({ kind: "failClosed" }, { onExceeded: "shadow" }))).unavailable).toEqual([true]);
  expect(world.store.sent).toHaveLength(sent);
  expect(world.desk(0).standing([one({ kind: "failOpen" })])).toMatchObject([{ remaining: 0, resetMs: 0 }]);
  expect(world.desk(0).census().accounts).toBe(10_000);
});

it("tells that a limit is used up to whoever asks for all of it", async () => {
  const world = direct();
  held(await holdNow(world, world.desk(0), claim(TOKENS, 1)));
  expect(short(await holdNow(world, world.desk(0), claim(TOKENS, 1_000))).remaining).toBe(999);
  expect(world.events.map(({ type }) => type)).toEqual(["limit.exceeded"]);
});

it("remembers a refusal though a call ends that used all that it held", async () => {
  const world = direct();
  const hold = held(await holdNow(world, world.desk(0), claim(TOKENS, 600)));
  short(await holdNow(world, world.desk(0), claim(TOKENS, 500)));
  hold.settle([600]);
  expect(world.desk(0).hold([claim(TOKENS, 500)], PATIENT)).toMatchObject({ ok: false });
});

it("gives back what is released", async () => {
  const world = direct();
  held(await holdNow(world, world.desk(0), claim(TOKENS, 600))).release();
  expect(world.desk(0).standing([claim(TOKENS)])).toMatchObject([{ remaining: 1_000 }]);
  await flush(world);
  expect(await world.account(TOKENS)).toBeNull();
});

it("forgets a refusal in a short window after a hundredth of it", async () => {
  const world = direct();
  const rule = { ...TOKENS, window: { kind: "sliding", ms: 2_000 } } as const;
  held(await holdNow(world, world.desk(0), claim(rule, 900)));
  short(await holdNow(world, world.desk(0), claim(rule, 101)));
  await world.clock.advance(20);
  expect(world.desk(0).hold([claim(rule, 101)], PATIENT)).toBeInstanceOf(Promise);
});

it("does not remember as refused what had room beside what lacked it, nor what was granted", async () => {
  const world = direct({ desks: 2 });
  const other = held(await holdNow(world, world.desk(1), claim(CALLS, 4)));
  held(await holdNow(world, world.desk(0), claim(TOKENS, 990)));
  short(await holdNow(world, world.desk(0), claim(CALLS, 1), claim(TOKENS, 20)));
  other.settle([0]);
  await flush(world, 1);
  held(await holdNow(world, world.desk(0), claim(CALLS, 3))).release();
});

it("names what lacks room, though another limit of the call has a longer window", async () => {
  for (const claims of [
    [claim(DAY, 20), claim(TOKENS, 20)],
    [claim(TOKENS, 20), claim(DAY, 20)],
  ]) {
    const world = direct({ start: NOON });
    held(await holdNow(world, world.desk(0), claim(TOKENS, 990), claim(DAY, 100))).settle([990, 100]);
    await flush(world);
    expect(short(await holdNow(world, world.desk(0), ...claims)).claim.rule).toBe(TOKENS);
    expect(world.events.map(({ subject }) => subject)).toEqual([TOKENS.id]);
  }
});

it("tells of no shadow where a limit that rejects was overdrawn", async () => {
  const world = direct();
  held(await holdNow(world, world.desk(0), claim(TOKENS, 10))).settle([2_000]);
  await flush(world);
  expect(await holdNow(world, world.desk(0), claim(TOKENS, 0))).toMatchObject({ ok: true, exceededShadows: [] });
  expect(world.events).toEqual([]);
});

it("without the store names the tightest: what nobody could count", async () => {
  const world = direct();
  const local = { ...TOKENS, id: "a/p/local", onStoreFailure: { kind: "local", share: 0.01 } } as const;
  world.store.fate = () => "deaf";
  expect(short(await holdNow(world, world.desk(0), claim(local, 50), claim(TOKENS, 1)))).toMatchObject({ reason: "unavailable", claim: { rule: TOKENS } });
});

it("asks three times at most where days go by faster than answers come, and of one stale claim asks for all anew", async () => {
  const world = direct({ start: NOON });
  const { store } = world;
  const exchange = store.exchange;
  let days = 0;
  store.exchange = async (asked, signal) => ({ ...(await exchange(asked, signal)), now: NOON + ++days * 86_400_000 });
  held(await holdNow(world, world.desk(0), claim(TOKENS, 1), claim(DAY, 1)));
  expect(world.store.sent).toHaveLength(3);
  expect(new Set(world.store.sent.map(({ holder }) => holder)).size).toBe(3);
});

it("a call that is refused while a day of it was over asks for the next under the same name", async () => {
  const world = direct({ desks: 2, start: MIDNIGHT + 2_000, skews: [-10_000] });
  held(await holdNow(world, world.desk(1), claim(CALLS, 5)));
  expect(short(await holdNow(world, world.desk(0), claim(CALLS, 1), claim(DAY, 5))).claim.rule).toBe(CALLS);
  expect(world.store.sent.slice(1).map(({ holder }) => holder)).toEqual(["instance-0.1", "instance-0.1"]);
});
