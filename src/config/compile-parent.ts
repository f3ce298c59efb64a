import type { CredentialPlan, ParentProfile } from "../model/backend.ts";
import type { BackendDraft } from "./backend-draft.ts";
import type { BackendPolicies } from "./backend-policies.ts";
import { compileSecret } from "./compile-secret.ts";
import { durationMs } from "./duration.ts";
import type { LinkContext } from "./link-context.ts";
import { namespaceOf } from "./manifest.ts";

/** What is agreed with the broker at the other end; null: the backend is the destination itself. Its policy gets its own conditions too. */
export function draftParent(
  context: LinkContext,
  draft: BackendDraft,
  policies: BackendPolicies,
  key: string,
  credential: CredentialPlan | null,
): ParentProfile | null {
  const policy = policies.connection.get(key);
  const authored = policy?.body.spec.parent;
  if (policy === undefined || authored === undefined) return null;
  const { forwardIdentity, maxHops, region } = authored;
  if (forwardIdentity === undefined) return { identity: null, maxHops, region };
  const where = `BackendConnectionPolicy ${policy.name} parent.forwardIdentity`;
  if (credential !== null && !leavesAuthorization(credential)) {
    const message = `${where} writes Authorization, and so may the BackendCredentialPolicy of this backend: keep one of the two, or an API key in another header`;
    context.conditions.write(policy, key, { type: "Accepted", status: "False", reason: "Conflicted", message });
    draft.refuse("Conflicted", message);
  }
  const from = { group: policy.group, kind: policy.kind, namespace: namespaceOf(policy) };
  const signingKey = compileSecret(context, forwardIdentity.signingKeyRef, from);
  if (!signingKey.ok) {
    const message = `${where}.signingKeyRef: ${signingKey.message}`;
    context.conditions.write(policy, key, { type: "ResolvedRefs", status: "False", reason: signingKey.reason, message });
    draft.unresolvedRef({ ...signingKey, message });
    return null;
  }
  context.conditions.approve(policy, key, "ResolvedRefs");
  const { audience, ttl, issuer } = forwardIdentity;
  return { identity: { signingKey: signingKey.value, audience, ttlSeconds: Math.floor(durationMs(ttl) / 1_000), issuer: issuer ?? null }, maxHops, region };
}

/** Any other kind of credential stands in Authorization, or may. */
function leavesAuthorization(credential: CredentialPlan): boolean {
  return credential.type === "apiKey" && (credential.in === "query" || credential.name !== "authorization");
}
