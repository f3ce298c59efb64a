import { describe, expect, it } from "vitest";
import type { LimitRule } from "../../../../src/model/limit.ts";
import { createAccountTable } from "../../../../src/policy/limits/account-table.ts";
import { createDueAccounts } from "../../../../src/policy/limits/due-accounts.ts";
import { applyAnswer, changeOf, type LeasedAccount, openLeasedAccount, settleClaim, takeClaim } from "../../../../src/policy/limits/leased-account.ts";
import { createFakeClock } from "../../../fakes/clock.ts";
import { claim, makeLimit } from "../../../fakes/limit-world.ts";

const TTL_MS = 30_000;
const DAY = makeLimit({ id: "a/p/day", unit: "tokens", limit: 1_000, window: { kind: "calendar", period: "day", timeZone: "UTC" } });
const CALLS = makeLimit({ id: "a/p/calls", unit: "concurrency", limit: 1_000, window: null });
const REQUESTS = makeLimit({ id: "a/p/requests", limit: 1_000 });

/** Accounts of one instance, and a store that gives each what its calls hold, at once, whenever it is told. */
function createWorld(ttlMs = TTL_MS) {
  const clock = createFakeClock();
  const began = clock.monotonic();
  const told: { readonly at: number; readonly accounts: readonly string[] }[] = [];
  let timers = 0;
  let reads = 0;
  const table = createAccountTable<LeasedAccount>({
    maxAccounts: 1_000,
    open: (identity, rule) => openLeasedAccount(identity, rule, clock.monotonic()),
    spare: () => null,
  });
  const world = {
    clock,
    table,
    told,
    max: 32,
    /** It gives no answer: what is due waits. */
    silent: false,
    /** What others have used of every account. */
    usedThere: 0,
    /** What it gives beyond what calls need. */
    more: 0,
    timers: () => timers,
    reads: () => reads,
    open(rule: LimitRule, ...of: readonly string[]): LeasedAccount {
      const account = table.find(claim(rule, 1, ...of), clock.now());
      if (account === null) throw new Error("there is room for all");
      return account;
    },
    answer(account: LeasedAccount): void {
      const now = clock.monotonic();
      changeOf(account, 0, now);
      account.spare = world.more;
      applyAnswer(account, { held: account.keep + world.more, used: world.usedThere, heldByOthers: 0, roomInMs: 0 }, now + ttlMs);
      due.answered(account, now);
    },
    /** A call begins, of which the store knows. */
    begin(account: LeasedAccount, amount: number): void {
      takeClaim(account, amount, clock.monotonic());
      world.answer(account);
    },
    end(account: LeasedAccount, amount: number, used: number, generation = 0): void {
      settleClaim(account, amount, generation, used);
      due.settled(account);
    },
    /** When the store was told of an account, in milliseconds from the beginning. */
    times: ({ identity }: LeasedAccount) => told.filter(({ accounts }) => accounts.includes(identity.name)).map(({ at }) => at),
  };
  const due = createDueAccounts({
    clock: {
      now: clock.now,
      monotonic: () => {
        reads += 1;
        return clock.monotonic();
      },
      after: (ms, callback) => {
        timers += 1;
        return clock.after(ms, callback);
      },
    },
    table,
    ttlMs,
    onDue: () => {
      if (world.silent) return;
      for (let found = due.collect(clock.monotonic(), world.max); found.length > 0; found = due.collect(clock.monotonic(), world.max)) {
        told.push({ at: clock.monotonic() - began, accounts: found.map(({ identity }) => identity.name) });
        for (const account of found) world.answer(account);
      }
    },
  });
  return { ...world, world, due };
}

