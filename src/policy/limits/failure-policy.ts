import type { LimitRule } from "../../model/limit.ts";
import type { AccountIdentity } from "./account-table.ts";
import type { LimitClaim, Shortage } from "./limit-desk.ts";
import { createLocalWindow, type LocalWindow } from "./local-window.ts";
import { exceeded, unavailable } from "./shortage.ts";

/** What the policy for an outage needs of an account. */
export interface FallibleAccount {
  readonly identity: AccountIdentity;
  readonly rule: LimitRule;
  /** Counts while the store gives no answer; null: it has not been needed. */
  local: LocalWindow | null;
}

/** A shadow never refuses, also not for want of an answer. */
const OPEN = { kind: "failOpen" } as const;
const LONGEST_WAIT_MS = 10_000;

/**
 * What a claim lacks while the store gives no answer: null where the rule fails open, or where its local share has room; whoever fails closed is refused. Without an
 * account, for there are too many, a share cannot be counted: that fails closed.
 */
export function shortageWithoutStore(
  { claim, account, amount }: { readonly claim: LimitClaim; readonly account: FallibleAccount | null; readonly amount: number },
  now: number,
  storeTime: number,
): Shortage | null {
  const failure = failureOf(claim.rule);
  if (failure.kind === "failOpen") return null;
  if (failure.kind === "failClosed" || account === null) return unavailable(claim);
  const share = Math.floor(claim.rule.limit * failure.share);
  const periodLeft = Math.max(1, (account.identity.period?.end ?? storeTime) - storeTime);
  const roomInMs = localOf(account).roomInMs(amount, share, now, periodLeft);
  // More than the whole share may still be less than the limit: it may pass when the store is back.
  return roomInMs === 0 ? null : exceeded(claim, 0, roomInMs, LONGEST_WAIT_MS);
}

/** Counts a claim in this instance's own share; whether the rule has one. */
export function holdLocally(account: FallibleAccount, amount: number): boolean {
  if (failureOf(account.rule).kind !== "local") return false;
  localOf(account).hold(amount);
  return true;
}

function failureOf(rule: LimitRule): LimitRule["onStoreFailure"] {
  return rule.onExceeded === "shadow" ? OPEN : rule.onStoreFailure;
}

function localOf(account: FallibleAccount): LocalWindow {
  account.local ??= createLocalWindow(account.rule.window);
  return account.local;
}
