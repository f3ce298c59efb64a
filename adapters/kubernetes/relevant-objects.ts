import { idOfObject, isRecord, type KubeObject, listOf } from "./kube-object.ts";
import { namedReferences } from "./named-references.ts";

/** Objects by kind and then by `namespace/name`. */
export type ObjectsByKind = ReadonlyMap<string, ReadonlyMap<string, KubeObject>>;

export const CONTROLLER_NAME = "spillway.dev/broker";
const GATEWAY_GROUP = "gateway.networking.k8s.io";
/** Policies that any controller may carry out: those on Services that no route of ours leads to are somebody else's. */
const SHARED_POLICIES = ["BackendTLSPolicy", "XBackendTrafficPolicy"] as const;
/** A grant names objects without using them. */
const NOT_REFERRING: ReadonlySet<string> = new Set(["Service", "Namespace", "ReferenceGrant"]);
const NONE: ReadonlyMap<string, KubeObject> = new Map();

/**
 * What of a whole cluster concerns this broker: its own GatewayClasses and Gateways with their ListenerSets, the routes that name one of them
 * (or something that is nowhere, which is a slip worth telling), and the Services that are named, with the policies on them. Another
 * controller's objects may hold what this release does not read, and must not stop it.
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
  addNamedForeigners(relevant, foreign, of("GatewayClass"));
  const services = namedReferences(referrersIn(relevant, SHARED_POLICIES)).Service;
  relevant.set(
    "Service",
    keep(of("Service"), (object) => services.has(idOfObject(object))),
  );
  for (const kind of SHARED_POLICIES) {
    const concerns = (object: KubeObject) => [...namedReferences([object]).Service].some((id) => services.has(id)) || namesXBackend(object);
    relevant.set(kind, keep(of(kind), concerns));
  }
  return relevant;
}

/** The objects whose references count. */
export function referrersIn(objects: ObjectsByKind, but: readonly string[] = []): readonly KubeObject[] {
  return [...objects].flatMap(([kind, ofKind]) => (NOT_REFERRING.has(kind) || but.includes(kind) ? [] : [...ofKind.values()]));
}

/** A route may name another controller's Gateway beside one of ours: that it is there, and whose it is, is all that counts of it. */
function addNamedForeigners(
  relevant: Map<string, ReadonlyMap<string, KubeObject>>,
  foreign: ReadonlyMap<string, KubeObject>,
  allClasses: ReadonlyMap<string, KubeObject>,
): void {
  const named = new Set([...(relevant.get("HTTPRoute") ?? NONE).values()].flatMap((route) => parentsOf(route).map(({ id }) => id)));
  const gateways = new Map(relevant.get("Gateway"));
  const classes = new Map(relevant.get("GatewayClass"));
  for (const [id, { metadata, spec }] of foreign) {
    if (!named.has(id)) continue;
    const className = String(isRecord(spec) ? spec["gatewayClassName"] : "");
    const gatewayClass = allClasses.get(className);
    // Of no class at all: it is nobody's.
    if (gatewayClass === undefined) continue;
    const { name, namespace } = metadata;
    const listeners = [{ name: "elsewhere", port: 1, protocol: "HTTP" }];
    gateways.set(id, { metadata: { name, ...(namespace === undefined ? {} : { namespace }) }, spec: { gatewayClassName: className, listeners } });
    classes.set(className, { metadata: { name: className }, spec: { controllerName: memberOf(gatewayClass, "controllerName") } });
  }
  relevant.set("Gateway", gateways);
  relevant.set("GatewayClass", classes);
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

function namesXBackend(policy: KubeObject): boolean {
  return listOf(memberOf(policy, "targetRefs")).some((target) => isRecord(target) && target["kind"] === "XBackend");
}

function keep(objects: ReadonlyMap<string, KubeObject>, isKept: (object: KubeObject) => boolean): ReadonlyMap<string, KubeObject> {
  return new Map([...objects].filter(([, object]) => isKept(object)));
}
