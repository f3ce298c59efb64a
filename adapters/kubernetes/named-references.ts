import { isRecord, type KubeObject } from "./kube-object.ts";

/** Objects that manifests name, by kind and then `namespace/name`. */
export interface NamedReferences {
  readonly Secret: ReadonlySet<string>;
  readonly ConfigMap: ReadonlySet<string>;
  readonly Service: ReadonlySet<string>;
}

/** Members whose reference is to a Secret unless it says otherwise (SecretObjectReference, and our own). */
const SECRET_MEMBERS: ReadonlySet<string> = new Set(["secretRef", "signingKeyRef", "clientCertificateRef", "certificateRefs", "kubernetesSecret", "urlRef"]);
/** Members whose reference is to a Service unless it says otherwise (BackendObjectReference). */
const SERVICE_MEMBERS: ReadonlySet<string> = new Set(["backendRef", "backendRefs"]);
/** As the parser's own limit. */
const MAX_DEPTH = 64;

/**
 * All core Secrets, ConfigMaps and Services that the specs name, so that no others are read. Whether the reference is permitted is for the
 * compiler to say: it needs the object's absence or presence only after that.
 */
export function namedReferences(objects: Iterable<KubeObject>): NamedReferences {
  const found = { Secret: new Set<string>(), ConfigMap: new Set<string>(), Service: new Set<string>() };

  function look(value: unknown, member: string, namespace: string, depth: number): void {
    if (depth > MAX_DEPTH) return;
    if (Array.isArray(value)) {
      for (const one of value) look(one, member, namespace, depth + 1);
      return;
    }
    if (!isRecord(value)) return;
    note(value, member, namespace);
    for (const [key, one] of Object.entries(value)) look(one, key, namespace, depth + 1);
  }

  function note(value: Readonly<Record<string, unknown>>, member: string, namespace: string): void {
    const { name, group = "", kind = defaultKind(member) } = value;
    if (typeof name !== "string" || name === "" || group !== "") return;
    if (kind !== "Secret" && kind !== "ConfigMap" && kind !== "Service") return;
    const where = typeof value["namespace"] === "string" ? value["namespace"] : namespace;
    found[kind].add(`${where}/${name}`);
  }

  for (const object of objects) look(object.spec, "spec", object.metadata.namespace ?? "", 0);
  return found;
}

function defaultKind(member: string): string | undefined {
  if (SECRET_MEMBERS.has(member)) return "Secret";
  return SERVICE_MEMBERS.has(member) ? "Service" : undefined;
}
