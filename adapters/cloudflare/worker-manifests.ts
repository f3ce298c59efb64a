import { type Broker, type DegradedPort, type Platform, readBundle, type Snapshot } from "../../src/index.ts";
import { formatFaults, formatRefused } from "../config/report.ts";
import { readBounded } from "../transport/read-bounded.ts";

/** A KV namespace, as far as it is used here. */
export interface BundleNamespace {
  getWithMetadata(key: string, type: "stream"): Promise<{ readonly value: ReadableStream<Uint8Array> | null; readonly metadata: unknown }>;
}

export interface WorkerManifestsOptions {
  readonly broker: Pick<Broker, "load" | "notices" | "ready">;
  /** Told while the namespace cannot be read; left out: nobody is. */
  readonly degraded?: DegradedPort;
  readonly platform: Platform;
  /** The bundle that was built into the Worker. */
  readonly builtIn: string;
  /** Holds a newer bundle under the key `bundle`; null: there is none. */
  readonly namespace: BundleNamespace | null;
  readonly now: () => number;
  /** What else is worth a line when manifests are served from then on. */
  readonly remarks: (snapshot: Snapshot) => readonly string[];
  /** Tells the operator what is wrong. */
  readonly complain: (text: string) => void;
}

/** The compiled manifests that a Worker serves. */
export interface WorkerManifests {
  /** To be awaited while the broker is not ready: a first call may find that it has to fetch the bundle. Never rejects. */
  prepare(): Promise<void>;
  /** True when it is time to look for a newer bundle: then call `look` behind the answer. Says so once a period. */
  due(): boolean;
  /** Looks for a newer bundle and serves it from then on. A bad one changes nothing, and is told of. Never rejects. */
  look(): Promise<void>;
  /** An event says that there is a newer one: looks at once, and more often for a while. Rejects where the namespace cannot be read. */
  reload(): Promise<void>;
}

const KEY = "bundle";
/** How often an isolate looks, while calls come. Cloudflare keeps what it read for up to a minute more. Milliseconds. */
const PERIOD_MS = 30_000;
/** After an event has told of a newer one: Cloudflare's own cache may still hide it for a minute. Milliseconds. */
const EAGER_PERIOD_MS = 5_000;
const EAGER_FOR_MS = 120_000;
/** After a namespace that failed, when nothing serves yet. */
const RETRY_MS = 1_000;
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Without a namespace the built-in bundle serves. With one its bundle serves, and the built-in one only where the namespace has none: a
 * namespace that cannot be read, or holds what cannot be read, leaves a new isolate not ready, for the older bundle may allow what the newer forbids.
 */
export function createWorkerManifests(options: WorkerManifestsOptions): WorkerManifests {
  const { broker, platform, namespace, now, complain } = options;
  /** What the bundle said of itself that was looked at last, good or bad. */
  let seen: string | null = null;
  let lookedAt: number | null = null;
  let eagerUntil = Number.NEGATIVE_INFINITY;
  /** When a look ended with nothing to serve. */
  let failedAt: number | null = null;

  function load(text: string, path: string): void {
    const compiled = readBundle(text, platform, path);
    broker.load(compiled);
    const told = [formatFaults(compiled.faults, { color: false }), formatRefused(compiled.conditions, { color: false })];
    for (const one of told) if (one !== "") complain(one);
    for (const notice of broker.notices()) complain(`a region lock refuses calls: ${notice}`);
    if (compiled.snapshot !== null) for (const remark of options.remarks(compiled.snapshot)) complain(remark);
  }

  async function lookInto(source: BundleNamespace): Promise<void> {
    const { value, metadata } = await source.getWithMetadata(KEY, "stream");
    if (value === null) {
      if (broker.ready() || seen !== null) return;
      complain(`SPILLWAY_MANIFESTS has no key ${KEY}: the bundle of the deployment serves`);
      load(options.builtIn, "manifests.bundle");
      return;
    }
    const written = revisionOf(metadata);
    if (written !== null && written === seen) return value.cancel();
    const bytes = await readBounded(new Response(value), MAX_BYTES);
    if (bytes === null) throw new Error(`the bundle is larger than ${MAX_BYTES} bytes`);
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    // Without a revision its own head tells, which holds the digest of the manifests.
    const revision = written ?? text.slice(0, 1_000);
    // Another call of this isolate may have been faster.
    if (revision === seen) return;
    seen = revision;
    load(text, `SPILLWAY_MANIFESTS/${KEY}`);
  }

  async function look(): Promise<void> {
    const first = lookedAt === null;
    lookedAt = now();
    if (namespace === null) {
      if (first) load(options.builtIn, "manifests.bundle");
      return;
    }
    try {
      await lookInto(namespace);
      options.degraded?.leave("config_source", "SPILLWAY_MANIFESTS");
    } catch (error) {
      options.degraded?.enter("config_source", "SPILLWAY_MANIFESTS", "unreachable");
      complain(`SPILLWAY_MANIFESTS could not be read: ${error instanceof Error ? error.message : "unknown"}`);
    }
    failedAt = broker.ready() ? null : now();
  }

  return {
    look,
    reload: async () => {
      lookedAt = now();
      eagerUntil = lookedAt + EAGER_FOR_MS;
      if (namespace !== null) await lookInto(namespace);
    },
    prepare: async () => {
      // Of first calls that come together each looks for itself: on Workers none may wait for what another began.
      if (failedAt === null || now() - failedAt >= RETRY_MS) await look();
    },
    due: () => {
      if (namespace === null || lookedAt === null) return false;
      const at = now();
      if (at - lookedAt < (at < eagerUntil ? EAGER_PERIOD_MS : PERIOD_MS)) return false;
      lookedAt = at;
      return true;
    },
  };
}

function revisionOf(metadata: unknown): string | null {
  if (typeof metadata !== "object" || metadata === null || !("revision" in metadata)) return null;
  const { revision } = metadata;
  return (typeof revision === "string" && revision !== "") || typeof revision === "number" ? `${revision}` : null;
}

/** The binding `SPILLWAY_MANIFESTS`; null: there is none. Throws on what is no KV namespace: manifests that somebody means to be served must not be passed over. */
export function bundleNamespace(binding: unknown): BundleNamespace | null {
  if (binding === undefined) return null;
  const found = typeof binding === "object" && binding !== null && "getWithMetadata" in binding && typeof binding.getWithMetadata === "function";
  if (!found) throw new Error("SPILLWAY_MANIFESTS must be the binding of a KV namespace; manifests as text are compiled when the Worker is deployed");
  return binding as BundleNamespace; // as: the one method that is called was looked at
}
