import type { RetryBudgetRule } from "../model/backend.ts";
import { attachDirectPolicies } from "./direct-policies.ts";
import { durationMs } from "./duration.ts";
import { type LinkContext, type Resolved, resolved, unresolved } from "./link-context.ts";
import type { ManifestOf } from "./manifest-set.ts";

/** Retry budgets by backend, `XBackend/namespace/name` and `Service/namespace/name`. */
export type RetryBudgets = ReadonlyMap<string, RetryBudgetRule>;

/** The longest and the shortest interval that the standard's schema allows. */
const LONGEST_MS = 3_600_000;
const SHORTEST_MS = 1_000;

/** Reads every XBackendTrafficPolicy. One that cannot be carried out leaves the broker's own budget, and its condition says so. */
export function compileRetryBudgets(context: LinkContext): RetryBudgets {
  const budgets = new Map<string, RetryBudgetRule>();
  for (const [key, policy] of attachDirectPolicies(context, "XBackendTrafficPolicy")) {
    const rule = compileRetryBudget(policy);
    if (!rule.ok) context.conditions.write(policy, key, { type: "Accepted", status: "False", reason: rule.reason, message: rule.message });
    else if (rule.value !== null) budgets.set(key, rule.value);
  }
  return budgets;
}

function compileRetryBudget(policy: ManifestOf<"XBackendTrafficPolicy">): Resolved<RetryBudgetRule | null> {
  const { retryConstraint, sessionPersistence } = policy.body.spec;
  if (sessionPersistence !== undefined) return unresolved("UnsupportedValue", "sessionPersistence is not carried out by this release");
  if (retryConstraint === undefined) return resolved(null);
  const { budget, minRetryRate } = retryConstraint;
  const intervalMs = durationMs(budget?.interval ?? "10s");
  const floorIntervalMs = durationMs(minRetryRate?.interval ?? "1s");
  const outside = [intervalMs, floorIntervalMs].some((ms) => ms < SHORTEST_MS || ms > LONGEST_MS);
  if (outside) return unresolved("Invalid", "an interval of retryConstraint must be from 1s to 1h");
  return resolved({ percent: budget?.percent ?? 20, intervalMs, floor: minRetryRate?.count ?? 10, floorIntervalMs });
}
