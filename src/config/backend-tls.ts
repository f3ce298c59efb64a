import type { TlsProfile } from "../model/backend.ts";
import type { BackendDraft } from "./backend-draft.ts";
import { compileServerTls, type TlsDemands } from "./compile-tls.ts";
import type { LinkContext } from "./link-context.ts";
import { byAge, idOf, namespaceOf } from "./manifest.ts";
import type { ManifestOf } from "./manifest-set.ts";

type Policy = ManifestOf<"BackendTLSPolicy">;

/** The BackendTLSPolicy that counts, by `Service/namespace/name` or, for one port, `Service/namespace/name/port`. */
export type BackendTlsPolicies = ReadonlyMap<string, Policy>;

/** Of two for the very same target the older counts, then the first by name; one for a port goes before one for the Service. */
export function attachBackendTls(context: LinkContext): BackendTlsPolicies {
  const winners = new Map<string, Policy>();
  for (const policy of [...context.set.BackendTLSPolicy.values()].sort(byAge)) {
    for (const { group, kind, name, sectionName } of policy.body.spec.targetRefs) {
      const key = `${kind}/${namespaceOf(policy)}/${name}${sectionName === undefined ? "" : `/${sectionName}`}`;
      const service = group === "" && kind === "Service" ? context.set.Service.get(`${namespaceOf(policy)}/${name}`) : undefined;
      const hasPort = sectionName === undefined || (service?.body.spec.ports ?? []).some((port) => port.name === sectionName);
      const winner = winners.get(key);
      const refuse = (reason: string, message: string) => context.conditions.write(policy, key, { type: "Accepted", status: "False", reason, message });
      if (kind === "XBackend") refuse("Invalid", "an XBackend says itself how TLS is spoken to it (GEP-4894): write spec.tls there");
      else if (service === undefined || !hasPort) refuse("TargetNotFound", `${key} is not among the manifests`);
      else if (winner !== undefined && winner !== policy)
        refuse("Conflicted", `BackendTLSPolicy ${idOf(winner)} is older or first by name and counts for ${key}`);
      else winners.set(key, policy);
    }
  }
  return winners;
}

/**
 * TLS toward one port of a Service; null: no policy asks for it, and it is plaintext. A policy that cannot be carried out makes the port
 * unusable: what was meant to be encrypted never goes out in the clear.
 */
export function draftBackendTls(
  context: LinkContext,
  draft: BackendDraft,
  policies: BackendTlsPolicies,
  service: string,
  portName: string | undefined,
  demands: TlsDemands,
): TlsProfile | null {
  const own = portName === undefined ? undefined : policies.get(`${service}/${portName}`);
  const policy = own ?? policies.get(service);
  if (policy === undefined) return null;
  const parent = own === undefined ? service : `${service}/${portName ?? ""}`;
  const before = draft.refusals.length;
  const profile = compileServerTls(context, draft, { manifest: policy, parent, field: "spec" }, policy.body.spec.validation, demands);
  for (const { type, reason, message } of draft.refusals.slice(before)) context.conditions.write(policy, parent, { type, status: "False", reason, message });
  for (const type of ["Accepted", "ResolvedRefs"]) context.conditions.approve(policy, parent, type);
  return profile;
}
