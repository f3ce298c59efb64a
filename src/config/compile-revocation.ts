import { readRevocationLists } from "../lib/revocation-list.ts";
import type { RevocationPlan } from "../model/backend.ts";
import type { SecretReference } from "../model/secret.ts";
import { compileSecret } from "./compile-secret.ts";
import { type LinkContext, type Resolved, resolved, unresolved } from "./link-context.ts";
import { namespaceOf } from "./manifest.ts";
import type { ManifestOf } from "./manifest-set.ts";
import { isPermitted, notPermitted } from "./reference-permission.ts";

type Policy = ManifestOf<"BackendConnectionPolicy">;
type ListRef = NonNullable<NonNullable<Policy["body"]["spec"]["tls"]>["crl"]>["refs"][number];

const DEFAULT_KEY = "ca.crl";

/** The revocation lists that a policy names; null: it names none. Fails closed: one list that cannot be had, and the backend is not used. */
export function compileRevocation(context: LinkContext, policy: Policy): Resolved<RevocationPlan | null> {
  const refs = policy.body.spec.tls?.crl?.refs;
  if (refs === undefined) return resolved(null);
  const texts: string[] = [];
  const sources: SecretReference[] = [];
  for (const ref of refs) {
    if (ref.kind === "ConfigMap") {
      const text = listOf(context, policy, ref);
      if (!text.ok) return text;
      texts.push(text.value.trim());
      continue;
    }
    const secret = compileSecret(context, ref, { group: policy.group, kind: policy.kind, namespace: namespaceOf(policy) });
    if (!secret.ok) return secret;
    sources.push(secret.value);
  }
  return resolved({ pem: texts.join("\n"), sources });
}

/** A list is no secret, so one of a ConfigMap is part of the snapshot; when it ends is judged when it is used, since compiling has no clock. */
function listOf(context: LinkContext, policy: Policy, ref: ListRef): Resolved<string> {
  const to = { group: "", kind: "ConfigMap", namespace: ref.namespace ?? namespaceOf(policy), name: ref.name };
  const from = { group: policy.group, kind: policy.kind, namespace: namespaceOf(policy) };
  if (!isPermitted(context, from, to)) return unresolved("RefNotPermitted", notPermitted(from, to));
  const key = ref.key ?? DEFAULT_KEY;
  const data = context.set.ConfigMap.get(`${to.namespace}/${to.name}`)?.body.data ?? {};
  const text = Object.hasOwn(data, key) ? data[key] : undefined;
  if (text === undefined) return unresolved("InvalidCRLRef", `ConfigMap ${to.namespace}/${to.name} is not among the manifests or has no key ${key}`);
  if (readRevocationLists(text) === null) {
    const advice = "it must hold one or more `-----BEGIN X509 CRL-----` blocks, each with nextUpdate (`openssl crl -inform DER` turns DER into PEM)";
    return unresolved("InvalidCRLRef", `key ${key} of ConfigMap ${to.namespace}/${to.name} is not a certificate revocation list: ${advice}`);
  }
  return resolved(text);
}