describe("what calls hold", () => {
  it("is told three times before it would end, and as often for as long as they go on", async () => {
    const { clock, open, begin, times, end } = createWorld();
    const account = open(CALLS);
    begin(account, 1);
    await clock.advance(60_000);
    expect(times(account)).toEqual([10_000, 20_000, 30_000, 40_000, 50_000, 60_000]);
    end(account, 1, 1);
    await clock.advance(20_000);
    // It ends, the store hears of it, and nobody uses the account.
    expect(times(account).slice(6)).toEqual([61_000]);
    expect(account.gone).toBe(true);
    expect(clock.pending()).toBe(0);
  });

  it("is told together with what else is due, where the store has not heard of it for five seconds", async () => {
    const { clock, open, begin, told } = createWorld();
    const [first, second, third] = [open(CALLS, "a"), open(CALLS, "b"), open(CALLS, "c")];
    begin(first, 1);
    await clock.advance(5_000);
    begin(second, 1);
    await clock.advance(1);
    begin(third, 1);
    await clock.advance(9_999);
    const names = [first, second, third].map(({ identity }) => identity.name);
    expect(told).toEqual([{ at: 10_000, accounts: names.slice(0, 2) }]);
    await clock.advance(1);
    expect(told[1]).toEqual({ at: 15_001, accounts: names });
  });

  it("is told of as many accounts at once as an exchange takes, and of the rest next", async () => {
    const { clock, world, open, begin, told } = createWorld();
    world.max = 2;
    for (const of of ["a", "b", "c", "d", "e"]) begin(open(CALLS, of), 1);
    await clock.advance(10_000);
    expect(told.map(({ accounts }) => accounts.length)).toEqual([2, 2, 1]);
    expect(clock.pending()).toBe(1);
  });

  it("beyond what the store gave is told at once", async () => {
    const { clock, due, open, times } = createWorld();
    const account = open(CALLS);
    await clock.advance(3_000);
    takeClaim(account, 1, clock.monotonic());
    due.taken(account, clock.monotonic());
    expect(times(account)).toEqual([3_000]);
  });
});

describe("what calls take of a lease", () => {
  it("is told at once where too little is left of it, but not while it is on its way", async () => {
    const { clock, world, due, open, begin, times } = createWorld();
    const account = open(DAY);
    world.more = 100;
    begin(account, 1);
    account.lowWater = 40;
    const take = (amount: number): void => {
      takeClaim(account, amount, clock.monotonic());
      due.taken(account, clock.monotonic());
    };
    take(60);
    expect(times(account)).toEqual([]);
    account.flying = true;
    take(1);
    expect(times(account)).toEqual([]);
    account.flying = false;
    take(1);
    expect(times(account)).toEqual([0]);
  });

  it.each([
    ["within ten seconds", CALLS, 10_000],
    ["where a limit only watches, within a quarter of a second", { ...CALLS, onExceeded: "shadow" } as const, 250],
    ["where requests of a minute are booked as they go on, within a second", REQUESTS, 1_000],
    ["where a limit of requests only watches, the same", { ...REQUESTS, onExceeded: "shadow" } as const, 1_000],
    ["where a window is short, as soon as they are booked", { ...REQUESTS, window: { kind: "sliding", ms: 2_400 } } as const, 40],
  ])("is told %s", async (_, rule, ms) => {
    const { clock, due, open, answer, times } = createWorld();
    const account = open(rule);
    answer(account);
    account.free = 1;
    takeClaim(account, 1, clock.monotonic());
    due.taken(account, clock.monotonic());
    await clock.advance(10_000);
    expect(times(account)[0]).toBe(ms);
  });

  it("is told within a third of the time for which the store remembers it", async () => {
    const { clock, due, open, answer, times } = createWorld(12_000);
    const account = open(CALLS);
    answer(account);
    account.free = 1;
    await clock.advance(500);
    takeClaim(account, 1, clock.monotonic());
    due.taken(account, clock.monotonic());
    await clock.advance(4_000);
    expect(times(account)).toEqual([4_500]);
  });

  it("of a window in which requests are booked is told until all are, and then no more", async () => {
    const { clock, open, begin, times } = createWorld();
    const account = open(REQUESTS);
    begin(account, 1);
    await clock.advance(9_000);
    // Young, then older, then booked.
    expect(times(account)).toEqual([500, 1_000]);
    expect(account.keep).toBe(0);
  });

  it("is told at once, and not in a loop, where its time has passed while the store was asked", async () => {
    const { clock, due, open, times } = createWorld();
    const account = open({ ...REQUESTS, window: { kind: "sliding", ms: 1_200 } });
    takeClaim(account, 1, clock.monotonic());
    await clock.advance(500);
    due.answered(account, clock.monotonic());
    expect(times(account)).toEqual([]);
    await clock.advance(4);
    expect(times(account)).toEqual([]);
    await clock.advance(1);
    expect(times(account)[0]).toBe(505);
  });

  it("is told while what was booked before is still under way", async () => {
    const { clock, open, begin, times } = createWorld();
    const account = open(REQUESTS);
    begin(account, 1);
    await clock.advance(500);
    expect([account.young, account.older]).toEqual([0, 1]);
    await clock.advance(500);
    expect(times(account)).toEqual([500, 1_000]);
  });
});

