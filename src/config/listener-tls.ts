import type { SecretReference } from "../model/secret.ts";
import type { ListenerTls } from "../model/snapshot.ts";
import { compileServerCertificate } from "./compile-secret.ts";
import { type LinkContext, warn } from "./link-context.ts";
import type { ListenerOwner, ListenerPlan } from "./listener-plan.ts";
import { namespaceOf } from "./manifest.ts";
import type { ListenerSpec } from "./standard/gateway.ts";

/** Writes one condition of the listener. */
export type RefuseListener = (type: "Accepted" | "ResolvedRefs", reason: string, message: string) => void;

/**
 * What an HTTPS listener needs to be served; null: it cannot be, and `refuse` was told why. Where the platform terminates TLS itself it also
 * presents the certificate, and those that the manifest names are only warned of.
 */
export function compileListenerTls(context: LinkContext, owner: ListenerOwner, listener: ListenerSpec, refuse: RefuseListener): ListenerTls | null {
  const { mode = "Terminate", certificateRefs = [], options = {} } = listener.tls ?? {};
  const at = ["spec", "listeners", owner.body.spec.listeners.indexOf(listener), "tls"];
  if (mode !== "Terminate") {
    refuse("Accepted", "UnsupportedValue", `tls.mode ${mode} is not supported for HTTPS: Terminate`);
    return null;
  }
  if (Object.keys(options).length > 0) warn(context, owner, [...at, "options"], "tls.options are other controllers' own: none of them has an effect here");
  if (context.platform.name !== "knative") {
    if (certificateRefs.length > 0) {
      const message = `${context.platform.name} terminates TLS itself: it presents its own certificate, and certificateRefs have no effect`;
      warn(context, owner, [...at, "certificateRefs"], message);
    }
    return { certificates: [] };
  }
  if (context.platform.terminatesTls === false) {
    refuse("Accepted", "PortUnavailable", "the broker was started without a port for TLS: --tls-port, or SPILLWAY_TLS_PORT");
    return null;
  }
  const certificates: SecretReference[] = [];
  for (const ref of certificateRefs) {
    const certificate = compileServerCertificate(context, ref, { group: owner.group, kind: owner.kind, namespace: namespaceOf(owner) });
    if (certificate.ok) certificates.push(certificate.value);
    else refuse("ResolvedRefs", certificate.reason === "RefNotPermitted" ? "RefNotPermitted" : "InvalidCertificateRef", certificate.message);
  }
  if (certificateRefs.length === 0) refuse("ResolvedRefs", "InvalidCertificateRef", "an HTTPS listener needs tls.certificateRefs");
  return certificates.length === 0 ? null : { certificates };
}

/**
 * Tells HTTPS listeners of one port that browsers may take for one another: a connection that was made for the one may then bring calls for the
 * other, and they get 421 (GEP-3567). The condition is never written as False.
 */
export function noteOverlaps(context: LinkContext, plans: readonly ListenerPlan[]): void {
  for (const plan of plans) {
    const others = plans.filter((other) => other !== plan && other.port === plan.port && other.tls !== null);
    if (plan.tls === null || others.length === 0) continue;
    const ids = new Set(plan.tls.certificates.map(({ id }) => id));
    const sharing = others.find(({ tls }) => tls?.certificates.some(({ id }) => ids.has(id)));
    const overlapping = sharing ?? others.find(({ hostname }) => overlap(hostname, plan.hostname));
    if (overlapping === undefined) continue;
    const reason = sharing === undefined ? "OverlappingHostnames" : "OverlappingCertificates";
    const what = sharing === undefined ? "Hostnames of this listener are" : "The certificate of this listener is";
    const message = `${what} also those of listener ${overlapping.name}: calls for the one on a connection to the other get 421`;
    context.conditions.write(plan.owner, plan.parent, {
      type: "OverlappingTLSConfig",
      status: "True",
      reason,
      message: message.replace("is also those", "is also that"),
    });
  }
}

function overlap(one: string | null, other: string | null): boolean {
  if (one === null || other === null || one === other) return true;
  return covers(one, other) || covers(other, one);
}

function covers(wildcard: string, hostname: string): boolean {
  return wildcard.startsWith("*.") && hostname.endsWith(wildcard.slice(1));
}
