import { attachBackendTls, type BackendTlsPolicies } from "./backend-tls.ts";
import type { CredentialSite } from "./compile-token-endpoint.ts";
import { attachDirectPolicies, type DirectPolicies } from "./direct-policies.ts";
import type { LinkContext } from "./link-context.ts";
import { compileAttestations, type RegionAttestations } from "./region-attestations.ts";
import { compileRetryBudgets, type RetryBudgets } from "./retry-budgets.ts";

/** The direct policies of all backends, conflicts already settled. */
export interface BackendPolicies {
  readonly credential: DirectPolicies<"BackendCredentialPolicy">;
  readonly connection: DirectPolicies<"BackendConnectionPolicy">;
  readonly api: DirectPolicies<"AIBackendPolicy">;
  readonly retryBudgets: RetryBudgets;
  readonly serviceTls: BackendTlsPolicies;
  readonly attestations: RegionAttestations;
  /** A backend as a place to ask for tokens: reached in its own way, and never with a credential, its own least of all. */
  readonly tokenBackend: CredentialSite["tokenBackend"];
}

/** `tokenBackend` is left to whoever can compile backends. */
export function attachBackendPolicies(context: LinkContext, gatewayNamespaces: ReadonlySet<string>): Omit<BackendPolicies, "tokenBackend"> {
  return {
    credential: attachDirectPolicies(context, "BackendCredentialPolicy"),
    connection: attachDirectPolicies(context, "BackendConnectionPolicy"),
    api: attachDirectPolicies(context, "AIBackendPolicy"),
    retryBudgets: compileRetryBudgets(context),
    serviceTls: attachBackendTls(context),
    attestations: compileAttestations(context, gatewayNamespaces),
  };
}
