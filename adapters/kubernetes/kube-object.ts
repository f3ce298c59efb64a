/** An object of the cluster as the API gives it: only what is read here is named. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: KubeMetadata;
  readonly spec?: unknown;
  readonly status?: unknown;
  readonly [member: string]: unknown;
}

export interface KubeMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string | null;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What kubectl keeps of the last `apply`: a second copy of the whole object, a Secret's values too. */
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/** `namespace/name`, or the name alone for kinds without namespace. */
export function idOfObject(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** Where faults of the object point to: `kubernetes:HTTPRoute/team-a/llm`. */
export function pathOf(kind: string, id: string): string {
  return `kubernetes:${kind}/${id}`;
}

/** The kind and `namespace/name` behind a path of `pathOf`; null: it is not one. */
export function readPath(path: string): { readonly kind: string; readonly id: string } | null {
  const found = /^kubernetes:([^/]+)\/(.+)$/.exec(path);
  return found === null ? null : { kind: found[1] ?? "", id: found[2] ?? "" };
}

/**
 * The manifest in the object, one line a top-level field, so that a fault's excerpt is short. What the server and other controllers write
 * is left out: a new status or resourceVersion must not look like a new configuration.
 */
export function manifestText(object: KubeObject, apiVersion: string, kind: string): string {
  const { status: _status, metadata, apiVersion: _version, kind: _kind, ...rest } = object;
  const { name, namespace, labels, creationTimestamp, generation } = metadata;
  const annotations = Object.fromEntries(Object.entries(metadata.annotations ?? {}).filter(([key]) => key !== LAST_APPLIED));
  const kept = { name, namespace, labels, annotations, creationTimestamp, generation };
  const fields = Object.entries({ apiVersion, kind, metadata: kept, ...rest }).map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  return `{\n${fields.join(",\n")}\n}\n`;
}

export function isKubeObject(value: unknown): value is KubeObject {
  if (!isRecord(value) || !isRecord(value["metadata"])) return false;
  const { name, namespace } = value["metadata"];
  return typeof name === "string" && name !== "" && (namespace === undefined || typeof namespace === "string");
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
