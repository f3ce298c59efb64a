import type { Compiled, ObjectConditions } from "../../src/index.ts";
import { gatewaysOfBackends } from "./gateways-of-backends.ts";
import type { FaultyObject } from "./isolate-faults.ts";
import { isRecord, type KubeObject, listOf } from "./kube-object.ts";
import type { Condition, DesiredStatus, ListenerStatus, OwnStatus, StatusEntry, StatusRef } from "./own-status.ts";
import { CONTROLLER_NAME, memberOf, parentsOf } from "./relevant-objects.ts";

export interface StatusInput {
  readonly compiled: Compiled;
  readonly faulty: readonly FaultyObject[];
  /** What serves on where `compiled` was refused as a whole; null: nothing has been good yet. */
  readonly lastGood: Compiled | null;
  /** All objects of a kind, as they stand in the cluster. */
  readonly objects: (kind: string) => ReadonlyMap<string, KubeObject>;
  /** Hostname under which callers reach the broker; null: not known. */
  readonly address: string | null;
}

const GATEWAY_GROUP = "gateway.networking.k8s.io";
const POLICIES = [
  "BackendCredentialPolicy",
  "BackendConnectionPolicy",
  "AIBackendPolicy",
  "RegionPolicy",
  "UsageLimitPolicy",
  "RegionAttestation",
  "XBackendTrafficPolicy",
  "BackendTLSPolicy",
] as const;
const PLAIN = ["GatewayClass", "BrokerConfig", "SecretSource", "BackendGroup"] as const;
const GROUP_OF: Readonly<Record<string, string>> = {
  Gateway: GATEWAY_GROUP,
  HTTPRoute: GATEWAY_GROUP,
  XBackend: "gateway.networking.x-k8s.io",
  BackendGroup: "spillway.dev",
  Service: "",
  Namespace: "",
};

/**
 * The status of every object that this broker speaks for, as Gateway API and GEP-4894 lay it out. Where the set was refused as a whole only
 * the objects at fault are told so: what serves on is the last good state, whose statuses stand.
 */
export function desiredStatuses(input: StatusInput): readonly DesiredStatus[] {
  const isRefused = input.compiled.snapshot === null;
  const { conditions } = isRefused ? (input.lastGood ?? input.compiled) : input.compiled;
  const book = readConditions(conditions);
  const gateways = new Set(conditions.flatMap((one) => (one.kind === "Gateway" && one.parent === null ? [idOf(one)] : [])));
  const told = input.faulty.flatMap((one) => faultyStatus(input, one, gateways, book));
  if (isRefused) return told;
  const faulty = new Map(input.faulty.map((one) => [`${one.kind}/${one.id}`, one]));
  const all = [
    ...PLAIN.flatMap((kind) => plainStatuses(input, kind, book)),
    ...listenerStatuses(input, "Gateway", book),
    ...listenerStatuses(input, "ListenerSet", book),
    ...routeStatuses(input, book),
    ...backendStatuses(input, book, gateways),
    ...POLICIES.flatMap((kind) => policyStatuses(input, kind, book)),
  ].filter(({ kind, id }) => !faulty.has(`${kind}/${id}`));
  return [...all, ...told];
}

/** Conditions by `kind/namespace/name` and then by parent; the object's own under the empty one. */
type Book = ReadonlyMap<string, ReadonlyMap<string, ObjectConditions>>;

function readConditions(conditions: readonly ObjectConditions[]): Book {
  const book = new Map<string, Map<string, ObjectConditions>>();
  for (const one of conditions) {
    const key = `${one.kind}/${idOf(one)}`;
    const byParent = book.get(key) ?? new Map<string, ObjectConditions>();
    book.set(key, byParent);
    byParent.set(one.parent ?? "", one);
  }
  return book;
}

function idOf({ namespace, name }: { readonly namespace: string | null; readonly name: string }): string {
  return namespace === null ? name : `${namespace}/${name}`;
}

function statusOf(kind: string, id: string, object: KubeObject, own: OwnStatus): DesiredStatus {
  return { kind, id, generation: object.metadata.generation ?? null, own };
}

function plainStatuses({ objects }: StatusInput, kind: string, book: Book): readonly DesiredStatus[] {
  return [...objects(kind)].flatMap(([id, object]) => {
    const said = book.get(`${kind}/${id}`)?.get("");
    if (said === undefined || said.conditions.length === 0) return [];
    return [statusOf(kind, id, object, { shape: "conditions", conditions: said.conditions, supportedFeatures: said.supportedFeatures })];
  });
}

function listenerStatuses({ objects, address }: StatusInput, kind: "Gateway" | "ListenerSet", book: Book): readonly DesiredStatus[] {
  return [...objects(kind)].flatMap(([id, object]) => {
    const byParent = book.get(`${kind}/${id}`);
    if (byParent === undefined) return [];
    const listeners = [...byParent.values()].flatMap(({ listener, conditions }): ListenerStatus[] => (listener === null ? [] : [{ ...listener, conditions }]));
    return [
      statusOf(kind, id, object, {
        shape: "gateway",
        conditions: byParent.get("")?.conditions ?? [],
        listeners,
        address: kind === "Gateway" ? address : null,
        attachedListenerSets: byParent.get("")?.attachedListenerSets ?? null,
      }),
    ];
  });
}

function routeStatuses({ objects }: StatusInput, book: Book): readonly DesiredStatus[] {
  return [...objects("HTTPRoute")].flatMap(([id, object]) => {
    const byParent = book.get(`HTTPRoute/${id}`);
    const entries = ownParentRefs(object, book).flatMap(({ ref, key }) => {
      const conditions = byParent?.get(key)?.conditions ?? [];
      return conditions.length === 0 ? [] : [{ ref, conditions }];
    });
    return entryStatus("HTTPRoute", id, object, "parents", entries);
  });
}

