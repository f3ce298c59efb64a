import { describe, expect, it } from "vitest";
import type { LimitRule } from "../../../../src/model/limit.ts";
import type { AccountWindow } from "../../../../src/model/usage-store.ts";
import {
  applyAnswer,
  changeOf,
  FORGET_MS,
  freeNow,
  type LeasedAccount,
  openLeasedAccount,
  settleClaim,
  takeClaim,
  takenOf,
} from "../../../../src/policy/limits/leased-account.ts";
import { giveBack, lackingOf, letIn, openClaim, takeWithoutStore, tryTake } from "../../../../src/policy/limits/leased-call.ts";
import { claim, held, makeLimit } from "../../../fakes/limit-world.ts";

const NOW = 50_000;
const TOKENS = makeLimit({ unit: "tokens", limit: 1_000 });
const REQUESTS = makeLimit({ limit: 1_000 });
const CALLS = makeLimit({ unit: "concurrency", limit: 10, window: null });

function open(rule: LimitRule): LeasedAccount {
  const window: AccountWindow = rule.window === null ? { kind: "none" } : { kind: "sliding", ms: 60_000 };
  return openLeasedAccount({ name: "account", window, period: null }, rule, NOW);
}

/** The store has answered: this instance holds so much, and others so much. */
function answered(rule: LimitRule, held: number, { used = 0, heldByOthers = 0, ends = NOW + 30_000 } = {}): LeasedAccount {
  const account = open(rule);
  changeOf(account, held, NOW);
  applyAnswer(account, { held, used, heldByOthers, roomInMs: 0 }, ends);
  return account;
}

describe("an account of which the store has not spoken", () => {
  it("has nothing to take, and asks for what calls wait for, and no more", () => {
    const account = open(TOKENS);
    expect(freeNow(account, NOW)).toBe(0);
    expect(takenOf(account)).toBe(0);
    expect(account.due).toBe(NOW + FORGET_MS);
    expect(FORGET_MS).toBe(10_000);
    account.claimed = 1_000_000;
    expect(changeOf(account, 70, NOW + 1_000)).toEqual({
      account: "account",
      window: { kind: "sliding", ms: 60_000 },
      limit: 1_000,
      used: 0,
      keep: 0,
      need: 70,
      want: 70,
    });
  });

  it("is asked for without a limit where it only watches", () => {
    const account = answered({ ...TOKENS, onExceeded: "shadow" }, 0);
    takeClaim(account, 600, NOW);
    expect(changeOf(account, 0, NOW + 1_000)).toMatchObject({ limit: null, keep: 600, need: 600, want: 600 });
    expect(account.spare).toBe(0);
  });

  it("asks no store for more than it can count", () => {
    const account = open(TOKENS);
    expect(changeOf(account, 2 ** 60, NOW)).toMatchObject({ need: Number.MAX_SAFE_INTEGER, want: Number.MAX_SAFE_INTEGER });
  });
});

describe("what is free", () => {
  it("is what the store lets hold beyond what calls have, until its time is up", () => {
    const account = answered(TOKENS, 100);
    expect(freeNow(account, NOW)).toBe(100);
    expect(takeClaim(account, 30, NOW + 5)).toBe(0);
    expect(account).toMatchObject({ keep: 30, free: 70, lastClaim: NOW + 5, claimed: 30 });
    expect(freeNow(account, NOW + 29_999)).toBe(70);
    expect(freeNow(account, NOW + 30_000)).toBe(0);
    takeClaim(account, 90, NOW);
    expect(freeNow(account, NOW)).toBe(-20);
    // What was taken beyond stays owed.
    expect(freeNow(account, NOW + 30_000)).toBe(-20);
  });

  it("is less by what calls took while the exchange was under way", () => {
    const account = open(TOKENS);
    changeOf(account, 50, NOW);
    takeClaim(account, 40, NOW);
    settleClaim(account, 40, 0, 15);
    takeClaim(account, 20, NOW);
    expect(account).toMatchObject({ flying: true, known: false, used: 15, keep: 20 });
    applyAnswer(account, { held: 90, used: 7, heldByOthers: 8, roomInMs: 0 }, NOW + 30_000);
    expect(account).toMatchObject({ flying: false, known: true, telling: 0, usedThere: 7, heldByOthers: 8, free: 55, leaseEnds: NOW + 30_000 });
    expect(takenOf(account)).toBe(7 + 8 + 15 + 20);
  });
});

