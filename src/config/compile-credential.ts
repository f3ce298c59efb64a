import type { CredentialPlan } from "../model/backend.ts";
import { compileSecret } from "./compile-secret.ts";
import { type LinkContext, type Resolved, resolved, unresolved } from "./link-context.ts";
import { namespaceOf } from "./manifest.ts";
import type { ManifestOf } from "./manifest-set.ts";

/** The credential that a policy describes. An unresolved secret refuses the backend: it is never called without its credential. */
export function compileCredential(context: LinkContext, policy: ManifestOf<"BackendCredentialPolicy">): Resolved<CredentialPlan> {
  const { spec } = policy.body;
  if (spec.type === "Passthrough") return resolved({ type: "passthrough", stripClientCredentials: false });
  const from = { group: policy.group, kind: policy.kind, namespace: namespaceOf(policy) };
  const { stripClientCredentials } = spec;
  if (spec.bearer !== undefined) {
    const secret = compileSecret(context, spec.bearer.secretRef, from);
    return secret.ok ? resolved({ type: "bearer", secret: secret.value, beside: null, stripClientCredentials }) : secret;
  }
  if (spec.apiKey === undefined) return unresolved("Invalid", "the member that type names is missing");
  const { name, prefix, secretRef } = spec.apiKey;
  const secret = compileSecret(context, secretRef, from);
  if (!secret.ok) return secret;
  if (spec.apiKey.in === "Query") return resolved({ type: "apiKey", in: "query", name, secret: secret.value, stripClientCredentials });
  return resolved({ type: "apiKey", in: "header", name: name.toLowerCase(), prefix, secret: secret.value, stripClientCredentials });
}
