import { expect, it } from "vitest";
import type { LimitRule } from "../../../../src/model/limit.ts";
import { applyAnswer, changeOf, type LeasedAccount, openLeasedAccount } from "../../../../src/policy/limits/leased-account.ts";
import { openClaim, tryTake } from "../../../../src/policy/limits/leased-call.ts";
import { type Leftover, sortOut } from "../../../../src/policy/limits/refused-calls.ts";
import { claim, makeLimit } from "../../../fakes/limit-world.ts";

const NOW = 50_000;
const TOKENS = makeLimit({ unit: "tokens", limit: 100 });

/** What the store left of an account when it refused. */
function leftover(rule: LimitRule, { used = 0, heldByOthers = 0, held = 0, roomInMs = 9_000 as number | null } = {}): Leftover {
  const account = openLeasedAccount({ name: rule.id, window: { kind: "sliding", ms: 60_000 }, period: null }, rule, NOW);
  changeOf(account, 0, NOW);
  const answer = { used, heldByOthers, held, roomInMs };
  applyAnswer(account, answer, NOW + 30_000);
  return { account, answer };
}

function ask(...parts: readonly (readonly [LeasedAccount | null, number])[]) {
  return { call: parts.map(([account, amount]) => openClaim(claim(account?.rule ?? TOKENS, amount), account)) };
}

it("lets ask again whoever fits into what is left, in the order in which they came", () => {
  const left = leftover(TOKENS, { used: 40, heldByOthers: 30, held: 10 });
  const { account } = left;
  // Twenty are left, and ten are held that nobody has taken.
  const calls = [ask([account, 25]), ask([account, 6]), ask([account, 5]), ask([account, 1])] as const;
  const { again, refused } = sortOut(calls, [left], NOW, () => 0.5);
  expect(again).toEqual([calls[0], calls[2]]);
  expect(refused).toEqual([calls[1], calls[3]]);
  expect(account).toMatchObject({ refusedRoom: 0, refusedUntil: NOW + 200, roomAt: NOW + 9_000 });
});

it("takes room for no part of a call that does not fit as a whole", () => {
  const narrow = leftover({ ...TOKENS, id: "narrow" }, { used: 95 });
  const wide = leftover({ ...TOKENS, id: "wide" }, { used: 10, roomInMs: 0 });
  const calls = [ask([wide.account, 50], [narrow.account, 6]), ask([wide.account, 80], [narrow.account, 5]), ask([wide.account, 500], [null, 5])] as const;
  const { again, refused } = sortOut(calls, [wide, narrow], NOW, () => 0.5);
  // The wide one did not lack anything: how much of it there is, the store will say.
  expect(again).toEqual([calls[1], calls[2]]);
  expect(refused).toEqual([calls[0]]);
  expect(narrow.account).toMatchObject({ refusedRoom: 0, roomAt: NOW + 9_000 });
  expect(wide.account).toMatchObject({ refusedUntil: 0, roomAt: null });
});

it("does not count what a call has taken already", () => {
  const left = leftover(TOKENS, { used: 80, held: 20 });
  const { account } = left;
  const call = ask([account, 20], [account, 5]);
  for (const part of call.call) tryTake(part, NOW);
  expect(sortOut([call], [left], NOW, () => 0.5).refused).toEqual([call]);
  expect(account.refusedRoom).toBe(0);
});

it("refuses whoever needs what the store lacks, where its numbers say that all fits", () => {
  const [lacking, other] = [leftover({ ...TOKENS, id: "lacking" }, { used: 10 }), leftover({ ...TOKENS, id: "other" }, { roomInMs: 0 })];
  const calls = [ask([lacking.account, 5]), ask([other.account, 5]), ask([null, 1])] as const;
  const { again, refused } = sortOut(calls, [lacking, other], NOW, () => 0.5);
  expect(refused).toEqual([calls[0]]);
  expect(again).toEqual([calls[1], calls[2]]);
  expect(lacking.account.refusedRoom).toBe(0);
});

it("lets all ask again where the store does not say for want of what", () => {
  const left = leftover(TOKENS, { used: 100, roomInMs: 0 });
  const call = ask([left.account, 5]);
  expect(sortOut([call], [left], NOW, () => 0.5)).toEqual({ again: [call], refused: [] });
  expect(left.account.refusedUntil).toBe(0);
});

it("remembers what is left, without what is over or owed", () => {
  const remembered = (from: Parameters<typeof leftover>[1], amount: number, now = NOW) => {
    const left = leftover(TOKENS, from);
    sortOut([ask([left.account, amount])], [left], now, () => 0.5);
    return left.account.refusedRoom;
  };
  expect(remembered({ used: 60 }, 41)).toBe(40);
  expect(remembered({ used: 150 }, 1)).toBe(0);
  expect(remembered({ used: 60, held: 40 }, 41)).toBe(40);
  // The lease is over: what was held is of no use.
  expect(remembered({ used: 60, held: 30 }, 41, NOW + 30_000)).toBe(10);
});

it.each([
  [{ kind: "sliding", ms: 60_000 }, 200],
  [{ kind: "sliding", ms: 20_000 }, 200],
  [{ kind: "sliding", ms: 10_000 }, 100],
  [{ kind: "sliding", ms: 100 }, 10],
  [{ kind: "calendar", period: "day", timeZone: "UTC" }, 200],
  [null, 200],
] as const)("remembers it for a fifth of a second, or a hundredth of a window: %j", (window, ms) => {
  for (const [random, share] of [
    [0, 0.75],
    [0.5, 1],
    [1, 1.25],
  ] as const) {
    const left = leftover({ ...TOKENS, window }, { used: 100 });
    sortOut([ask([left.account, 1])], [left], NOW, () => random);
    expect(left.account.refusedUntil).toBe(NOW + ms * share);
  }
});

it("remembers it no longer than until there may be room, and as long where nobody knows when", () => {
  const soon = leftover(TOKENS, { used: 100, roomInMs: 7 });
  sortOut([ask([soon.account, 1])], [soon], NOW, () => 0.5);
  expect(soon.account).toMatchObject({ refusedUntil: NOW + 7, roomAt: NOW + 7 });
  const never = leftover(TOKENS, { used: 100, roomInMs: null });
  sortOut([ask([never.account, 101])], [never], NOW, () => 0.5);
  expect(never.account).toMatchObject({ refusedUntil: NOW + 200, roomAt: null });
});
