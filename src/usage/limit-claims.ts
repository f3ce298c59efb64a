import type { CallInFlight } from "../call/attempt/attempt.ts";
import type { Stages } from "../call/stages.ts";
import type { Cleared } from "../model/cleared.ts";
import type { LimitRule } from "../model/limit.ts";
import type { RateCard } from "../model/price.ts";
import { claimAmount, type UsageEstimate } from "../policy/limits/claim-amount.ts";
import type { LimitClaim } from "../policy/limits/limit-desk.ts";
import { accountValues, type LimitSubject, matchesLimit } from "../policy/limits/match-limit.ts";
import { usesTokens } from "./estimate-usage.ts";

/** A claim with the prices that it was made by. */
export interface CallClaim extends LimitClaim {
  /** Null: they have no part in it, or are not known. */
  readonly rates: RateCard | null;
}

/** What a call claims of limits. */
export interface CallClaims {
  readonly claims: readonly CallClaim[];
  /** Limits of money for which no price is known. */
  readonly unpriced: readonly LimitRule[];
}

/** What is claimed of the limits that are for this call; waits only for prices that are not loaded yet. `serving`: the destination by whose prices it is estimated; `tried`: whose own limits they are; null: of the call. */
export function claimsOf(
  stages: Stages,
  call: CallInFlight,
  rules: readonly LimitRule[],
  estimate: () => UsageEstimate,
  { serving, tried }: { readonly serving: Cleared; readonly tried: Cleared | null },
): CallClaims | Promise<CallClaims> {
  const subject = subjectOf(call, tried);
  // What asks no model for anything uses no tokens, and costs nothing that is known here.
  const modelled = usesTokens(call.routed);
  const own = rules.filter((rule) => (modelled || isCounted(rule)) && matchesLimit(rule.match, subject));
  if (!own.some(isMoney)) return claimAll(own, subject, estimate, null);
  const rates = stages.prices.rates(call, serving, estimate().inputTokens);
  return rates instanceof Promise ? rates.then((known) => claimAll(own, subject, estimate, known)) : claimAll(own, subject, estimate, rates);
}

function claimAll(rules: readonly LimitRule[], subject: LimitSubject, estimate: () => UsageEstimate, rates: RateCard | null): CallClaims {
  const claims: CallClaim[] = [];
  let unpriced: LimitRule[] | null = null;
  for (const rule of rules) {
    const own = isMoney(rule) ? rates : null;
    const amount = claimAmount(rule, isCounted(rule) ? NOTHING : estimate(), own);
    if (amount !== null) claims.push({ rule, of: accountValues(rule, subject), amount, rates: own });
    else {
      unpriced ??= [];
      unpriced.push(rule);
    }
  }
  return { claims, unpriced: unpriced ?? NONE };
}

/** Of whatever size the call is. */
function isCounted({ unit }: LimitRule): boolean {
  return unit === "requests" || unit === "concurrency";
}

function isMoney({ unit }: LimitRule): boolean {
  return unit === "cost";
}

const NONE: readonly never[] = [];

const NOTHING: UsageEstimate = { inputTokens: 0, maxOutputTokens: 0, choices: 1, blind: false };

function subjectOf({ routed, body, record }: CallInFlight, tried: Cleared | null): LimitSubject {
  const { namespace, serviceAccount, workload } = routed.caller;
  return { namespace, serviceAccount, workload, model: body.facts?.model ?? null, route: record.route, backend: tried?.target.backend.key ?? null };
}
