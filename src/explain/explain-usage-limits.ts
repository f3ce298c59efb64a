import type { Routed } from "../model/call.ts";
import type { LimitDimension, LimitRule, LimitUnit, LimitWindow } from "../model/limit.ts";
import type { Target } from "../model/snapshot.ts";
import { accountValues, matchesLimit } from "../policy/limits/match-limit.ts";
import { usesTokens } from "../usage/estimate-usage.ts";

/** A limit that a call would meet. How much of it is left only a running broker knows. */
export interface ExplainedUsageLimit {
  /** `namespace/policy/limit`. */
  readonly id: string;
  readonly unit: LimitUnit;
  /** Decimal text, of cost in units of `currency`. */
  readonly amount: string;
  readonly currency: string | null;
  readonly window: LimitWindow | null;
  /** Whose account the call is charged to; empty: all calls share one. */
  readonly account: readonly { readonly dimension: LimitDimension; readonly value: string }[];
  /** Counts when this backend is tried; null: whatever backend serves. */
  readonly backend: string | null;
  readonly onExceeded: LimitRule["onExceeded"];
  readonly onStoreFailure: LimitRule["onStoreFailure"];
}

/** The limits of a call, and those of each destination that it may be sent to. */
export function explainUsageLimits(routed: Routed, model: string | null, candidates: readonly Target[]): readonly ExplainedUsageLimit[] {
  const { rule, caller } = routed;
  const { namespace, serviceAccount, workload } = caller;
  const explained = (limits: readonly LimitRule[], backend: string | null) => {
    const subject = { namespace, serviceAccount, workload, model, route: `${rule.route.namespace}/${rule.route.name}`, backend };
    return limits
      .filter(({ match, unit }) => matchesLimit(match, subject) && (unit === "requests" || unit === "concurrency" || usesTokens(routed)))
      .map((limit) => explainedLimit(limit, accountValues(limit, subject), backend));
  };
  // Those of a group are charged once, whichever member serves.
  const ofGroups = new Set(candidates.flatMap(({ limits }) => limits.filter(({ scope }) => scope === "call")));
  return [
    ...explained([...rule.limits, ...ofGroups], null),
    ...candidates.flatMap(({ backend, limits }) =>
      explained(
        limits.filter(({ scope }) => scope === "attempt"),
        backend.key,
      ),
    ),
  ];
}

function explainedLimit(limit: LimitRule, values: readonly string[], backend: string | null): ExplainedUsageLimit {
  const { id, unit, currency, window, onExceeded, onStoreFailure } = limit;
  const account = limit.per.map((dimension, index) => ({ dimension, value: values[index] ?? "" }));
  return { id, unit, amount: unit === "cost" ? decimal(limit.limit) : String(limit.limit), currency, window, account, backend, onExceeded, onStoreFailure };
}

/** Billionths as decimal text, exactly, with two places at least. */
function decimal(nanos: number): string {
  const digits = String(nanos).padStart(10, "0");
  const fraction = digits.slice(-9).replace(/0+$/, "");
  return `${digits.slice(0, -9)}.${fraction.padEnd(2, "0")}`;
}
