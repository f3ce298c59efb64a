import { describe, expect, it } from "vitest";
import { claim, createLimitWorld, held, holdNow, type LimitWorld, makeLimit, PATIENT, short } from "../../../fakes/limit-world.ts";

const NOON = Date.UTC(2026, 10, 22, 12);
const MIDNIGHT = Date.UTC(2026, 10, 23);
const DAY_WINDOW = { kind: "calendar", period: "day", timeZone: "UTC" } as const;
const TOKENS = makeLimit({ id: "a/p/tokens", unit: "tokens", limit: 1_000 });
const CALLS = makeLimit({ id: "a/p/calls", unit: "concurrency", limit: 10, window: null });
const DAY = makeLimit({ id: "a/p/day", unit: "tokens", limit: 1_000, window: DAY_WINDOW });

/** When exchanges were sent from now on, in milliseconds from now, until `ms` have passed. */
async function sendsWithin(world: LimitWorld, ms: number): Promise<readonly number[]> {
  const times: number[] = [];
  const { fate } = world.store;
  const from = world.clock.monotonic();
  world.store.fate = (exchange) => {
    times.push(world.clock.monotonic() - from);
    return fate(exchange);
  };
  await world.clock.advance(ms);
  world.store.fate = fate;
  return times;
}

/** Calls one after the other, a millisecond apart, until the desk holds more than they need. */
async function warm(world: LimitWorld, rule = makeLimit({ limit: 100_000 }), calls = 300): Promise<void> {
  for (let call = 0; call < calls; call += 1) {
    held(await holdNow(world, world.desk(0), claim(rule))).settle([1]);
    await world.clock.advance(1);
  }
}

