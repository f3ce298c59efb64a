import type { Clock, Random } from "../../src/index.ts";
import type { ApiClient } from "./api-client.ts";
import { isStatus, KubernetesApiError } from "./api-error.ts";
import { createBackoff, pause } from "./backoff.ts";
import { idOfObject, isKubeObject, isRecord, type KubeObject, listOf } from "./kube-object.ts";
import { apiVersionOf, type ResourceKind, resourcePath } from "./resource-kinds.ts";

/** What a reflector follows: a kind as a whole, or one object of it. */
export interface Selection {
  readonly kind: ResourceKind;
  /** One object, so that a Role can name it; null: all there are. */
  readonly only: { readonly namespace: string; readonly name: string } | null;
}

export interface ReflectorOptions {
  readonly client: ApiClient;
  readonly selection: Selection;
  readonly clock: Clock;
  readonly random: Random;
  /** Told after the first list, and then of every change: of one object, or (null) of any number. `status`: its manifest stayed as it was. */
  readonly onChange: (id: string | null, what: "manifest" | "status") => void;
  /** Told when the API says no or cannot be reached, once for each new message; null: it works again. */
  readonly onTrouble: (message: string | null, error: KubernetesApiError | null) => void;
  readonly signal: AbortSignal;
}

/** A copy of a part of the cluster that follows it. */
export interface Reflector {
  readonly selection: Selection;
  /** By `namespace/name`. While the API is away these are the last that were known. */
  objects(): ReadonlyMap<string, KubeObject>;
  /** As the objects are served, such as `gateway.networking.k8s.io/v1`. */
  apiVersion(): string;
  /** `pending`: never answered. `denied`: never listed, because the account may not. `absent`: the cluster has no such kind. */
  state(): "pending" | "denied" | "absent" | "listed";
  /** Puts in what the API has just answered to a write, unless the watch has brought something newer. */
  accept(before: KubeObject, after: KubeObject): void;
}

/** The server ends a watch after about this long; half as much again by chance keeps all from ending together. Below the 300 s of silence after which the client gives up. */
const WATCH_SECONDS = 180;
/** The server may be late by this before the connection counts as dead. */
const LATE_MS = 15_000;
/** A watch that ends sooner is a sign of trouble. */
const QUICK_MS = 10_000;
const PAGE = 500;
/** A bound on memory, far above real clusters. */
const MAX_OBJECTS = 50_000;
/** How often a kind that the cluster does not have is looked for again. */
const LOOK_AGAIN_MS = 30_000;
/** A kind that was there is believed gone after this many answers in a row: a server that is starting says so of every custom kind. */
const ABSENCES = 3;

