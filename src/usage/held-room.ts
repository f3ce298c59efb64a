import type { CallRecord } from "../model/call-record.ts";
import type { LimitRule, LimitVerdict } from "../model/limit.ts";
import type { Usage } from "../model/operation.ts";
import type { CallCost } from "../model/price.ts";
import { usedAmount } from "../policy/limits/claim-amount.ts";
import type { Hold, HoldResult, LimitDesk, Shortage } from "../policy/limits/limit-desk.ts";
import type { CallClaim } from "./limit-claims.ts";

/** Room that was given for some claims. */
export interface Held {
  readonly claims: readonly CallClaim[];
  readonly hold: Hold;
}

/** What a call, or an attempt of it, came to. */
export interface Spent {
  /** A byte of it may have left the broker: it counts as a request. */
  readonly left: boolean;
  /** Null: not known. */
  readonly usage: Usage | null;
  readonly cost: CallCost | null;
  /** Nothing was used where usage is not known: an error, or nothing was sent. Else what was claimed stands. */
  readonly idle: boolean;
}

/** Asks for room on all accounts and notes what the limits say; waits only where the desk does. */
export function takeRoom(
  desk: LimitDesk,
  record: CallRecord,
  claims: readonly CallClaim[],
  signal: Parameters<LimitDesk["hold"]>[1],
): Held | Shortage | Promise<Held | Shortage> {
  const asked = desk.hold(claims, signal);
  return asked instanceof Promise ? asked.then((result) => noteRoom(record, claims, result)) : noteRoom(record, claims, asked);
}

function noteRoom(record: CallRecord, claims: readonly CallClaim[], result: HoldResult): Held | Shortage {
  if (!result.ok) {
    noteVerdict(record, result.shortage.claim.rule, result.shortage.reason);
    return result.shortage;
  }
  const { hold, exceededShadows } = result;
  const outcomeOf = (claim: CallClaim, index: number): LimitVerdict["outcome"] =>
    exceededShadows.includes(claim) ? "exceeded" : hold.unavailable[index] === true ? "unavailable" : "held";
  // The first that are noted of a call, and each limit claims once: none of them can stand there already.
  if (record.limits.length === 0) record.limits = claims.map((claim, index) => verdictOf(claim.rule, outcomeOf(claim, index)));
  else for (const [index, claim] of claims.entries()) noteVerdict(record, claim.rule, outcomeOf(claim, index));
  return { claims, hold };
}

/** What a limit said, once: a destination may be asked about again. */
export function noteVerdict(record: CallRecord, rule: LimitRule, outcome: LimitVerdict["outcome"]): void {
  if (record.limits.some((verdict) => verdict.limit === rule.id && verdict.outcome === outcome)) return;
  record.limits = [...record.limits, verdictOf(rule, outcome)];
}

function verdictOf({ id, unit, onExceeded }: LimitRule, outcome: LimitVerdict["outcome"]): LimitVerdict {
  return { limit: id, unit, outcome, action: onExceeded };
}

/** Tells the accounts what was really used. */
export function settleHeld({ claims, hold }: Held, { left, usage, cost, idle }: Spent): void {
  if (!left) {
    hold.release();
    return;
  }
  hold.settle(claims.map(({ rule, amount, rates }) => usedAmount(rule, usage, cost, rates) ?? (idle ? 0 : amount)));
}
