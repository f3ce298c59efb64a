import type { ListenerFacts } from "./conditions.ts";
import { selects } from "./label-selector.ts";
import type { LinkContext } from "./link-context.ts";
import { namespaceOf } from "./manifest.ts";
import type { ManifestOf } from "./manifest-set.ts";
import type { ListenerSpec } from "./standard/gateway.ts";
import { GATEWAY_GROUP } from "./standard/standard-kind.ts";

/** One listener, before its routes are known. */
export interface ListenerPlan {
  readonly name: string;
  readonly port: number;
  readonly hostname: string | null;
  /** `Gateway/namespace/name/listener`. */
  readonly parent: string;
  readonly supportedKinds: ListenerFacts["supportedKinds"];
  /** Whether HTTPRoutes of that namespace may attach. */
  admits(namespace: string): boolean;
}

/** Checks the listeners of a Gateway; only those that can be served come back. The conditions of the others say why. */
export function planListeners(context: LinkContext, gateway: ManifestOf<"Gateway">): readonly ListenerPlan[] {
  const { listeners } = gateway.body.spec;
  const plans: ListenerPlan[] = [];
  for (const listener of listeners) {
    const parent = `Gateway/${gateway.namespace}/${gateway.name}/${listener.name}`;
    const refuse = (type: string, reason: string, message: string, status: "True" | "False" = "False") => {
      context.conditions.write(gateway, parent, { type, status, reason, message });
    };
    const { kinds, unknown } = supportedKinds(listener);
    const plan: ListenerPlan = {
      name: listener.name,
      port: listener.port,
      hostname: listener.hostname?.toLowerCase() ?? null,
      parent,
      supportedKinds: kinds,
      admits: (namespace) => kinds.length > 0 && admitsNamespace(context, gateway, listener, namespace),
    };
    if (unknown.length > 0) refuse("ResolvedRefs", "InvalidRouteKinds", `routes of kind ${unknown.join(", ")} are not served: HTTPRoute`);
    const conflict = conflictOf(listener, listeners);
    const from = listener.allowedRoutes?.namespaces?.from;
    let usable = true;
    if (listener.protocol !== "HTTP") {
      refuse("Accepted", "UnsupportedProtocol", `protocol ${listener.protocol} is not served: HTTP (the platform in front of the broker terminates TLS)`);
      usable = false;
    } else if (from !== undefined && !["Same", "All", "Selector"].includes(from)) {
      refuse("Accepted", "UnsupportedValue", `allowedRoutes.namespaces.from ${from} is not supported: Same, All or Selector`);
      usable = false;
    }
    if (conflict !== null) {
      refuse("Conflicted", conflict, "another listener of this Gateway has the same port, and the same hostname or another protocol", "True");
      usable = false;
    }
    if (usable) plans.push(plan);
    else refuse("Programmed", "Invalid", "the listener is not served");
    for (const type of ["Accepted", "Programmed", "ResolvedRefs"]) context.conditions.approve(gateway, parent, type);
    context.conditions.listener(gateway, parent, { name: listener.name, attachedRoutes: 0, supportedKinds: kinds });
  }
  return plans;
}

/** Listeners of one port must differ in their hostname, and speak one protocol. */
function conflictOf(listener: ListenerSpec, all: readonly ListenerSpec[]): "HostnameConflict" | "ProtocolConflict" | null {
  const others = all.filter((other) => other.name !== listener.name && other.port === listener.port);
  if (others.some((other) => other.protocol !== listener.protocol)) return "ProtocolConflict";
  return others.some((other) => (other.hostname ?? "") === (listener.hostname ?? "")) ? "HostnameConflict" : null;
}

function supportedKinds(listener: ListenerSpec): { readonly kinds: ListenerFacts["supportedKinds"]; readonly unknown: readonly string[] } {
  const httpRoute = { group: GATEWAY_GROUP, kind: "HTTPRoute" };
  const authored = listener.allowedRoutes?.kinds ?? [];
  if (authored.length === 0) return { kinds: [httpRoute], unknown: [] };
  const isHttpRoute = (kind: { readonly group: string; readonly kind: string }) => kind.group === GATEWAY_GROUP && kind.kind === "HTTPRoute";
  return { kinds: authored.some(isHttpRoute) ? [httpRoute] : [], unknown: authored.filter((kind) => !isHttpRoute(kind)).map((kind) => kind.kind) };
}

function admitsNamespace(context: LinkContext, gateway: ManifestOf<"Gateway">, listener: ListenerSpec, namespace: string): boolean {
  const rule = listener.allowedRoutes?.namespaces;
  const from = rule?.from ?? "Same";
  if (from === "All") return true;
  if (from === "Same") return namespace === namespaceOf(gateway);
  // A namespace that is not among the manifests has no known labels, so no selector takes it in; without a selector nothing is taken in either.
  const labels = context.set.Namespace.get(namespace)?.labels;
  if (rule?.selector === undefined || labels === undefined) return false;
  return selects(rule.selector, { "kubernetes.io/metadata.name": namespace, ...labels });
}