describe("what the store is asked", () => {
  it("is one exchange for all that waits, under this instance's name, for thirty seconds", async () => {
    const world = createLimitWorld();
    const results = [world.desk(0).hold([claim(TOKENS, 100), claim(CALLS)], PATIENT), world.desk(0).hold([claim(TOKENS, 50)], PATIENT)];
    await world.clock.advance(0);
    for (const result of await Promise.all(results)) held(result);
    const [first, second] = world.store.sent;
    expect(first).toMatchObject({ realm: TOKENS.gateway, holder: "instance-0", ttlMs: 30_000 });
    expect(first?.changes.map(({ limit, need }) => [limit, need])).toEqual([
      [1_000, 100],
      [10, 1],
    ]);
    expect(second?.changes.map(({ keep, need }) => [keep, need])).toEqual([[100, 150]]);
    expect(second?.sequence).toBeGreaterThan(first?.sequence ?? 0);
  });

  it("is of 32 accounts at most; the rest goes with the next", async () => {
    const world = createLimitWorld();
    const rule = { ...TOKENS, per: ["model"] } as const;
    const blocker = world.desk(0).hold([claim(CALLS)], PATIENT);
    const results = Array.from({ length: 20 }, (_, at) => world.desk(0).hold([claim(rule, 1, `m-${2 * at}`), claim(rule, 1, `m-${2 * at + 1}`)], PATIENT));
    await world.clock.advance(0);
    for (const result of await Promise.all([blocker, ...results])) held(result);
    expect(world.store.sent.map(({ changes }) => changes.length)).toEqual([1, 32, 8]);
  });

  it("is one exchange for many calls of the same accounts", async () => {
    const world = createLimitWorld();
    const blocker = world.desk(0).hold([claim(DAY, 1)], PATIENT);
    const results = Array.from({ length: 40 }, (_, at) =>
      world.desk(0).hold([claim(TOKENS, 1), claim({ ...CALLS, limit: 100, per: ["model"] }, 1, `m-${at % 31}`)], PATIENT),
    );
    await world.clock.advance(0);
    for (const result of await Promise.all([blocker, ...results])) held(result);
    expect(world.store.sent.map(({ changes }) => changes.map(({ need }) => need))).toEqual([
      [1],
      [40, ...Array.from({ length: 31 }, (_, at) => (at < 9 ? 2 : 1))],
    ]);
  });

  it("is nothing where another call gives back in time what one waits for", async () => {
    const world = createLimitWorld();
    const first = held(await holdNow(world, world.desk(0), claim(TOKENS, 100)));
    world.store.delayMs = 10;
    const other = world.desk(0).hold([claim(CALLS)], PATIENT);
    const waits = world.desk(0).hold([claim(TOKENS, 60)], PATIENT);
    await world.clock.advance(5);
    first.settle([40]);
    await world.clock.advance(5);
    held(await other);
    held(await waits).settle([60]);
    expect(world.store.sent).toHaveLength(2);
    await world.clock.advance(2_000);
    expect(await world.account(TOKENS)).toMatchObject({ used: 100, held: 0 });
  });

  it("is what a call waits for and what there is to tell of its account, at once", async () => {
    const world = createLimitWorld();
    held(await holdNow(world, world.desk(0), claim(TOKENS, 10))).settle([10]);
    world.store.delayMs = 10;
    const results = [world.desk(0).hold([claim(CALLS)], PATIENT), world.desk(0).hold([claim(TOKENS, 500)], PATIENT)];
    const flushed = world.desk(0).flush(1_000);
    await world.clock.advance(20);
    for (const result of await Promise.all(results)) held(result);
    await flushed;
    expect(world.store.sent.slice(2).map(({ changes }) => changes.map(({ used, need }) => [used, need]))).toEqual([[[10, 500]]]);
  });

  it("a call that is outrun four times is refused", async () => {
    const world = createLimitWorld();
    const { store } = world;
    const exchange = store.exchange;
    // A store that grants nothing and does not say for want of what.
    store.exchange = async (asked, signal) => {
      await exchange(asked, signal);
      return { granted: false, now: NOON, accounts: asked.changes.map(({ keep }) => ({ held: keep, used: 10, heldByOthers: 20, roomInMs: 0 })) };
    };
    expect(short(await holdNow(world, world.desk(0), claim(TOKENS, 5)))).toMatchObject({ reason: "exceeded", remaining: 970 });
    expect(world.store.sent).toHaveLength(4);
  });

  it("a call that leaves while it waits holds nothing", async () => {
    const world = createLimitWorld();
    held(await holdNow(world, world.desk(0), claim(CALLS))).release();
    world.store.delayMs = 10;
    const leaving = new AbortController();
    const left = Promise.resolve(world.desk(0).hold([claim(CALLS), claim(TOKENS, 500)], leaving.signal)).catch((error: unknown) => error);
    await world.clock.advance(3);
    leaving.abort(new Error("gone"));
    expect(await left).toEqual(new Error("gone"));
    await world.clock.advance(3_000);
    expect(await world.account(CALLS)).toBeNull();
    expect(await world.account(TOKENS)).toBeNull();
    held(await holdNow(world, world.desk(0), claim(CALLS, 10)));
  });

  it("rejects for a caller that has left before it asked", async () => {
    const world = createLimitWorld();
    await expect(world.desk(0).hold([claim(TOKENS)], AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone");
    expect(world.store.sent).toEqual([]);
  });
});

describe("a refusal", () => {
  it("says when there may be room, counted from now, and is remembered for a fifth of a second", async () => {
    const world = createLimitWorld({ start: NOON, desks: 2 });
    held(await holdNow(world, world.desk(1), claim(TOKENS, 900)));
    world.crash(1);
    const first = short(await holdNow(world, world.desk(0), claim(TOKENS, 200)));
    expect(first).toMatchObject({ reason: "exceeded", remaining: 100, retryAfterMs: 30_000 });
    const sentByIt = () => world.store.sent.filter(({ holder }) => holder === "instance-0").length;
    const sent = sentByIt();
    await world.clock.advance(199);
    expect(world.desk(0).hold([claim(TOKENS, 101)], PATIENT)).toMatchObject({ ok: false, shortage: { remaining: 100, retryAfterMs: 29_801 } });
    expect(sentByIt()).toBe(sent);
    held(await holdNow(world, world.desk(0), claim(TOKENS, 100)));
    await world.clock.advance(1);
    expect(world.desk(0).hold([claim(TOKENS, 101)], PATIENT)).toBeInstanceOf(Promise);
  });

  it("of a day says when it is over, and of what nobody knows the length of the window", async () => {
    const world = createLimitWorld({ start: MIDNIGHT - 5_000 });
    held(await holdNow(world, world.desk(0), claim(DAY, 1_000))).settle([1_000]);
    await world.clock.advance(1_000);
    expect(short(await holdNow(world, world.desk(0), claim(DAY, 1)))).toMatchObject({ remaining: 0, retryAfterMs: 4_000 });
    // Larger than its limit: never, and nobody is told that it is used up.
    const quiet = createLimitWorld();
    expect(short(await holdNow(quiet, quiet.desk(0), claim(DAY, 1_001)))).toMatchObject({ retryAfterMs: null, remaining: 0 });
    expect(quiet.events).toEqual([]);
    expect(quiet.clock.pending()).toBe(0);
  });

  it("is unavailable where the 200 accounts that were opened first are all in use: no more are looked at", async () => {
    const world = createLimitWorld();
    const rule = { ...CALLS, per: ["model"] } as const;
    for (let at = 0; at < 200; at += 1) held(await holdNow(world, world.desk(0), claim(rule, 1, `m-${at}`)));
    world.desk(0).standing(Array.from({ length: 9_800 }, (_, at) => claim(rule, 1, `m-${200 + at}`)));
    await world.clock.advance(2_000);
    expect(short(await holdNow(world, world.desk(0), claim(rule, 1, "new")))).toMatchObject({ reason: "unavailable" });
  });

  it("gives back at once what the call took of what this instance holds", async () => {
    const world = createLimitWorld({ desks: 2 });
    held(await holdNow(world, world.desk(1), claim(CALLS, 10)));
    held(await holdNow(world, world.desk(0), claim(TOKENS, 100))).settle([0]);
    expect(short(await holdNow(world, world.desk(0), claim(TOKENS, 80), claim(CALLS))).claim.rule).toBe(CALLS);
    const sent = world.store.sent.length;
    // Nothing of it waits for the store.
    expect(world.desk(0).hold([claim(TOKENS, 80)], PATIENT)).toMatchObject({ ok: true });
    expect(world.store.sent).toHaveLength(sent);
  });

  it("of claims that can only together not fit says when the window is over", async () => {
    const world = createLimitWorld();
    expect(short(await holdNow(world, world.desk(0), claim(TOKENS, 600), claim(TOKENS, 600)))).toMatchObject({ reason: "exceeded", retryAfterMs: 60_000 });
  });

  it("gives back what the call had of other accounts, and names the one that lacks", async () => {
    const world = createLimitWorld({ desks: 2 });
    held(await holdNow(world, world.desk(1), claim(CALLS, 10)));
    expect(short(await holdNow(world, world.desk(0), claim(TOKENS, 600), claim(CALLS))).claim.rule).toBe(CALLS);
    held(await holdNow(world, world.desk(0), claim(TOKENS, 1_000)));
  });

  it("is unavailable where there are too many accounts, until one can be spared; what fails open passes", async () => {
    const world = createLimitWorld();
    const rule = { ...TOKENS, per: ["model"] } as const;
    world.desk(0).standing(Array.from({ length: 10_000 }, (_, at) => claim(rule, 1, `m-${at}`)));
    expect(world.desk(0).census()).toEqual({ accounts: 10_000, leases: 0 });
    await world.clock.advance(1_999);
    expect(short(await holdNow(world, world.desk(0), claim(rule, 1, "new")))).toMatchObject({ reason: "unavailable", remaining: 0 });
    expect(world.desk(0).standing([claim(rule, 1, "new")])).toMatchObject([{ remaining: 0, resetMs: 0 }]);
    const open = { ...rule, onStoreFailure: { kind: "failOpen" } } as const;
    const hold = held(await holdNow(world, world.desk(0), claim(open, 1, "new"), claim(open, 1, "m-9000")));
    expect(hold.unavailable).toEqual([true, true]);
    hold.settle([1, 1]);
    const shadow = { ...rule, onExceeded: "shadow" } as const;
    expect(held(await holdNow(world, world.desk(0), claim(shadow, 5_000, "new"))).unavailable).toEqual([true]);
    await world.clock.advance(1);
    held(await holdNow(world, world.desk(0), claim(rule, 1, "new")));
    expect(world.desk(0).census().accounts).toBe(10_000);
  });
});

describe("a limit that is used up", () => {
  it("is told of by whoever asks for all of it", async () => {
    const world = createLimitWorld();
    held(await holdNow(world, world.desk(0), claim(TOKENS, 1)));
    expect(short(await holdNow(world, world.desk(0), claim(TOKENS, 1_000))).remaining).toBe(999);
    expect(world.events.map(({ type }) => type)).toEqual(["limit.exceeded"]);
  });

  it("and only watches lets pass and is told, though not by a call that is larger than the limit", async () => {
    const world = createLimitWorld();
    const rule = { ...TOKENS, onExceeded: "shadow" } as const;
    const shadows: number[] = [];
    for (const amount of [1_500, 600, 1]) {
      const result = await holdNow(world, world.desk(0), claim(rule, amount));
      const hold = held(result);
      if (result.ok) shadows.push(result.exceededShadows.length);
      expect(world.events).toHaveLength(amount === 1_500 ? 0 : 1);
      if (amount === 1_500) hold.settle([500]);
    }
    expect(shadows).toEqual([1, 1, 1]);
  });

  it("is not asked for again by what is larger than what is left and what this instance holds", async () => {
    const world = createLimitWorld({ desks: 2 });
    held(await holdNow(world, world.desk(1), claim(TOKENS, 600)));
    const hold = held(await holdNow(world, world.desk(0), claim(TOKENS, 100)));
    short(await holdNow(world, world.desk(0), claim(TOKENS, 301)));
    hold.settle([50]);
    const sent = world.store.sent.length;
    // 300 that the store left, and 50 that came back here.
    expect(world.desk(0).hold([claim(TOKENS, 351)], PATIENT)).toMatchObject({ ok: false });
    expect(world.store.sent).toHaveLength(sent);
    held(await holdNow(world, world.desk(0), claim(TOKENS, 350)));
  });
});

describe("how a limit stands", () => {
  it("is what the store said, less what was taken since", async () => {
    const world = createLimitWorld({ start: NOON, desks: 2 });
    held(await holdNow(world, world.desk(1), claim(TOKENS, 300))).settle([300]);
    await world.clock.advance(2_000);
    const claims = [claim(TOKENS, 1), claim(CALLS), claim(DAY, 1)];
    const standing = () => world.desk(0).standing(claims);
    expect(standing().map(({ remaining, resetMs }) => [remaining, resetMs])).toEqual([
      [0, 60_000],
      [0, 0],
      [0, MIDNIGHT - NOON - 2_000],
    ]);
    const hold = held(await holdNow(world, world.desk(0), claim(TOKENS, 100), claim(CALLS, 2), claim(DAY, 10)));
    expect(standing().map(({ remaining }) => remaining)).toEqual([600, 8, 990]);
    hold.settle([40, 2, 30]);
    expect(standing().map(({ remaining }) => remaining)).toEqual([660, 10, 970]);
  });
});

describe("when the store is told", () => {
  it.each([
    ["of a sliding window within a two hundredth of it", TOKENS, 300],
    ["of a short one within ten milliseconds", { ...TOKENS, window: { kind: "sliding", ms: 600 } } as const, 10],
    ["of a long one within a second", { ...TOKENS, window: { kind: "sliding", ms: 3_600_000 } } as const, 1_000],
    ["of a day within a second", DAY, 1_000],
    ["of a shadow within a quarter of a second", { ...DAY, onExceeded: "shadow" } as const, 250],
  ])("%s", async (_, rule, ms) => {
    const world = createLimitWorld({ start: NOON });
    held(await holdNow(world, world.desk(0), claim(rule, 100))).settle([100]);
    const before = world.store.sent.length;
    expect((await sendsWithin(world, 1_500))[0]).toBe(ms);
    expect(world.store.sent[before]?.changes).toMatchObject([{ used: 100, keep: 0 }]);
  });

  it("of an account of which little is left for others within a twentieth of a second", async () => {
    const world = createLimitWorld({ start: NOON });
    held(await holdNow(world, world.desk(0), claim(DAY, 875))).settle([870]);
    expect((await sendsWithin(world, 1_500))[0]).toBe(1_000);
    held(await holdNow(world, world.desk(0), claim(DAY, 100))).settle([100]);
    expect((await sendsWithin(world, 1_500))[0]).toBe(50);
  });

  it("of what a call still holds three times at least before it would end, for as long as the call goes on", async () => {
    const world = createLimitWorld();
    const hold = held(await holdNow(world, world.desk(0), claim(TOKENS, 100)));
    const sends = [0, ...(await sendsWithin(world, 40_000)), 40_000];
    for (const [at, sent] of sends.slice(1).entries()) expect(sent - (sends[at] ?? 0)).toBeLessThanOrEqual(10_000);
    hold.settle([100]);
    await world.clock.advance(15_000);
    expect(world.clock.pending()).toBe(0);
  });

  it("of what a long stream holds no more than six times a minute, however long it lasts", async () => {
    const world = createLimitWorld();
    const hold = held(await holdNow(world, world.desk(0), claim(TOKENS, 100), claim(CALLS)));
    // At first it gives back what it held for calls that did not come.
    await world.clock.advance(1_300);
    expect(await sendsWithin(world, 60_000)).toEqual([9_700, 19_700, 29_700, 39_700, 49_700, 59_700]);
    hold.settle([100, 1]);
    await world.clock.advance(15_000);
    expect(await world.account(TOKENS)).toMatchObject({ used: 100, held: 0 });
    expect(world.desk(0).census().accounts).toBe(0);
    expect(world.clock.pending()).toBe(0);
  });

  it("of what streams of many callers hold in common exchanges, though they began one after the other, and never too late", async () => {
    const world = createLimitWorld();
    const rule = { ...TOKENS, per: ["model"] } as const;
    for (let at = 0; at < 50; at += 1) {
      held(await holdNow(world, world.desk(0), claim(rule, 3, `m-${at}`)));
      await world.clock.advance(137);
    }
    await world.clock.advance(30_000);
    const heard = new Map<string, number>();
    let sent = world.store.sent.length;
    const before = sent;
    for (let second = 0; second < 60; second += 1) {
      await world.clock.advance(1_000);
      for (; sent < world.store.sent.length; sent += 1) for (const { account } of world.store.sent[sent]?.changes ?? []) heard.set(account, second);
      if (second >= 10) expect([...heard.values()].every((last) => second - last <= 10)).toBe(true);
    }
    expect(heard.size).toBe(50);
    // 32 accounts go into one exchange.
    expect(sent - before).toBeLessThanOrEqual(14);
    expect((await world.account(rule, "m-17"))?.held).toBe(3);
  });

  it("of nothing, where nothing was used and nothing is held; and then it is forgotten", async () => {
    const world = createLimitWorld();
    held(await holdNow(world, world.desk(0), claim(TOKENS, 100))).settle([100]);
    const sends = await sendsWithin(world, 9_990);
    // The second gives back what it held for calls that did not come.
    expect(sends).toEqual([300, 1_300]);
    expect(world.desk(0).census().accounts).toBe(1);
    await world.clock.advance(400);
    expect(world.desk(0).census().accounts).toBe(0);
    expect(world.clock.pending()).toBe(0);
  });

  it("of requests of a sliding window while they go on", async () => {
    const world = createLimitWorld();
    const rule = makeLimit();
    held(await holdNow(world, world.desk(0), claim(rule)));
    const sends = await sendsWithin(world, 1_400);
    expect(sends.length).toBeGreaterThan(0);
    await world.clock.advance(100);
    expect(await world.account(rule)).toMatchObject({ used: 1, held: 0 });
  });

  it("gives back within a second or so what nobody takes any more", async () => {
    const world = createLimitWorld();
    await warm(world);
    expect(world.desk(0).census().leases).toBe(1);
    await world.clock.advance(1_600);
    expect(world.desk(0).census().leases).toBe(0);
    expect(await world.account(makeLimit())).toMatchObject({ used: 300, held: 0 });
  });
});

describe("a lease", () => {
  it("is filled up before it is empty: nobody waits", async () => {
    const world = createLimitWorld();
    world.store.delayMs = 4;
    await warm(world);
    let waited = 0;
    for (let call = 0; call < 500; call += 1) {
      const result = world.desk(0).hold([claim(makeLimit({ limit: 100_000 }))], PATIENT);
      if (result instanceof Promise) waited += 1;
      await world.clock.advance(1);
      held(await result).settle([1]);
    }
    expect(waited).toBe(0);
  });

  it("is of a day, and ends with it", async () => {
    const world = createLimitWorld({ start: MIDNIGHT - 2_000 });
    const rule = { ...DAY, limit: 100_000 };
    await warm(world, rule, 400);
    expect(world.desk(0).census().leases).toBe(1);
    await world.clock.advance(1_700);
    const result = world.desk(0).hold([claim(rule, 1)], PATIENT);
    expect(result).toBeInstanceOf(Promise);
    await world.clock.advance(0);
    held(await result);
    expect(world.store.sent.at(-1)?.changes.some(({ window }) => window.kind === "until" && window.from === MIDNIGHT)).toBe(true);
  });

  it("of a day that is over before it was asked for is asked for anew", async () => {
    // This instance's clock is ten seconds behind the store's.
    const world = createLimitWorld({ start: MIDNIGHT + 2_000, skews: [-10_000] });
    held(await holdNow(world, world.desk(0), claim(DAY, 900))).settle([800]);
    await world.clock.advance(3_000);
    expect(world.store.sent.slice(0, 2).map(({ changes }) => changes.map(({ window }) => window))).toMatchObject([
      [{ at: MIDNIGHT }],
      expect.arrayContaining([{ kind: "until", from: MIDNIGHT, at: MIDNIGHT + 86_400_000 }]),
    ]);
    expect(await world.account(DAY)).toMatchObject({ used: 800, held: 0 });
    expect(world.desk(0).census().leases).toBe(0);
  });
});

describe("a call of which one day is over before it was asked for", () => {
  it("asks anew for all, and counts each once", async () => {
    const world = createLimitWorld({ start: MIDNIGHT + 2_000, skews: [-10_000] });
    held(await holdNow(world, world.desk(0), claim(TOKENS, 400), claim(DAY, 900))).settle([300, 800]);
    await world.clock.advance(3_000);
    expect(await world.account(DAY)).toMatchObject({ used: 800, held: 0 });
    expect(await world.account(TOKENS)).toMatchObject({ used: 300, held: 0 });
    const windows = world.store.sent.flatMap(({ changes }) => changes.filter(({ used }) => used > 0).map(({ window }) => window));
    expect(windows).toContainEqual({ kind: "until", from: MIDNIGHT, at: MIDNIGHT + 86_400_000 });
    held(await holdNow(world, world.desk(0), claim(TOKENS, 700), claim(DAY, 200)));
  });
});

describe("flush and close", () => {
  it("flush tells what was used, and leaves the lease", async () => {
    const world = createLimitWorld();
    await warm(world);
    const hold = held(await holdNow(world, world.desk(0), claim(makeLimit({ limit: 100_000 }))));
    hold.settle([1]);
    let done = false;
    const flushed = world
      .desk(0)
      .flush(1_000)
      .then(() => {
        done = true;
      });
    await world.clock.advance(0);
    expect(done).toBe(true);
    await flushed;
    expect(world.desk(0).census().leases).toBe(1);
    expect(await world.account(makeLimit())).toMatchObject({ used: 301 });
    const sent = world.store.sent.length;
    await world.desk(0).flush(1_000);
    expect(world.store.sent).toHaveLength(sent);
  });

  it("close gives back the lease too", async () => {
    const world = createLimitWorld();
    await warm(world);
    const closed = world.desk(0).close(1_000);
    await world.clock.advance(0);
    await closed;
    expect(world.desk(0).census().leases).toBe(0);
    expect(await world.account(makeLimit())).toMatchObject({ used: 300, held: 0 });
  });

  it("close gives back a lease of which there is nothing else to tell", async () => {
    const world = createLimitWorld();
    await warm(world);
    const flushed = world.desk(0).flush(1_000);
    await world.clock.advance(0);
    await flushed;
    expect(world.desk(0).census().leases).toBe(1);
    const closed = world.desk(0).close(1_000);
    await world.clock.advance(0);
    await closed;
    expect(world.desk(0).census().leases).toBe(0);
    // Of its time nothing is left: this is the one by which accounts are forgotten.
    expect(world.clock.pending()).toBe(1);
    expect(await world.account(makeLimit())).toMatchObject({ used: 300, held: 0 });
  });

  it("waits for the exchange under way, and for those after it", async () => {
    const world = createLimitWorld();
    const rule = { ...TOKENS, per: ["model"] } as const;
    for (let at = 0; at < 70; at += 1) held(await holdNow(world, world.desk(0), claim(rule, 3, `m-${at}`))).settle([2]);
    const before = world.store.sent.length;
    world.store.delayMs = 10;
    let done = false;
    const flushed = world
      .desk(0)
      .flush(1_000)
      .then(() => {
        done = true;
      });
    const waits = world.desk(0).hold([claim(CALLS)], PATIENT);
    await world.clock.advance(29);
    expect(done).toBe(false);
    await world.clock.advance(1);
    expect(done).toBe(true);
    await flushed;
    held(await waits).release();
    expect(world.store.sent.slice(before).map(({ changes }) => changes.length)).toEqual([32, 32, 7]);
    const accounts = await world.store.accounts(rule.gateway, 1_000, PATIENT);
    expect(accounts.reduce((sum, { used }) => sum + used, 0)).toBe(140);
  });

  it("ends with its time, or with the first try that fails, and the store is told later", async () => {
    for (const [fate, ms] of [
      ["deaf", 200],
      ["refused", 1],
    ] as const) {
      const world = createLimitWorld();
      held(await holdNow(world, world.desk(0), claim(TOKENS, 10))).settle([10]);
      world.store.fate = () => fate;
      let done = false;
      const flushed = world
        .desk(0)
        .flush(200)
        .then(() => {
          done = true;
        });
      await world.clock.advance(ms - 1);
      expect(done).toBe(fate === "refused");
      await world.clock.advance(1);
      expect(done).toBe(true);
      await flushed;
      world.store.fate = () => "carried";
      await world.clock.advance(3_000);
      expect(await world.account(TOKENS)).toMatchObject({ used: 10, held: 0 });
    }
  });

  it("hurries a try that pauses", async () => {
    const world = createLimitWorld();
    held(await holdNow(world, world.desk(0), claim(TOKENS, 10))).settle([10]);
    world.store.fate = () => "refused";
    await world.clock.advance(2_000);
    world.store.fate = () => "carried";
    const flushed = world.desk(0).flush(1_000);
    await world.clock.advance(0);
    await flushed;
    expect(await world.account(TOKENS)).toMatchObject({ used: 10 });
  });
});

describe("while the store gives no answer", () => {
  it("each call waits for its own time, until it is known that the store is silent", async () => {
    const world = createLimitWorld();
    held(await holdNow(world, world.desk(0), claim(TOKENS, 1)));
    world.store.fate = () => "deaf";
    const answers: number[] = [];
    const from = world.clock.monotonic();
    const ask = () => Promise.resolve(world.desk(0).hold([claim(CALLS)], PATIENT)).then(() => answers.push(world.clock.monotonic() - from));
    const asked = [ask()];
    for (const at of [40, 150, 175]) {
      await world.clock.advance(at - (world.clock.monotonic() - from));
      asked.push(ask());
    }
    await world.clock.advance(100);
    await Promise.all(asked);
    // Four times as long as a call waits is silence, and who waits then is told.
    expect(answers).toEqual([51, 91, 201, 201]);
    expect(world.desk(0).hold([claim(CALLS)], PATIENT)).toMatchObject({ ok: false, shortage: { reason: "unavailable" } });
  });

  it("all that wait are answered as soon as it is known, each by its rule", async () => {
    const world = createLimitWorld();
    held(await holdNow(world, world.desk(0), claim({ ...TOKENS, id: "a/p/other" }, 1))).settle([1]);
    await world.clock.advance(1_000);
    world.store.fate = () => "refused";
    const openRule = { ...TOKENS, id: "a/p/open", onStoreFailure: { kind: "failOpen" } } as const;
    const results = [world.desk(0).hold([claim(TOKENS, 5)], PATIENT), world.desk(0).hold([claim(openRule, 5)], PATIENT)];
    // The second try, ten milliseconds after the first, decides.
    await world.clock.advance(12);
    const [closed, open] = await Promise.all(results);
    expect(closed).toMatchObject({ ok: false, shortage: { reason: "unavailable", claim: { rule: TOKENS } } });
    expect(open).toMatchObject({ ok: true, hold: { unavailable: [true] } });
    expect(world.desk(0).hold([claim(TOKENS, 5)], PATIENT)).toMatchObject({ ok: false });
    if (open?.ok) open.hold.settle([4]);
    world.store.fate = () => "carried";
    await world.clock.advance(3_000);
    expect(await world.account(openRule)).toMatchObject({ used: 4, held: 0 });
    expect(await world.account(TOKENS)).toBeNull();
    expect(world.events.map(({ data }) => data["state"])).toEqual(["began", "ended"]);
  });
});
