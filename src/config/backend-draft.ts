import type { CredentialPlan, TlsProfile } from "../model/backend.ts";
import type { Origin } from "../model/http.ts";
import type { TransportFeature } from "../model/ports.ts";
import type { Attestation, RegionFacts } from "../model/region.ts";
import { regionFromHostname } from "../model/region-data.ts";
import { reachOf } from "../transport/locate/reach-of.ts";
import type { BackendPolicies } from "./backend-policies.ts";
import { type ConnectionPlan, compileConnection } from "./compile-connection.ts";
import { compileCredential } from "./compile-credential.ts";
import type { Verdict } from "./conditions.ts";
import type { LinkContext, Unresolved } from "./link-context.ts";
import type { Manifest } from "./manifest.ts";

const REGION_LABEL = "topology.kubernetes.io/region";

/** A reason why a backend cannot be used, and the condition that says so. */
export interface BackendRefusal {
  readonly type: "Accepted" | "ResolvedRefs";
  readonly reason: string;
  readonly message: string;
}

/** Collects everything that is wrong with one backend: the first refusal is shown, and any makes it unusable. */
export interface BackendDraft {
  readonly refusals: BackendRefusal[];
  refuse(reason: string, message: string): void;
  unresolvedRef(failure: Unresolved): void;
  /** Fails closed: what the platform cannot do makes the backend unusable, never the check silent. */
  need(feature: TransportFeature, field: string): void;
}

export function createBackendDraft(context: LinkContext): BackendDraft {
  const refusals: BackendRefusal[] = [];
  const refuse = (reason: string, message: string) => {
    refusals.push({ type: "Accepted", reason, message });
  };
  return {
    refusals,
    refuse,
    unresolvedRef: ({ reason, message }) => {
      refusals.push({ type: "ResolvedRefs", reason, message });
    },
    need(feature, field) {
      if (!context.platform.features.has(feature)) refuse("UnsupportedValue", `${field} needs ${feature}, which ${context.platform.name} does not have`);
    },
  };
}

/** The credential for a backend; its policy gets its own conditions too. `hostname`: of an outside service, else null. Null: no policy. */
export function draftCredential(
  context: LinkContext,
  draft: BackendDraft,
  policies: BackendPolicies,
  key: string,
  hostname: string | null,
): CredentialPlan | null {
  const policy = policies.credential.get(key);
  if (policy === undefined) return null;
  const credential = compileCredential({ context, policy, tokenBackend: policies.tokenBackend }, hostname);
  if (credential.ok) {
    context.conditions.approve(policy, key, "ResolvedRefs");
    return credential.value;
  }
  // What can never be is not accepted; what is missing, or not permitted, may come.
  const isRef = !NOT_A_REFERENCE.has(credential.reason);
  context.conditions.write(policy, key, { type: isRef ? "ResolvedRefs" : "Accepted", status: "False", reason: credential.reason, message: credential.message });
  const message = `BackendCredentialPolicy ${policy.name}: ${credential.message}`;
  if (isRef) draft.unresolvedRef({ ...credential, message });
  else draft.refuse(credential.reason, message);
  return null;
}

const NOT_A_REFERENCE: ReadonlySet<string> = new Set(["Invalid", "RegionMismatch", "UnsupportedOnPlatform"]);

export function draftConnection(context: LinkContext, draft: BackendDraft, policies: BackendPolicies, key: string): ConnectionPlan {
  const policy = policies.connection.get(key);
  const plan = compileConnection(context, policy);
  const { unresolved } = plan;
  if (policy !== undefined && unresolved !== null) {
    context.conditions.write(policy, key, { type: "ResolvedRefs", status: "False", reason: unresolved.reason, message: unresolved.message });
    draft.unresolvedRef({ ...unresolved, message: `BackendConnectionPolicy ${policy.name}: ${unresolved.message}` });
  } else if (policy !== undefined) context.conditions.approve(policy, key, "ResolvedRefs");
  const missing = plan.needs.filter(({ feature }) => !context.platform.features.has(feature));
  if (policy !== undefined && missing.length > 0) {
    // All of them at once: who mends one must not find the next.
    const message = `${missing.map(({ feature, field }) => `${field} needs ${feature}`).join(", ")}, which ${context.platform.name} does not have`;
    draft.refuse("UnsupportedValue", `BackendConnectionPolicy ${policy.name}: ${message}`);
    context.conditions.write(policy, key, { type: "Accepted", status: "False", reason: "UnsupportedValue", message });
  }
  return plan;
}

/** Fails closed: who asks for a key or a revocation list and gets no TLS at all would have nothing of what was asked. */
export function refuseUnencrypted(draft: BackendDraft, { tls }: ConnectionPlan): void {
  if (tls.pins.length > 0 || tls.crl !== null) draft.refuse("Invalid", "a BackendConnectionPolicy asks for tls.pins or tls.crl, and this backend is plaintext");
}

/** What is known of where the backend processes: its label and its hostname must not disagree. */
export function draftRegion(
  draft: BackendDraft,
  manifest: Manifest,
  connection: { readonly origin: Origin; readonly tls: TlsProfile | null },
  attestations: readonly Attestation[],
): RegionFacts {
  const { hostname } = connection.origin;
  const label = Object.hasOwn(manifest.labels, REGION_LABEL) ? manifest.labels[REGION_LABEL] : undefined;
  const declared = label === undefined || label === "" ? null : label;
  const fromHost = regionFromHostname(hostname);
  if (declared !== null && fromHost !== null && declared !== fromHost) {
    draft.refuse("RegionMismatch", `the label ${REGION_LABEL} says ${declared}, the hostname ${hostname} says ${fromHost}`);
  }
  return { declared, fromHost, attestations, reach: reachOf({ ...connection, declared, attestations }) };
}

/** Writes the conditions of a backend: the first refusal of each type, else `True`. */
export function concludeBackend(context: LinkContext, manifest: Manifest, draft: BackendDraft): void {
  for (const { type, reason, message } of draft.refusals) context.conditions.write(manifest, null, { type, status: "False", reason, message });
  const [first] = draft.refusals;
  if (first !== undefined) {
    context.conditions.write(manifest, null, { type: "Programmed", status: "False", reason: "Invalid", message: first.message });
  }
  for (const type of ["Accepted", "ResolvedRefs", "Programmed"]) context.conditions.approve(manifest, null, type);
  context.conditions.write(manifest, null, degradation(first !== undefined, context.conditions.isBad(manifest, null, "ResolvedRefs")));
}

/** Degraded is what serves with less than was written; what does not serve at all is told by the other conditions. */
function degradation(isRefused: boolean, isPartlyResolved: boolean): Verdict {
  if (isRefused) return { type: "Degraded", status: "False", reason: "NotProgrammed", message: "" };
  return isPartlyResolved
    ? { type: "Degraded", status: "True", reason: "PartiallyResolved", message: "some references cannot be resolved, and the backend is used without them" }
    : { type: "Degraded", status: "False", reason: "AsWritten", message: "" };
}
