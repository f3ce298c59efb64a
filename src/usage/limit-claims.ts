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

/** What is claimed of the limits that are for this call. `serving`: the destination by whose prices it is estimated; `tried`: whose own limits they are; null: of the call. */
export async function claimsOf(
  stages: Stages,
  call: CallInFlight,
  rules: readonly LimitRule[],
  estimate: () => UsageEstimate,
  { serving, tried }: { readonly serving: Cleared; readonly tried: Cleared | null },
): Promise<CallClaims> {
  const subject = subjectOf(call, tried);
  const claims: CallClaim[] = [];
  const unpriced: LimitRule[] = [];
  for (const rule of rules) {
    if (!matchesLimit(rule.match, subject)) continue;
    const counted = rule.unit === "requests" || rule.unit === "concurrency";
    // What asks no model for anything uses no tokens, and costs nothing that is known here.
    if (!counted && !usesTokens(call.routed)) continue;
    const rates = rule.unit === "cost" ? await stages.prices.rates(call, serving, estimate().inputTokens) : null;
    const amount = claimAmount(rule, counted ? NOTHING : estimate(), rates);
    if (amount === null) unpriced.push(rule);
    else claims.push({ rule, of: accountValues(rule, subject), amount, rates });
  }
  return { claims, unpriced };
}

const NOTHING: UsageEstimate = { inputTokens: 0, maxOutputTokens: 0, choices: 1, blind: false };

function subjectOf({ routed, body, record }: CallInFlight, tried: Cleared | null): LimitSubject {
  const { namespace, serviceAccount, workload } = routed.caller;
  return { namespace, serviceAccount, workload, model: body.facts?.model ?? null, route: record.route, backend: tried?.target.backend.key ?? null };
}