describe("a claim that ends", () => {
  it("is told with what was used, and frees the rest", () => {
    const account = answered(TOKENS, 100);
    settleClaim(account, 60, takeClaim(account, 60, NOW), 45);
    expect(account).toMatchObject({ keep: 0, used: 45, free: 55 });
    settleClaim(account, 55, takeClaim(account, 55, NOW), 70);
    expect(account).toMatchObject({ keep: 0, used: 115, free: -15 });
    expect(changeOf(account, 0, NOW)).toMatchObject({ used: 115, keep: 0, need: 0, want: 0 });
    expect(account).toMatchObject({ telling: 115, used: 0 });
    expect(takenOf(account)).toBe(115);
  });

  it("of concurrency is told as given back", () => {
    const account = answered(CALLS, 3);
    settleClaim(account, 1, takeClaim(account, 1, NOW), 1);
    expect(account).toMatchObject({ keep: 0, used: 0, free: 3 });
  });
});

describe("requests under way for long", () => {
  it("of a sliding window are booked between one and two spans after they began, and then stay booked", () => {
    const account = answered(REQUESTS, 10);
    expect(account.bookAfterMs).toBe(500);
    const first = takeClaim(account, 2, NOW);
    expect(changeOf(account, 0, NOW + 499)).toMatchObject({ used: 0 });
    expect(account).toMatchObject({ generation: 0, young: 2, older: 0, keep: 2 });
    changeOf(account, 0, NOW + 500);
    expect(account).toMatchObject({ generation: 1, generationSince: NOW + 500, young: 0, older: 2, keep: 2 });
    const second = takeClaim(account, 3, NOW + 600);
    expect([first, second]).toEqual([0, 1]);
    changeOf(account, 0, NOW + 999);
    expect(account).toMatchObject({ generation: 1, young: 3, older: 2 });
    expect(changeOf(account, 0, NOW + 1_000)).toMatchObject({ used: 2 });
    expect(account).toMatchObject({ generation: 2, young: 0, older: 3, keep: 3, telling: 2 });
    // The first stays booked though it is given back, and what it used beyond counts.
    settleClaim(account, 2, first, 0);
    expect(account).toMatchObject({ used: 0, keep: 3 });
    const free = account.free;
    settleClaim(account, 2, first, 5);
    expect(account).toMatchObject({ used: 3, keep: 3, free: free - 3 });
    // The second was not booked yet.
    settleClaim(account, 3, second, 1);
    expect(account).toMatchObject({ used: 4, keep: 0, older: 0, young: 0 });
    settleClaim(account, 4, takeClaim(account, 4, NOW + 1_100), 4);
    expect(account).toMatchObject({ used: 8, keep: 0, young: 0, older: 0 });
  });

  it.each([
    [60_000, 500],
    [600_000, 500],
    [12_000, 100],
    [600, 10],
  ])("of a window of %d ms after %d ms", (ms, after) => {
    expect(open(makeLimit({ window: { kind: "sliding", ms } })).bookAfterMs).toBe(after);
  });

  it("of days, tokens and concurrency are not booked before they end", () => {
    const day = { kind: "calendar", period: "day", timeZone: "UTC" } as const;
    for (const rule of [makeLimit({ window: day }), TOKENS, CALLS]) {
      const account = answered(rule, 10);
      expect(account.bookAfterMs).toBe(0);
      takeClaim(account, 1, NOW);
      changeOf(account, 0, NOW + 5_000);
      changeOf(account, 0, NOW + 10_000);
      expect(account).toMatchObject({ generation: 0, young: 0, older: 0, keep: 1, used: 0, telling: 0 });
    }
  });
});

