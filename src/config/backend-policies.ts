import { attachBackendTls, type BackendTlsPolicies } from "./backend-tls.ts";
import { attachDirectPolicies, type DirectPolicies } from "./direct-policies.ts";
import type { LinkContext } from "./link-context.ts";
import { compileRetryBudgets, type RetryBudgets } from "./retry-budgets.ts";

/** The direct policies of all backends, conflicts already settled. */
export interface BackendPolicies {
  readonly credential: DirectPolicies<"BackendCredentialPolicy">;
  readonly connection: DirectPolicies<"BackendConnectionPolicy">;
  readonly api: DirectPolicies<"AIBackendPolicy">;
  readonly retryBudgets: RetryBudgets;
  readonly serviceTls: BackendTlsPolicies;
}

export function attachBackendPolicies(context: LinkContext): BackendPolicies {
  return {
    credential: attachDirectPolicies(context, "BackendCredentialPolicy"),
    connection: attachDirectPolicies(context, "BackendConnectionPolicy"),
    api: attachDirectPolicies(context, "AIBackendPolicy"),
    retryBudgets: compileRetryBudgets(context),
    serviceTls: attachBackendTls(context),
  };
}
