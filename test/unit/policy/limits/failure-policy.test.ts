import { expect, it } from "vitest";
import type { LimitRule } from "../../../../src/model/limit.ts";
import { type FallibleAccount, holdLocally, shortageWithoutStore } from "../../../../src/policy/limits/failure-policy.ts";
import { claim, makeLimit } from "../../../fakes/limit-world.ts";

const STORE_TIME = 1_000_000;
const LOCAL = { kind: "local", share: 0.25 } as const;

function accountOf(rule: LimitRule, periodEnd: number | null = null): FallibleAccount {
  const period = periodEnd === null ? null : { start: 0, end: periodEnd };
  return { identity: { name: "a", window: { kind: "sliding", ms: 60_000 }, period }, rule, local: null };
}

function ask(rule: LimitRule, amount: number, account: FallibleAccount | null, now = 0) {
  return shortageWithoutStore({ claim: claim(rule, amount), account, amount }, now, STORE_TIME);
}

it("lets pass what fails open, and whatever only watches, without an account too", () => {
  for (const rule of [makeLimit({ onStoreFailure: { kind: "failOpen" } }), makeLimit({ onExceeded: "shadow" })]) {
    const account = accountOf(rule);
    expect(ask(rule, 1_000, account)).toBeNull();
    expect(ask(rule, 1_000, null)).toBeNull();
    expect(holdLocally(account, 1_000)).toBe(false);
    expect(account.local).toBeNull();
  }
});

it("lets nothing pass that fails closed, nor what has a share that cannot be counted", () => {
  const closed = makeLimit();
  expect(ask(closed, 1, accountOf(closed))).toMatchObject({ reason: "unavailable", retryAfterMs: 1_000 });
  expect(holdLocally(accountOf(closed), 1)).toBe(false);
  expect(ask(makeLimit({ onStoreFailure: LOCAL }), 1, null)).toMatchObject({ reason: "unavailable" });
});

it("counts in a local share, rounded down, what passes", () => {
  const rule = makeLimit({ limit: 23, onStoreFailure: LOCAL });
  const account = accountOf(rule);
  expect(ask(rule, 5, account)).toBeNull();
  // More than the share is no more than the limit: the store may be back soon.
  expect(ask(rule, 6, account)).toMatchObject({ reason: "exceeded", remaining: 0, retryAfterMs: 10_000 });
  expect(ask(rule, 24, account)).toMatchObject({ reason: "exceeded", retryAfterMs: null });
  expect(holdLocally(account, 3)).toBe(true);
  expect(ask(rule, 2, account)).toBeNull();
  expect(ask(rule, 3, account)).toMatchObject({ reason: "exceeded", retryAfterMs: 60_000 });
  account.local?.settle(3, 3, 0);
  expect(ask(rule, 3, account)).toMatchObject({ retryAfterMs: 61_000 });
  expect(ask(rule, 5, account, 61_000)).toBeNull();
});

it("says of a calendar window when its period is over", () => {
  const rule = makeLimit({ limit: 20, onStoreFailure: LOCAL, window: { kind: "calendar", period: "day", timeZone: "UTC" } });
  for (const [periodEnd, retryAfterMs] of [
    [STORE_TIME + 5_000, 5_000],
    [STORE_TIME - 5_000, 1],
    [null, 1],
  ] as const) {
    const account = accountOf(rule, periodEnd);
    expect(holdLocally(account, 5)).toBe(true);
    expect(ask(rule, 1, account)).toMatchObject({ reason: "exceeded", retryAfterMs });
  }
});
