import { holdLocally, shortageWithoutStore } from "./failure-policy.ts";
import { freeNow, type LeasedAccount, settleClaim, takeClaim, takenOf } from "./leased-account.ts";
import type { Hold, HoldResult, LimitClaim, Shortage } from "./limit-desk.ts";
import { wholeAmount } from "./whole-amount.ts";

/** A call and what it has taken so far. The lists have one entry a claim. */
export interface LeasedCall {
  readonly claims: readonly LimitClaim[];
  /** Null: there are too many accounts. */
  readonly accounts: (LeasedAccount | null)[];
  readonly amounts: number[];
  /** As `takeClaim` gave it; `NOT_TAKEN` before. */
  readonly generations: number[];
  readonly unavailable: boolean[];
  /** Those that are counted by this instance alone. */
  readonly local: boolean[];
}

const NOT_TAKEN = -1;
const NONE: readonly never[] = [];

export function openCall(claims: readonly LimitClaim[]): LeasedCall {
  return { claims, accounts: [], amounts: [], generations: [], unavailable: [], local: [] };
}

/** Adds the next claim with nothing taken. */
export function addClaim(call: LeasedCall, claim: LimitClaim, account: LeasedAccount | null): void {
  call.accounts.push(account);
  call.amounts.push(wholeAmount(claim.amount));
  call.generations.push(NOT_TAKEN);
  call.unavailable.push(false);
  call.local.push(false);
}

/** Takes what the claim at this place needs, if this instance holds it. A shadow takes in any case once the store has spoken of the account: it refuses nobody. */
export function tryTake(call: LeasedCall, at: number, now: number): boolean {
  if (call.generations[at] !== NOT_TAKEN) return true;
  const account = call.accounts[at] ?? null;
  if (account === null) return false;
  const amount = call.amounts[at] ?? 0;
  const shadow = account.rule.onExceeded === "shadow" && account.known;
  if (!shadow && freeNow(account, now) < amount) return false;
  call.generations[at] = takeClaim(account, amount, now);
  return true;
}

/** A claim that has not taken yet. */
export interface LackingClaim {
  readonly claim: LimitClaim;
  readonly account: LeasedAccount | null;
  readonly amount: number;
}

export function lackingOf({ claims, accounts, amounts, generations }: LeasedCall): readonly LackingClaim[] {
  const lacking: LackingClaim[] = [];
  claims.forEach((claim, at) => {
    if (generations[at] === NOT_TAKEN) lacking.push({ claim, account: accounts[at] ?? null, amount: amounts[at] ?? 0 });
  });
  return lacking;
}

/** Gives back all that was taken, since the call does not go on. */
export function giveBack(call: LeasedCall): void {
  for (let at = 0; at < call.accounts.length; at += 1) {
    const account = call.accounts[at] ?? null;
    const generation = call.generations[at] ?? NOT_TAKEN;
    if (account === null || generation === NOT_TAKEN) continue;
    settleClaim(account, call.amounts[at] ?? 0, generation, 0);
    call.generations[at] = NOT_TAKEN;
  }
}

/**
 * Takes the rest while the store gives no answer: what this instance holds still counts, for what it lacks each rule's `onStoreFailure` decides. What passes is taken
 * beyond what is held, so that the store hears of it later. Gives what lacks room; then some of the claims have taken and some have not.
 */
export function takeWithoutStore(call: LeasedCall, now: number, storeTime: number): readonly Shortage[] {
  const { claims, accounts, amounts } = call;
  const lacking = claims.flatMap((claim, at) => (tryTake(call, at, now) ? [] : [{ at, claim, account: accounts[at] ?? null, amount: amounts[at] ?? 0 }]));
  const shortages = lacking.map((one) => shortageWithoutStore(one, now, storeTime)).filter((shortage) => shortage !== null);
  if (shortages.length > 0) return shortages;
  for (const { at, account, amount } of lacking) {
    call.unavailable[at] = true;
    if (account === null) continue;
    call.generations[at] = takeClaim(account, amount, now);
    call.local[at] = holdLocally(account, amount);
  }
  return NONE;
}

/** The answer to a call that has taken all. `onSettled` hears of each account whose claim ended; `monotonic` is asked for where a claim was counted locally. */
export function letIn(call: LeasedCall, onSettled: (account: LeasedAccount) => void, monotonic: () => number): HoldResult {
  return { ok: true, hold: holdOf(call, onSettled, monotonic), exceededShadows: exceededShadows(call) };
}

function exceededShadows(call: LeasedCall): readonly LimitClaim[] {
  let found: LimitClaim[] | null = null;
  for (let at = 0; at < call.claims.length; at += 1) {
    const claim = call.claims[at];
    const account = call.accounts[at] ?? null;
    if (claim === undefined || claim.rule.onExceeded !== "shadow" || account === null || takenOf(account) <= claim.rule.limit) continue;
    found ??= [];
    found.push(claim);
  }
  return found ?? NONE;
}

function holdOf(call: LeasedCall, onSettled: (account: LeasedAccount) => void, monotonic: () => number): Hold {
  let open = true;
  const settle = (used: readonly number[]): void => {
    if (!open) return;
    open = false;
    for (let at = 0; at < call.accounts.length; at += 1) {
      const account = call.accounts[at] ?? null;
      const generation = call.generations[at] ?? NOT_TAKEN;
      if (account === null || generation === NOT_TAKEN) continue;
      const amount = call.amounts[at] ?? 0;
      const really = wholeAmount(used[at] ?? 0);
      settleClaim(account, amount, generation, really);
      if (call.local[at] === true) account.local?.settle(amount, really, monotonic());
      onSettled(account);
    }
  };
  return { unavailable: call.unavailable, settle, release: () => settle(NONE) };
}
