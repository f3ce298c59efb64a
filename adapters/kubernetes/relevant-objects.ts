import { idOfObject, isRecord, type KubeObject, listOf } from "./kube-object.ts";
import { namedReferences } from "./named-references.ts";

/** Objects by kind and then by `namespace/name`. */
export type ObjectsByKind = ReadonlyMap<string, ReadonlyMap<string, KubeObject>>;

export const CONTROLLER_NAME = "spillway.dev/broker";
const GATEWAY_GROUP = "gateway.networking.k8s.io";
const NONE: ReadonlyMap<string, KubeObject> = new Map();

/**
 * What of a whole cluster concerns this broker: its own GatewayClasses and Gateways with their ListenerSets, the routes that name one
 * of them (or something that is nowhere, which is a slip worth telling), and the Services that are named somewhere. Another controller's objects may hold what this
 * release does not read, and must not stop it.
 */
export function relevantObjects(all: ObjectsByKind): ObjectsByKind {
  const of = (kind: string) => all.get(kind) ?? NONE;
  const classes = keep(of("GatewayClass"), (object) => memberOf(object, "controllerName") === CONTROLLER_NAME);
  const gateways = keep(of("Gateway"), (object) => classes.has(String(memberOf(object, "gatewayClassName"))));
  const relevant = new Map(all);
  relevant.set("GatewayClass", classes);
  relevant.set("Gateway", gateways);
  const foreign = keep(of("Gateway"), (object) => !classes.has(String(memberOf(object, "gatewayClassName"))));
  const sets = keep(of("ListenerSet"), (object) => !foreign.has(gatewayOfSet(object)));
  relevant.set("ListenerSet", sets);
  const isForeign = ({ kind, id }: Parent) => (kind === "Gateway" ? foreign.has(id) : of("ListenerSet").has(id) && !sets.has(id));
  relevant.set(
    "HTTPRoute",
    keep(of("HTTPRoute"), (object) => {
      const parents = parentsOf(object);
      // One without any Gateway belongs to a mesh; one without any parent is a slip.
      return parents.length === 0 ? listOf(memberOf(object, "parentRefs")).length === 0 : !parents.every(isForeign);
    }),
  );
  const named = namedReferences([...relevant].flatMap(([kind, objects]) => (kind === "Service" || kind === "Namespace" ? [] : [...objects.values()])));
  // Policies name their targets in targetRefs, with a kind.
  relevant.set(
    "Service",
    keep(of("Service"), (object) => named.Service.has(idOfObject(object))),
  );
  return relevant;
}

/** What a route attaches to. */
export interface Parent {
  readonly kind: "Gateway" | "ListenerSet";
  /** `namespace/name`. */
  readonly id: string;
  /** The reference as it was written. */
  readonly ref: Readonly<Record<string, unknown>>;
}

/** The Gateways and ListenerSets in the route's parentRefs. */
export function parentsOf(route: KubeObject): readonly Parent[] {
  return listOf(memberOf(route, "parentRefs")).flatMap((ref) => {
    if (!isRecord(ref) || (ref["group"] ?? GATEWAY_GROUP) !== GATEWAY_GROUP) return [];
    const { kind = "Gateway" } = ref;
    return kind === "Gateway" || kind === "ListenerSet" ? [{ kind, id: idOfRef(ref, route), ref }] : [];
  });
}

/** `namespace/name` of the Gateway that a ListenerSet adds to. */
export function gatewayOfSet(set: KubeObject): string {
  const ref = memberOf(set, "parentRef");
  return isRecord(ref) ? idOfRef(ref, set) : "";
}

function idOfRef(ref: Readonly<Record<string, unknown>>, from: KubeObject): string {
  return `${String(ref["namespace"] ?? from.metadata.namespace ?? "")}/${String(ref["name"])}`;
}

/** A member of the spec; undefined: there is none. */
export function memberOf(object: KubeObject, member: string): unknown {
  return isRecord(object.spec) ? object.spec[member] : undefined;
}

function keep(objects: ReadonlyMap<string, KubeObject>, isKept: (object: KubeObject) => boolean): ReadonlyMap<string, KubeObject> {
  return new Map([...objects].filter(([, object]) => isKept(object)));
}