/** The route's references to Gateways and ListenerSets of this broker, as they were written, each with the key of its conditions. */
function ownParentRefs(route: KubeObject, book: Book): readonly { readonly ref: StatusRef; readonly key: string }[] {
  return parentsOf(route).flatMap(({ kind, id, ref }) => {
    // The compiler speaks of its own only.
    if (!book.has(`${kind}/${id}`)) return [];
    const section = ref["sectionName"] === undefined ? "" : `/${String(ref["sectionName"])}`;
    const written = Object.entries(ref).filter(([, value]) => typeof value === "string" || typeof value === "number");
    // as: just filtered
    return [{ ref: Object.fromEntries(written) as StatusRef, key: `${kind}/${id}${section}` }];
  });
}

function backendStatuses({ objects }: StatusInput, book: Book, gateways: ReadonlySet<string>): readonly DesiredStatus[] {
  const used = gatewaysOfBackends(objects, gateways);
  return [...objects("XBackend")].flatMap(([id, object]) => {
    const byParent = book.get(`XBackend/${id}`);
    const own = byParent?.get("")?.conditions ?? [];
    // Toward the Gateways through which calls reach it; one that is used elsewhere only is not ours to speak of.
    const entries = [...(used.get(id) ?? [])].flatMap((gateway) => {
      const conditions = overlay(own, byParent?.get(`Gateway/${gateway}`)?.conditions ?? []);
      return conditions.length === 0 ? [] : [{ ref: refOf(`Gateway/${gateway}`), conditions }];
    });
    return entryStatus("XBackend", id, object, "parents", entries);
  });
}

function policyStatuses({ objects }: StatusInput, kind: string, book: Book): readonly DesiredStatus[] {
  return [...objects(kind)].flatMap(([id, object]) => {
    const byParent = book.get(`${kind}/${id}`) ?? new Map<string, ObjectConditions>();
    const own = byParent.get("")?.conditions ?? [];
    const entries = [...byParent].flatMap(([parent, { conditions }]) =>
      parent === "" || conditions.length === 0 ? [] : [{ ref: refOf(parent), conditions: overlay(conditions, own) }],
    );
    return entryStatus(kind, id, object, "ancestors", entries);
  });
}

/** Objects that have nothing of ours and are to have nothing are left alone. */
function entryStatus(kind: string, id: string, object: KubeObject, member: "parents" | "ancestors", entries: readonly StatusEntry[]): readonly DesiredStatus[] {
  const standing = isRecord(object.status) ? listOf(object.status[member]) : [];
  const mine = standing.some((entry) => isRecord(entry) && entry["controllerName"] === CONTROLLER_NAME);
  return entries.length === 0 && !mine ? [] : [statusOf(kind, id, object, { shape: "entries", member, entries })];
}

/** Of two with the same type the second counts. */
function overlay(conditions: readonly Condition[], over: readonly Condition[]): readonly Condition[] {
  return [...conditions.filter((one) => !over.some((other) => other.type === one.type)), ...over];
}

/** `HTTPRoute/team-a/llm/rule`, as the compiler names parents. */
function refOf(parent: string): StatusRef {
  const [kind = "", ...rest] = parent.split("/");
  const [namespace, name, sectionName] = kind === "Namespace" ? [undefined, rest[0]] : rest;
  const ref = { group: GROUP_OF[kind] ?? "", kind, namespace, name, sectionName };
  // as: without the members that are undefined
  return Object.fromEntries(Object.entries(ref).filter(([, value]) => value !== undefined)) as StatusRef;
}

/** An object that cannot be read is not accepted, by whatever it belongs to. */
function faultyStatus(input: StatusInput, { kind, id, message }: FaultyObject, gateways: ReadonlySet<string>, book: Book): readonly DesiredStatus[] {
  const object = input.objects(kind).get(id);
  if (object === undefined) return [];
  const reason = kind === "HTTPRoute" ? "UnsupportedValue" : "Invalid";
  const conditions: readonly Condition[] = [{ type: "Accepted", status: "False", reason, message, observedGeneration: object.metadata.generation ?? 1 }];
  if (kind === "HTTPRoute")
    return entryStatus(
      kind,
      id,
      object,
      "parents",
      ownParentRefs(object, book).map(({ ref }) => ({ ref, conditions })),
    );
  if (kind === "XBackend")
    return entryStatus(
      kind,
      id,
      object,
      "parents",
      [...(gatewaysOfBackends(input.objects, gateways).get(id) ?? [])].map((gateway) => ({ ref: refOf(`Gateway/${gateway}`), conditions })),
    );
  if (POLICIES.some((policy) => policy === kind)) {
    const namespace = object.metadata.namespace ?? "";
    const entries = listOf(memberOf(object, "targetRefs")).flatMap((target) => {
      if (!isRecord(target)) return [];
      const [targetKind, name] = [String(target["kind"]), String(target["name"])];
      // A RegionAttestation speaks of backends elsewhere.
      const where = typeof target["namespace"] === "string" ? target["namespace"] : namespace;
      return [{ ref: refOf(targetKind === "Namespace" ? `Namespace/${name}` : `${targetKind}/${where}/${name}`), conditions }];
    });
    return entryStatus(kind, id, object, "ancestors", entries);
  }
  if (!PLAIN.some((plain) => plain === kind)) return [];
  return [statusOf(kind, id, object, { shape: "conditions", conditions, supportedFeatures: null })];
}
