import type { CallInFlight } from "../call/attempt/attempt.ts";
import type { Stages } from "../call/stages.ts";
import type { CallRecord } from "../model/call-record.ts";
import type { Cleared } from "../model/cleared.ts";
import type { Refusal } from "../model/errors.ts";
import type { UsageEstimate } from "../policy/limits/claim-amount.ts";
import { limitRefusal, unpricedRefusal } from "../policy/limits/limit-refusal.ts";
import { limitsOfNamespace } from "../policy/limits/limits-of-namespace.ts";
import { rateLimitFields } from "../policy/limits/rate-limit-fields.ts";
import type { CallCharges } from "./call-charges.ts";
import { mayHaveWorked } from "./charge-answer.ts";
import { usageOfUnanswered } from "./estimate-usage.ts";
import { type Held, noteVerdict, type Spent, settleHeld, takeRoom } from "./held-room.ts";
import { type CallClaims, claimsOf } from "./limit-claims.ts";

/** The charges of one call. `ofCall`: what is held for the whole of it, to which more may come while room is asked for. */
export function createCharges(stages: Stages, call: CallInFlight, ofCall: readonly Held[], estimate: () => UsageEstimate): CallCharges {
  let ofAttempt: Held | null = null;
  /** A byte of the call may have left the broker: it counts as a request. */
  let left = false;

  return {
    async enter(cleared) {
      // Tried once more: what it holds it holds.
      if (ofAttempt !== null) return null;
      const rules = limitsOfNamespace(cleared.target.limits, call.routed.caller.namespace).filter(({ scope }) => scope === "attempt");
      if (rules.length === 0) return null;
      const asked = await claimsOf(stages, call, rules, estimate, { serving: cleared, tried: cleared });
      const unpriced = unpricedFor(call, asked, cleared);
      if (unpriced !== null) {
        if (unpriced.moves) return unpriced.refusal;
        throw unpriced.refusal;
      }
      if (asked.claims.length === 0) return null;
      const taken = await takeRoom(stages.limits, call.record, asked.claims, call.signal);
      if ("reason" in taken) {
        const refusal = limitRefusal(taken);
        if (taken.claim.rule.onExceeded === "nextTier") return refusal;
        throw refusal;
      }
      ofAttempt = taken;
      return null;
    },
    leave(outcome, moves) {
      const worked = mayHaveWorked(outcome);
      left ||= worked || outcome.kind === "answer";
      const held = ofAttempt;
      if (held === null || !(worked || moves)) return;
      ofAttempt = null;
      // A destination that may have begun to work keeps the input; any other gives all back.
      settleHeld(held, { left: worked, usage: worked ? usageOfUnanswered(stages, call) : null, cost: null, idle: false });
    },
    fields() {
      const [first] = ofCall;
      const claims =
        first !== undefined && ofCall.length === 1 && ofAttempt === null
          ? first.claims
          : [...ofCall, ...(ofAttempt === null ? [] : [ofAttempt])].flatMap((held) => held.claims);
      if (claims.length === 0) return [];
      return rateLimitFields(stages.limits.standing(claims).map(({ claim, remaining, resetMs }) => ({ rule: claim.rule, remaining, resetMs })));
    },
    settle(record) {
      const spent = spentBy(record, left);
      for (const held of ofCall) settleHeld(held, spent);
      if (ofAttempt !== null) settleHeld(ofAttempt, spent);
      ofAttempt = null;
    },
  };
}

function spentBy(record: CallRecord, left: boolean): Spent {
  return {
    // An answer has come, be it an error.
    left: left || record.status === 101 || record.attempts.some(({ status }) => status !== 0),
    usage: record.charged?.usage ?? null,
    cost: record.cost,
    idle: record.outcome === "refused" || record.outcome === "broker_error" || record.status >= 400,
  };
}

/** What follows where a limit of money meets no price; null: nothing, or a limit that only watches. `moves`: another destination may have one. */
export function unpricedFor(call: CallInFlight, asked: CallClaims, { target }: Cleared): { readonly refusal: Refusal; readonly moves: boolean } | null {
  for (const rule of asked.unpriced) noteVerdict(call.record, rule, "exceeded");
  const binding = asked.unpriced.filter(({ onExceeded }) => onExceeded !== "shadow");
  const rule = binding.find(({ onExceeded }) => onExceeded === "reject") ?? binding[0];
  if (rule === undefined) return null;
  return { refusal: unpricedRefusal(rule, call.body.facts?.model ?? null, target.backend.key), moves: rule.onExceeded === "nextTier" };
}