describe("what was used", () => {
  const rule = (differs: Partial<LimitRule>): LimitRule => ({ ...DAY, ...differs });
  const sliding = (ms: number) => ({ window: { kind: "sliding", ms } }) as const;

  it.each([
    ["of a day within a second", rule({}), 1_000],
    ["of no window within a second", rule({ window: null }), 1_000],
    ["of a sliding window within a two hundredth of it", rule(sliding(60_000)), 300],
    ["of a long one within a second", rule(sliding(3_600_000)), 1_000],
    ["of a short one within ten milliseconds", rule(sliding(600)), 10],
    ["of one that only watches within a quarter of a second", rule({ onExceeded: "shadow" }), 250],
    ["of a short one that only watches within its own time", rule({ ...sliding(6_000), onExceeded: "shadow" }), 30],
  ])("is told %s, and then no more", async (_, limit, ms) => {
    const { clock, open, begin, end, times } = createWorld();
    const account = open(limit);
    begin(account, 100);
    end(account, 100, 90);
    await clock.advance(9_000);
    expect(times(account)).toEqual([ms]);
  });

  it.each([
    ["an eighth is left", 875, 0, 1_000],
    ["less than an eighth is left", 876, 0, 50],
    ["others had the most of it", 500, 376, 50],
  ])("is told %s for others in time", async (_, used, usedThere, ms) => {
    const { clock, world, open, begin, end, times } = createWorld();
    world.usedThere = usedThere;
    const account = open(DAY);
    begin(account, used);
    end(account, used, used);
    await clock.advance(2_000);
    expect(times(account)[0]).toBe(ms);
  });

  it("counts what is free here as not left for others", async () => {
    const { clock, world, open, begin, end, times } = createWorld();
    world.more = 100;
    const account = open(DAY);
    begin(account, 780);
    end(account, 780, 780);
    await clock.advance(100);
    expect(times(account)).toEqual([50]);
  });

  it("counts what a call used beyond its claim", async () => {
    const { clock, open, begin, end, times } = createWorld();
    const account = open(DAY);
    begin(account, 100);
    end(account, 100, 900);
    expect(account.free).toBe(-800);
    await clock.advance(100);
    expect(times(account)).toEqual([50]);
  });

  it("near the limit of a short window is told as soon as ever", async () => {
    const { clock, open, begin, end, times } = createWorld();
    const account = open(rule(sliding(600)));
    begin(account, 900);
    end(account, 900, 900);
    await clock.advance(100);
    expect(times(account)).toEqual([10]);
  });

  it.each([
    ["what was used", 100, 0, 300],
    ["what came back beyond what it should hold", 0, 99, 300],
    ["what came back, where it should hold as much", 0, 100, 1_000],
  ])("while the store was asked, is told in its time after the answer: %s", async (_, used, spare, ms) => {
    const { clock, due, open, times, begin } = createWorld();
    const account = open(rule(sliding(60_000)));
    begin(account, 100);
    await clock.advance(100);
    changeOf(account, 0, clock.monotonic());
    settleClaim(account, 100, 0, used);
    account.spare = spare;
    applyAnswer(account, { held: 100, used: 0, heldByOthers: 0, roomInMs: 0 }, clock.monotonic() + TTL_MS);
    due.answered(account, clock.monotonic());
    await clock.advance(9_000);
    expect(times(account)).toEqual([ms + 100]);
  });

  it("reads the clock for the first call that ends, and not for those that end before it is told", async () => {
    const { clock, open, begin, end, reads, times } = createWorld();
    const account = open(DAY);
    for (let call = 0; call < 10; call += 1) begin(account, 1);
    const before = reads();
    for (let call = 0; call < 10; call += 1) {
      end(account, 1, 1);
      await clock.advance(10);
    }
    expect(reads() - before).toBe(1);
    await clock.advance(910);
    expect(times(account)).toEqual([1_000]);
  });
});