/** Lists and then watches for good: resumes where it broke off, lists anew when that is too long ago. Runs until the signal aborts. */
export function startReflector(options: ReflectorOptions): Reflector {
  const { client, selection, clock, random, onChange, onTrouble, signal } = options;
  const { kind, only } = selection;
  let objects = new Map<string, KubeObject>();
  let state: ReturnType<Reflector["state"]> = "pending";
  let version = kind.versions[0] ?? "v1";
  let resume: string | null = null;
  let absences = 0;
  let told: string | null = null;
  const backoff = createBackoff(clock, random);
  const resource = kind.group === "" ? kind.plural : `${kind.plural}.${kind.group}`;
  const namespace = only?.namespace ?? null;
  const select: Record<string, string> = only === null ? {} : { fieldSelector: `metadata.name=${only.name}` };

  async function listPage(candidate: string, continued: string | null): Promise<Readonly<Record<string, unknown>>> {
    const query = { ...select, limit: String(PAGE), ...(continued === null ? {} : { continue: continued }) };
    const path = resourcePath(kind, candidate, namespace, null);
    const page = await client.send({ asked: { verb: "list", resource, namespace }, method: "GET", path, query }, signal);
    if (!isRecord(page)) throw new KubernetesApiError(`the Kubernetes API gave no list of ${resource}`, 0);
    return page;
  }

  async function listVersion(candidate: string): Promise<void> {
    const found = new Map<string, KubeObject>();
    let continued: string | null = null;
    let at: string | null = null;
    do {
      const page = await listPage(candidate, continued);
      for (const item of listOf(page["items"])) if (isKubeObject(item)) found.set(idOfObject(item), item);
      if (found.size > MAX_OBJECTS) throw new KubernetesApiError(`there are more than ${MAX_OBJECTS} ${resource}: too many to follow`, 0);
      const metadata = isRecord(page["metadata"]) ? page["metadata"] : {};
      continued = typeof metadata["continue"] === "string" && metadata["continue"] !== "" ? metadata["continue"] : null;
      at = typeof metadata["resourceVersion"] === "string" ? metadata["resourceVersion"] : null;
    } while (continued !== null);
    if (at === null) throw new KubernetesApiError(`the list of ${resource} has no resourceVersion to watch from`, 0);
    objects = found;
    version = candidate;
    resume = at;
    absences = 0;
    state = "listed";
    onChange(null, "manifest");
  }

  /** Lists in the first version that the cluster serves; false: it serves none. */
  async function list(): Promise<boolean> {
    for (const candidate of kind.versions) {
      try {
        await listVersion(candidate);
        return true;
      } catch (error) {
        if (!isStatus(error, 404)) throw error;
      }
    }
    return false;
  }

  function apply(line: unknown): void {
    const object = isRecord(line) ? line["object"] : undefined;
    if (!isRecord(line)) return;
    if (line["type"] === "ERROR") {
      const code = isRecord(object) && typeof object["code"] === "number" ? object["code"] : 500;
      throw new KubernetesApiError(`the watch of ${resource} ended with ${code}`, code);
    }
    if (!isKubeObject(object)) {
      // A bookmark may come without a name: only its version counts.
      if (line["type"] === "BOOKMARK" && isRecord(object) && isRecord(object["metadata"])) follow(object["metadata"]["resourceVersion"]);
      return;
    }
    follow(object.metadata.resourceVersion);
    if (line["type"] === "BOOKMARK") return;
    const id = idOfObject(object);
    const before = objects.get(id);
    // What this broker has written itself is known already.
    if (line["type"] === "MODIFIED" && before !== undefined && before.metadata.resourceVersion === object.metadata.resourceVersion) return;
    if (line["type"] === "DELETED") objects.delete(id);
    else if (objects.size < MAX_OBJECTS || objects.has(id)) objects.set(id, object);
    else throw new KubernetesApiError(`there are more than ${MAX_OBJECTS} ${resource}: too many to follow`, 410);
    onChange(id, line["type"] === "MODIFIED" && before !== undefined && isSameManifest(before, object) ? "status" : "manifest");
  }

  function follow(resourceVersion: unknown): void {
    if (typeof resourceVersion === "string" && resourceVersion !== "") resume = resourceVersion;
    backoff.reset();
    tell(null, null);
  }

  async function watch(from: string): Promise<void> {
    const seconds = Math.round(WATCH_SECONDS * (1 + random() / 2));
    const query = { ...select, watch: "true", allowWatchBookmarks: "true", resourceVersion: from, timeoutSeconds: String(seconds) };
    const path = resourcePath(kind, version, namespace, null);
    await client.stream({ asked: { verb: "watch", resource, namespace }, method: "GET", path, query }, apply, seconds * 1_000 + LATE_MS, signal);
  }

  function tell(message: string | null, error: KubernetesApiError | null): void {
    if (message === told) return;
    told = message;
    onTrouble(message, error);
  }

  /** One list, or one watch to its end. */
  async function step(): Promise<void> {
    if (resume !== null) {
      const begun = clock.monotonic();
      await watch(resume);
      // The ordinary end of a watch; a server that ends them at once is not asked in a tight loop.
      if (clock.monotonic() - begun > QUICK_MS) backoff.reset();
      await backoff.wait(signal);
      return;
    }
    if (await list()) {
      tell(null, null);
      return;
    }
    absences += 1;
    if (state !== "listed" || absences >= ABSENCES) {
      const before = objects.size;
      objects = new Map();
      const isNew = state !== "absent";
      state = "absent";
      tell(`the cluster has no ${kind.kind} (${kind.group}): looked for again every ${LOOK_AGAIN_MS / 1_000} s`, null);
      if (isNew || before > 0) onChange(null, "manifest");
    }
    await pause(clock, LOOK_AGAIN_MS * (1 + random() / 5), signal);
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        await step();
      } catch (error) {
        if (signal.aborted) return;
        const fault =
          error instanceof KubernetesApiError ? error : new KubernetesApiError(`${resource}: what the API sent cannot be read`, 0, { cause: error });
        // What came since is compacted away (410), or the kind itself is gone (404): only a list tells where things stand now.
        if (fault.status === 410 || fault.status === 404) resume = null;
        else tell(fault.message, fault);
        if (fault.status === 403 && state === "pending") {
          state = "denied";
          onChange(null, "manifest");
        }
        await backoff.wait(signal, (fault.retryAfter ?? 0) * 1_000);
      }
    }
  }

  void run();
  return {
    selection,
    objects: () => objects,
    apiVersion: () => apiVersionOf(kind, version),
    state: () => state,
    accept(before, after) {
      const id = idOfObject(after);
      if (objects.get(id)?.metadata.resourceVersion === before.metadata.resourceVersion) objects.set(id, after);
    },
  };
}

/** True when only the status, or what no manifest holds, is another. The server counts changes of the spec in `generation`, where the kind has one. */
function isSameManifest({ metadata: left }: KubeObject, { metadata: right }: KubeObject): boolean {
  const marks = ({ labels, annotations }: KubeObject["metadata"]) => JSON.stringify([labels, annotations]);
  return left.generation !== undefined && left.generation === right.generation && left.uid === right.uid && marks(left) === marks(right);
}