describe("the spare part", () => {
  it("is what came in a quarter of a second, measured over a while", () => {
    const account = answered({ ...TOKENS, limit: 100_000 }, 0);
    for (let at = 0; at < 10; at += 1) takeClaim(account, 10, NOW);
    changeOf(account, 0, NOW + 49);
    // Too soon to say.
    expect(account).toMatchObject({ claimed: 100, demand: 0, spare: 0 });
    changeOf(account, 0, NOW + 50);
    // 100 in 50 ms are 2 a millisecond; a fifth of it counts already.
    expect(account).toMatchObject({ claimed: 0, claimedSince: NOW + 50, demand: 0.4, spare: 100 });
    takeClaim(account, 500, NOW + 60);
    expect(changeOf(account, 7, NOW + 300)).toMatchObject({ keep: 600, need: 607, want: 607 + 500 });
    expect(account.demand).toBe(2);
  });

  it("goes by halves while fewer come, and whole when nobody does for half a second", () => {
    const account = answered({ ...TOKENS, limit: 100_000 }, 0);
    account.demand = 1;
    changeOf(account, 0, NOW + 125);
    expect(account.demand).toBe(0.5);
    account.demand = 1;
    changeOf(account, 0, NOW + 125 + 499);
    expect(account.demand).toBe(0);
    account.demand = 1;
    changeOf(account, 0, NOW + 624 + 500);
    expect(account.demand).toBe(0);
  });

  it("stays free while the exchange that asks for it is under way, but for calls that wait", () => {
    const account = answered({ ...TOKENS, limit: 100_000 }, 300);
    account.demand = 1;
    account.claimedSince = NOW;
    expect(changeOf(account, 0, NOW)).toMatchObject({ keep: 250, need: 250, want: 250 });
    expect(account).toMatchObject({ free: 250, spare: 250, flying: true });
    applyAnswer(account, { held: 250, used: 0, heldByOthers: 0, roomInMs: 0 }, NOW + 30_000);
    expect(account).toMatchObject({ free: 250, lowWater: 125 });
    expect(changeOf(account, 40, NOW)).toMatchObject({ keep: 0, need: 40, want: 290 });
    expect(account.free).toBe(0);
    // Of what is over nothing is kept.
    applyAnswer(account, { held: 250, used: 0, heldByOthers: 0, roomInMs: 0 }, NOW + 30_000);
    expect(changeOf(account, 0, NOW + 30_000)).toMatchObject({ keep: 0, need: 0 });
    account.free = -5;
    expect(changeOf(account, 0, NOW)).toMatchObject({ keep: 0, need: 0 });
    expect(account.free).toBe(0);
  });

  it("is filled up at half of it, or at half of what there is", () => {
    const account = answered({ ...TOKENS, limit: 100_000 }, 0);
    const lowWater = (held: number) => {
      account.demand = 1;
      applyAnswer(account, { held, used: 0, heldByOthers: 0, roomInMs: 0 }, NOW + 30_000);
      return account.lowWater;
    };
    expect([lowWater(1_000), lowWater(250), lowWater(101), lowWater(0)]).toEqual([125, 125, 50, 0]);
    takeClaim(account, 10, NOW);
    expect(lowWater(0)).toBe(0);
  });

  it("shrinks with what is left of the limit, calls that wait included", () => {
    const account = answered({ ...TOKENS, limit: 10_000 }, 0, { used: 9_000, heldByOthers: 200 });
    account.demand = 100;
    account.claimedSince = NOW;
    expect(changeOf(account, 0, NOW)).toMatchObject({ want: 100 });
    expect(changeOf(account, 400, NOW)).toMatchObject({ need: 400, want: 450 });
    account.rule = { ...TOKENS, limit: 100 };
    expect(changeOf(account, 0, NOW)).toMatchObject({ want: 0 });
  });

  it("of a short window is what comes in a fortieth of it", () => {
    const account = answered(makeLimit({ unit: "tokens", limit: 100_000, window: { kind: "sliding", ms: 4_000 } }), 0);
    account.demand = 1;
    account.claimedSince = NOW;
    expect(changeOf(account, 0, NOW)).toMatchObject({ want: 100 });
  });
});

