/** What an API server keeps: objects with versions, and the log that watches are fed from. */
export interface StoredObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    generation?: number;
    creationTimestamp?: string;
    [member: string]: unknown;
  };
  spec?: unknown;
  status?: unknown;
  [member: string]: unknown;
}

export interface LogEntry {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly resource: string;
  readonly version: number;
  readonly object: StoredObject;
}

export interface ObjectStore {
  version(): number;
  get(resource: string, id: string): StoredObject | null;
  list(resource: string): readonly StoredObject[];
  /** Creates or replaces: a new uid or the same, a new resourceVersion, a new generation when the spec changed. */
  write(resource: string, object: StoredObject): StoredObject;
  /** Writes as the status subresource does: nothing else changes. */
  writeStatus(resource: string, object: StoredObject): StoredObject;
  remove(resource: string, id: string): void;
  /** What happened after that version; null: that is compacted away (410). */
  since(version: number): readonly LogEntry[] | null;
  /** Forgets the log so far. */
  compact(): void;
  subscribe(listener: (entry: LogEntry) => void): () => void;
}

export const idOf = ({ metadata }: StoredObject): string => (metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`);

export function createObjectStore(): ObjectStore {
  const resources = new Map<string, Map<string, StoredObject>>();
  const listeners = new Set<(entry: LogEntry) => void>();
  let log: LogEntry[] = [];
  let version = 1_000;
  let compacted = 0;
  let uids = 0;

  function record(type: LogEntry["type"], resource: string, object: StoredObject): StoredObject {
    const entry: LogEntry = { type, resource, version, object: structuredClone(object) };
    log.push(entry);
    for (const listener of listeners) listener(entry);
    return structuredClone(object);
  }

  function put(resource: string, object: StoredObject, before: StoredObject | undefined, generation: number): StoredObject {
    version += 1;
    const uid = before?.metadata.uid ?? `uid-${++uids}`;
    const creationTimestamp = before?.metadata.creationTimestamp ?? object.metadata.creationTimestamp ?? "2026-11-01T00:00:00Z";
    const stored: StoredObject = {
      ...structuredClone(object),
      metadata: {
        ...structuredClone(object.metadata),
        uid,
        creationTimestamp,
        generation,
        resourceVersion: String(version),
        managedFields: [{ manager: "test" }],
      },
    };
    const objects = resources.get(resource) ?? new Map<string, StoredObject>();
    resources.set(resource, objects);
    objects.set(idOf(stored), stored);
    return record(before === undefined ? "ADDED" : "MODIFIED", resource, stored);
  }

  return {
    version: () => version,
    get: (resource, id) => structuredClone(resources.get(resource)?.get(id) ?? null),
    list: (resource) => [...(resources.get(resource)?.values() ?? [])].map((object) => structuredClone(object)),
    write(resource, object) {
      const before = resources.get(resource)?.get(idOf(object));
      const isNew = before === undefined || JSON.stringify(before.spec) !== JSON.stringify(object.spec);
      const status = before?.status === undefined ? {} : { status: before.status };
      return put(resource, { ...object, ...status }, before, (before?.metadata.generation ?? 0) + (isNew ? 1 : 0));
    },
    writeStatus(resource, object) {
      const before = resources.get(resource)?.get(idOf(object));
      if (before === undefined) throw new Error("no such object");
      return put(resource, { ...before, status: object.status }, before, before.metadata.generation ?? 1);
    },
    remove(resource, id) {
      const object = resources.get(resource)?.get(id);
      if (object === undefined) return;
      resources.get(resource)?.delete(id);
      version += 1;
      record("DELETED", resource, { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } });
    },
    since: (from) => (from < compacted ? null : log.filter((entry) => entry.version > from)),
    compact() {
      compacted = version;
      log = [];
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** RFC 7396. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const merged: Record<string, unknown> = typeof target === "object" && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}
