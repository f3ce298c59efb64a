import { isRecord, type KubeObject } from "./kube-object.ts";
import { gatewayOfSet, parentsOf } from "./relevant-objects.ts";

/** As the parser's own limit. */
const MAX_DEPTH = 64;

/** The Gateways (of `gateways`) through which each XBackend can be reached, by `namespace/name`: a backend's status is told toward these. */
export function gatewaysOfBackends(
  objects: (kind: string) => ReadonlyMap<string, KubeObject>,
  gateways: ReadonlySet<string>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const used = new Map<string, Set<string>>();
  for (const route of objects("HTTPRoute").values()) {
    const parents = parentsOf(route)
      .map(({ kind, id }) => (kind === "Gateway" ? id : gatewayOf(objects("ListenerSet").get(id))))
      .filter((id) => gateways.has(id));
    if (parents.length === 0) continue;
    const { XBackend: backends, BackendGroup: groups } = refsOf(route);
    for (const id of groups) {
      const group = objects("BackendGroup").get(id);
      if (group !== undefined) for (const backend of refsOf(group).XBackend) backends.add(backend);
    }
    for (const id of backends) {
      const set = used.get(id) ?? new Set<string>();
      used.set(id, set);
      for (const parent of parents) set.add(parent);
    }
  }
  return used;
}

function gatewayOf(set: KubeObject | undefined): string {
  return set === undefined ? "" : gatewayOfSet(set);
}

/** References to XBackends and BackendGroups anywhere in the spec; both must stand in the object's own namespace (GEP-4894). */
function refsOf(object: KubeObject): { readonly XBackend: Set<string>; readonly BackendGroup: Set<string> } {
  const found = { XBackend: new Set<string>(), BackendGroup: new Set<string>() };
  function look(value: unknown, depth: number): void {
    if (depth > MAX_DEPTH) return;
    if (Array.isArray(value)) {
      for (const one of value) look(one, depth + 1);
      return;
    }
    if (!isRecord(value)) return;
    const { kind, name } = value;
    if ((kind === "XBackend" || kind === "BackendGroup") && typeof name === "string") found[kind].add(`${object.metadata.namespace ?? ""}/${name}`);
    for (const one of Object.values(value)) look(one, depth + 1);
  }
  look(object.spec, 0);
  return found;
}
