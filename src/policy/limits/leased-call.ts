import { holdLocally, shortageWithoutStore } from "./failure-policy.ts";
import { freeNow, type LeasedAccount, settleClaim, takeClaim, takenOf } from "./leased-account.ts";
import type { Hold, HoldResult, LimitClaim, Shortage } from "./limit-desk.ts";
import { wholeAmount } from "./whole-amount.ts";

/** A claim of a call, and what it has taken. */
export interface LeasedClaim {
  readonly claim: LimitClaim;
  /** Null: there are too many accounts. */
  readonly account: LeasedAccount | null;
  readonly amount: number;
  /** As `takeClaim` gave it; `NOT_TAKEN` before. */
  generation: number;
  unavailable: boolean;
  /** It is counted in this instance's own share. */
  local: boolean;
}

/** A call: its claims in their order. */
export type LeasedCall = readonly LeasedClaim[];

const NOT_TAKEN = -1;
const NONE: readonly never[] = [];

/** With nothing taken. */
export function openClaim(claim: LimitClaim, account: LeasedAccount | null): LeasedClaim {
  return { claim, account, amount: wholeAmount(claim.amount), generation: NOT_TAKEN, unavailable: false, local: false };
}

/** Takes what the claim needs, if this instance holds it. A shadow takes in any case once the store has spoken of the account: it refuses nobody. */
export function tryTake(claim: LeasedClaim, now: number): boolean {
  if (claim.generation !== NOT_TAKEN) return true;
  const { account, amount } = claim;
  if (account === null) return false;
  const shadow = account.rule.onExceeded === "shadow" && account.known;
  if (!shadow && freeNow(account, now) < amount) return false;
  claim.generation = takeClaim(account, amount, now);
  return true;
}

/** The claims that have not taken yet. */
export function lackingOf(call: LeasedCall): readonly LeasedClaim[] {
  return call.filter(({ generation }) => generation === NOT_TAKEN);
}

/** Gives back all that was taken, since the call does not go on. */
export function giveBack(call: LeasedCall): void {
  for (const claim of call) {
    const { account, amount, generation } = claim;
    if (account === null || generation === NOT_TAKEN) continue;
    settleClaim(account, amount, generation, 0);
    claim.generation = NOT_TAKEN;
  }
}

/**
 * Takes the rest while the store gives no answer: what this instance holds still counts, for what it lacks each rule's `onStoreFailure` decides. What passes is taken
 * beyond what is held, so that the store hears of it later. Gives what lacks room; then some of the claims have taken and some have not.
 */
export function takeWithoutStore(call: LeasedCall, now: number, storeTime: number): readonly Shortage[] {
  const lacking = call.filter((claim) => !tryTake(claim, now));
  const shortages = lacking.map((claim) => shortageWithoutStore(claim, now, storeTime)).filter((shortage) => shortage !== null);
  if (shortages.length > 0) return shortages;
  for (const claim of lacking) {
    const { account, amount } = claim;
    claim.unavailable = true;
    if (account === null) continue;
    claim.generation = takeClaim(account, amount, now);
    claim.local = holdLocally(account, amount);
  }
  return NONE;
}

/** The answer to a call that has taken all. `onSettled` hears of each account whose claim ended; `monotonic` is asked for where a claim was counted locally. */
export function letIn(call: LeasedCall, onSettled: (account: LeasedAccount) => void, monotonic: () => number): Extract<HoldResult, { readonly ok: true }> {
  return { ok: true, hold: holdOf(call, onSettled, monotonic), exceededShadows: exceededShadows(call) };
}

function exceededShadows(call: LeasedCall): readonly LimitClaim[] {
  let found: LimitClaim[] | null = null;
  for (const { claim, account } of call) {
    if (claim.rule.onExceeded !== "shadow" || account === null || takenOf(account) <= claim.rule.limit) continue;
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
    for (let at = 0; at < call.length; at += 1) {
      const claim = call[at];
      if (claim === undefined) continue;
      const { account, amount, generation } = claim;
      if (account === null || generation === NOT_TAKEN) continue;
      const really = wholeAmount(used[at] ?? 0);
      settleClaim(account, amount, generation, really);
      if (claim.local) account.local?.settle(amount, really, monotonic());
      onSettled(account);
    }
  };
  return { unavailable: call.map(({ unavailable }) => unavailable), settle, release: () => settle(NONE) };
}