describe("the claims of a call", () => {
  it("take what is there once, and lack what is not", () => {
    const account = answered(TOKENS, 50);
    const call = [openClaim(claim(TOKENS, 20.2), account), openClaim(claim(TOKENS, 30), account), openClaim(claim(TOKENS, 1), null)] as const;
    expect(call[0].amount).toBe(21);
    expect(tryTake(call[0], NOW)).toBe(true);
    expect(tryTake(call[0], NOW)).toBe(true);
    expect(tryTake(call[1], NOW)).toBe(false);
    expect(tryTake(call[2], NOW)).toBe(false);
    expect(account).toMatchObject({ keep: 21, free: 29 });
    expect(lackingOf(call)).toEqual([call[1], call[2]]);
    giveBack(call);
    giveBack(call);
    expect(account).toMatchObject({ keep: 0, used: 0, free: 50 });
    expect(lackingOf(call)).toHaveLength(3);
    expect(tryTake(openClaim(claim(TOKENS, 50), account), NOW)).toBe(true);
  });

  it("of a shadow wait for the store's first word, and for nothing after it", () => {
    const rule = makeLimit({ onExceeded: "shadow", limit: 5 });
    expect(tryTake(openClaim(claim(rule), open(rule)), NOW)).toBe(false);
    const account = answered(rule, 0, { used: 5 });
    const call = [openClaim(claim(rule), account)];
    expect(call.every((one) => tryTake(one, NOW))).toBe(true);
    expect(
      letIn(
        call,
        () => {},
        () => NOW,
      ),
    ).toMatchObject({ exceededShadows: [call[0]?.claim] });
    const quiet = answered(rule, 0, { used: 4 });
    const within = [openClaim(claim(rule), quiet)];
    expect(within.every((one) => tryTake(one, NOW))).toBe(true);
    expect(
      letIn(
        within,
        () => {},
        () => NOW,
      ),
    ).toMatchObject({ exceededShadows: [] });
    // What rejects is let in with room, and is no shadow.
    const full = answered({ ...rule, onExceeded: "reject" }, 1, { used: 5 });
    const rejecting = [openClaim(claim(full.rule), full), openClaim(claim(rule), null)];
    expect(
      letIn(
        rejecting,
        () => {},
        () => NOW,
      ),
    ).toMatchObject({ exceededShadows: [] });
  });

  it("are settled once, each with its own, and those that were not counted are passed over", () => {
    const [one, two] = [answered(TOKENS, 50), answered(TOKENS, 50)];
    const call = [openClaim(claim(TOKENS, 10), one), openClaim(claim(TOKENS), null), openClaim(claim(TOKENS, 20), two), openClaim(claim(TOKENS, 99), two)];
    for (const part of call) tryTake(part, NOW);
    const settled: LeasedAccount[] = [];
    const hold = held(
      letIn(
        call,
        (account) => settled.push(account),
        () => NOW,
      ),
    );
    expect(hold.unavailable).toEqual([false, false, false, false]);
    hold.settle([4.5, 7, 25]);
    hold.settle([9, 9, 9]);
    hold.release();
    expect(settled).toEqual([one, two]);
    expect(one).toMatchObject({ keep: 0, used: 5, free: 45 });
    expect(two).toMatchObject({ keep: 0, used: 25, free: 25 });
    const released = [openClaim(claim(TOKENS, 10), one)];
    for (const part of released) tryTake(part, NOW);
    held(
      letIn(
        released,
        () => {},
        () => NOW,
      ),
    ).release();
    expect(one).toMatchObject({ keep: 0, used: 5, free: 45 });
  });

  it("without the store take what is held, and beyond it what their rules let pass", () => {
    const openRule = makeLimit({ unit: "tokens", onStoreFailure: { kind: "failOpen" } });
    const localRule = makeLimit({ unit: "tokens", onStoreFailure: { kind: "local", share: 0.1 } });
    const [first, second, third] = [answered(TOKENS, 50), answered(openRule, 5), answered(localRule, 0)];
    const call = [
      openClaim(claim(TOKENS, 20), first),
      openClaim(claim(openRule, 20), second),
      openClaim(claim(localRule, 10), third),
      openClaim(claim(openRule, 1), null),
    ];
    expect(takeWithoutStore(call, NOW, 0)).toEqual([]);
    expect(call.map(({ unavailable }) => unavailable)).toEqual([false, true, true, true]);
    expect(call.map(({ local }) => local)).toEqual([false, false, true, false]);
    expect([first.free, second.free, third.free]).toEqual([30, -15, -10]);
    expect(lackingOf(call)).toEqual([call[3]]);
    const full = takeWithoutStore([openClaim(claim(localRule, 1), third)], NOW, 0);
    expect(full).toMatchObject([{ reason: "exceeded" }]);
    const hold = held(
      letIn(
        call,
        () => {},
        () => NOW,
      ),
    );
    expect(hold.unavailable).toEqual([false, true, true, true]);
    hold.settle([0, 0, 4, 0]);
    // Of the share four are used now, and six are free again.
    expect(takeWithoutStore([openClaim(claim(localRule, 6), third)], NOW, 0)).toEqual([]);
    expect(takeWithoutStore([openClaim(claim(localRule, 1), third)], NOW, 0)).toHaveLength(1);
  });

  it("without the store pass all or none, and none is counted where one lacks room", () => {
    const openRule = makeLimit({ unit: "tokens", onStoreFailure: { kind: "failOpen" } });
    const [first, second] = [answered(TOKENS, 5), answered(openRule, 0)];
    const call = [openClaim(claim(openRule, 20), second), openClaim(claim(TOKENS, 20), first)];
    expect(takeWithoutStore(call, NOW, 0)).toMatchObject([{ reason: "unavailable", claim: { rule: TOKENS } }]);
    expect([first.free, second.free]).toEqual([5, 0]);
    expect(call.map(({ unavailable }) => unavailable)).toEqual([false, false]);
  });
});
