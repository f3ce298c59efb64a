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

/** Asks for room on all accounts and notes what the limits say. Null: there is room; else why there is none. */
export async function takeRoom(
  desk: LimitDesk,
  record: CallRecord,
  claims: readonly CallClaim[],
  signal: Parameters<LimitDesk["hold"]>[1],
): Promise<Held | Shortage> {
  const asked = desk.hold(claims, signal);
  const result: HoldResult = asked instanceof Promise ? await asked : asked;
  if (!result.ok) {
    noteVerdict(record, result.shortage.claim.rule, result.shortage.reason);
    return result.shortage;
  }
  const { hold, exceededShadows } = result;
  for (const [index, claim] of claims.entries()) {
    const outcome = exceededShadows.includes(claim) ? "exceeded" : hold.unavailable[index] === true ? "unavailable" : "held";
    noteVerdict(record, claim.rule, outcome);
  }
  return { claims, hold };
}

/** What a limit said, once: a destination may be asked about again. */
export function noteVerdict(record: CallRecord, { id, unit, onExceeded }: LimitRule, outcome: LimitVerdict["outcome"]): void {
  if (record.limits.some((verdict) => verdict.limit === id && verdict.outcome === outcome)) return;
  record.limits = [...record.limits, { limit: id, unit, outcome, action: onExceeded }];
}

/** Tells the accounts what was really used. */
export function settleHeld({ claims, hold }: Held, { left, usage, cost, idle }: Spent): void {
  if (!left) {
    hold.release();
    return;
  }
  hold.settle(claims.map(({ rule, amount, rates }) => usedAmount(rule, usage, cost, rates) ?? (idle ? 0 : amount)));
}
