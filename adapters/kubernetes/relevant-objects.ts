import { idOfObject, isRecord, type KubeObject, listOf } from "./kube-object.ts";
import { namedReferences } from "./named-references.ts";

/** Objects by kind and then by `namespace/name`. */
export type ObjectsByKind = ReadonlyMap<string, ReadonlyMap<string, KubeObject>>;

export const CONTROLLER_NAME = "spillway.dev/broker";
const GATEWAY_GROUP = "gateway.networking.k8s.io";
const NONE: ReadonlyMap<string, KubeObject> = new Map();

/**
 * What of a whole cluster concerns this broker: its own GatewayClasses and Gateways, the routes that name one of them (or a Gateway that is
 * nowhere, which is a slip worth telling), and the Services that are named somewhere. Another controller's objects may hold what this
 * release does not read, and must not stop it.
 */
export function relevantObjects(all: ObjectsByKind): ObjectsByKind {
  const of = (kind: string) => all.get(kind) ?? NONE;
  const classes = keep(of("GatewayClass"), (object) => memberOf(object, "controllerName") === CONTROLLER_NAME);
  const gateways = keep(of("Gateway"), (object) => classes.has(String(memberOf(object, "gatewayClassName"))));
  const relevant = new Map(all);
  relevant.set("GatewayClass", classes);
  relevant.set("Gateway", gateways);
  const concerns = (object: KubeObject) =>
    parentsOf(object).some((id) => gateways.has(id) || !of("Gateway").has(id)) || listOf(memberOf(object, "parentRefs")).length === 0;
  const routes = keep(of("HTTPRoute"), concerns);
  relevant.set("HTTPRoute", routes);
  const named = namedReferences([...relevant].flatMap(([kind, objects]) => (kind === "Service" || kind === "Namespace" ? [] : [...objects.values()])));
  // Policies name their targets in targetRefs, with a kind.
  relevant.set(
    "Service",
    keep(of("Service"), (object) => named.Service.has(idOfObject(object))),
  );
  return relevant;
}

/** `namespace/name` of each Gateway in the route's parentRefs. */
export function parentsOf(route: KubeObject): readonly string[] {
  return listOf(memberOf(route, "parentRefs")).flatMap((ref) => {
    if (!isRecord(ref) || (ref["kind"] ?? "Gateway") !== "Gateway" || (ref["group"] ?? GATEWAY_GROUP) !== GATEWAY_GROUP) return [];
    return [`${String(ref["namespace"] ?? route.metadata.namespace ?? "")}/${String(ref["name"])}`];
  });
}

/** A member of the spec; undefined: there is none. */
export function memberOf(object: KubeObject, member: string): unknown {
  return isRecord(object.spec) ? object.spec[member] : undefined;
}

function keep(objects: ReadonlyMap<string, KubeObject>, isKept: (object: KubeObject) => boolean): ReadonlyMap<string, KubeObject> {
  return new Map([...objects].filter(([, object]) => isKept(object)));
}
