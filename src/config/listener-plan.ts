import type { ListenerTls } from "../model/snapshot.ts";
import type { ListenerFacts } from "./conditions.ts";
import type { LinkContext } from "./link-context.ts";
import { compileListenerTls } from "./listener-tls.ts";
import { idOf, namespaceOf } from "./manifest.ts";
import type { ManifestOf } from "./manifest-set.ts";
import { takesNamespace } from "./namespace-rule.ts";
import type { ListenerSpec } from "./standard/gateway.ts";
import { GATEWAY_GROUP } from "./standard/standard-kind.ts";

/** Whose listeners they are. */
export type ListenerOwner = ManifestOf<"Gateway"> | ManifestOf<"ListenerSet">;

/** One listener, before its routes are known. */
export interface ListenerPlan {
  readonly owner: ListenerOwner;
  readonly name: string;
  readonly port: number;
  readonly hostname: string | null;
  /** Null: plain HTTP. */
  readonly tls: ListenerTls | null;
  /** `Gateway/namespace/name/listener`, or `ListenerSet/…`. */
  readonly parent: string;
  readonly supportedKinds: ListenerFacts["supportedKinds"];
  /** Whether HTTPRoutes of that namespace may attach. */
  admits(namespace: string): boolean;
}

/**
 * Checks the listeners of a Gateway or ListenerSet; only those that can be served come back. The conditions of the others say why.
 * `earlier` are those that have precedence: of two that cannot stand side by side, the earlier one stays.
 */
export function planListeners(context: LinkContext, owner: ListenerOwner, earlier: readonly ListenerSpec[]): readonly ListenerPlan[] {
  const { listeners } = owner.body.spec;
  const plans: ListenerPlan[] = [];
  for (const listener of listeners) {
    const parent = `${owner.kind}/${idOf(owner)}/${listener.name}`;
    const refuse = (type: string, reason: string, message: string, status: "True" | "False" = "False") => {
      context.conditions.write(owner, parent, { type, status, reason, message });
    };
    const { kinds, unknown } = supportedKinds(listener);
    const plan: ListenerPlan = {
      owner,
      name: listener.name,
      port: listener.port,
      hostname: listener.hostname?.toLowerCase() ?? null,
      tls: listener.protocol === "HTTPS" ? compileListenerTls(context, owner, listener, refuse) : null,
      parent,
      supportedKinds: kinds,
      admits: (namespace) => kinds.length > 0 && takesNamespace(context, listener.allowedRoutes?.namespaces ?? { from: "Same" }, namespaceOf(owner), namespace),
    };
    if (unknown.length > 0) refuse("ResolvedRefs", "InvalidRouteKinds", `routes of kind ${unknown.join(", ")} are not served: HTTPRoute`);
    const conflict = conflictOf(listener, [...earlier, ...listeners.filter((other) => other !== listener)]);
    const from = listener.allowedRoutes?.namespaces?.from;
    let usable = true;
    if (listener.protocol !== "HTTP" && listener.protocol !== "HTTPS") {
      refuse("Accepted", "UnsupportedProtocol", `protocol ${listener.protocol} is not served: HTTP or HTTPS`);
      usable = false;
    } else if (listener.protocol === "HTTP" && listener.tls !== undefined) {
      // It reads like encryption, and would be none.
      refuse("Accepted", "UnsupportedProtocol", "tls goes with protocol HTTPS: with HTTP nothing would be encrypted");
      usable = false;
    } else if (listener.protocol === "HTTPS" && plan.tls === null) {
      usable = false;
    } else if (from !== undefined && !["Same", "All", "Selector"].includes(from)) {
      refuse("Accepted", "UnsupportedValue", `allowedRoutes.namespaces.from ${from} is not supported: Same, All or Selector`);
      usable = false;
    }
    if (conflict !== null) {
      refuse("Conflicted", conflict, "another listener of the Gateway has the same port, and the same hostname or another protocol", "True");
      usable = false;
    }
    if (usable) plans.push(plan);
    else refuse("Programmed", "Invalid", "the listener is not served");
    for (const type of ["Accepted", "Programmed", "ResolvedRefs"]) context.conditions.approve(owner, parent, type);
    if (conflict === null) refuse("Conflicted", "NoConflicts", "");
    context.conditions.listener(owner, parent, { name: listener.name, attachedRoutes: 0, supportedKinds: kinds });
  }
  return plans;
}

/** Listeners of one port must differ in their hostname, and speak one protocol. */
function conflictOf(listener: ListenerSpec, all: readonly ListenerSpec[]): "HostnameConflict" | "ProtocolConflict" | null {
  const others = all.filter((other) => other.port === listener.port);
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