describe("what is not needed", () => {
  it("of a call that used nothing is given back within a second, and of one that held nothing there is nothing to tell", async () => {
    const { clock, open, begin, end, reads, times } = createWorld();
    const account = open(DAY);
    begin(account, 100);
    end(account, 100, 0);
    await clock.advance(9_000);
    expect(times(account)).toEqual([1_000]);
    const before = reads();
    end(account, 0, 0);
    expect(reads()).toBe(before);
  });

  it("of a lease goes back within a second", async () => {
    const { clock, world, open, begin, end, times } = createWorld();
    world.more = 50;
    const account = open(DAY);
    begin(account, 10);
    // As much as it should hold: nothing hurries, and it goes back all the same.
    end(account, 10, 0);
    account.free = 50;
    world.more = 0;
    await clock.advance(9_000);
    expect(times(account)).toEqual([1_000]);
    expect(account.free).toBe(0);
  });
});

describe("an account that nobody uses", () => {
  it("is forgotten ten seconds after its last claim, and leaves no timer", async () => {
    const { clock, open, table, begin, end, times } = createWorld();
    const account = open(CALLS);
    begin(account, 1);
    end(account, 1, 1);
    await clock.advance(9_999);
    expect(table.size).toBe(1);
    expect(times(account)).toEqual([1_000]);
    await clock.advance(1);
    expect(table.size).toBe(0);
    expect(account.gone).toBe(true);
    expect(clock.pending()).toBe(0);
  });

  it("is kept where somebody asked for it since", async () => {
    const { clock, open, table, answer, times } = createWorld();
    const account = open(CALLS);
    answer(account);
    await clock.advance(4_000);
    account.lastClaim = clock.monotonic();
    await clock.advance(9_999);
    expect(table.size).toBe(1);
    await clock.advance(1);
    expect(table.size).toBe(0);
    expect(times(account)).toEqual([]);
  });

  it("is told of nobody once it is gone", async () => {
    const { clock, due, open, table } = createWorld();
    const [kept, gone] = [open(CALLS, "kept"), open(CALLS, "gone")];
    due.urge(gone);
    due.urge(kept);
    table.remove(gone);
    expect(due.collect(clock.monotonic(), 32)).toEqual([kept]);
    expect(due.collect(clock.monotonic(), 32)).toEqual([]);
  });
});

describe("the timer", () => {
  it("is one for all accounts, set for the first that is due, and not set anew for the same time", async () => {
    const { clock, open, begin, end, timers } = createWorld();
    begin(open(CALLS, "a"), 1);
    expect(timers()).toBe(1);
    begin(open(CALLS, "b"), 1);
    expect(timers()).toBe(1);
    const third = open(CALLS, "c");
    begin(third, 1);
    end(third, 1, 1);
    expect(timers()).toBe(2);
    expect(clock.pending()).toBe(1);
  });

  it("looks at nothing before it rings", () => {
    const { clock, due, open } = createWorld();
    open(CALLS);
    expect(due.collect(clock.monotonic(), 32)).toEqual([]);
    expect(clock.pending()).toBe(0);
  });

  it("that rings while the store is silent is heard when it answers", async () => {
    const { clock, world, due, open, begin } = createWorld();
    const account = open(CALLS);
    begin(account, 1);
    world.silent = true;
    await clock.advance(20_000);
    expect(due.collect(clock.monotonic(), 32)).toEqual([account]);
  });
});
