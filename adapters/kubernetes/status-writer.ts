import type { Clock, Random } from "../../src/index.ts";
import type { ApiClient } from "./api-client.ts";
import { isStatus, KubernetesApiError } from "./api-error.ts";
import { createBackoff, pause } from "./backoff.ts";
import type { ClusterView } from "./cluster-view.ts";
import { isKubeObject, type KubeObject } from "./kube-object.ts";
import { canonical, mergeStatus } from "./merge-status.ts";
import type { DesiredStatus } from "./own-status.ts";
import { resourcePath } from "./resource-kinds.ts";

export interface StatusWriterOptions {
  readonly client: ApiClient;
  readonly view: ClusterView;
  readonly clock: Clock;
  readonly random: Random;
  /** Only one instance writes; asked before each write. */
  readonly isLeader: () => boolean;
  /** Told once of each new trouble. */
  readonly onTrouble: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Keeps the statuses in the cluster as they should be. */
export interface StatusWriter {
  /** From now on these are right. */
  want(statuses: readonly DesiredStatus[]): void;
  /** Looks again: this instance has become the leader, or somebody has changed a status. */
  look(): void;
}

/** Writes at once: enough for thousands of objects at the first start, little enough for the API server. */
const AT_ONCE = 4;
/** Statuses that are compared without letting anything else happen. */
const AT_A_STRETCH = 25;
const CONFLICTS = 5;

export function createStatusWriter(options: StatusWriterOptions): StatusWriter {
  const { client, view, clock, random, isLeader, onTrouble, signal } = options;
  const backoff = createBackoff(clock, random);
  const told = new Set<string>();
  /** What an API server would not keep whole, because its definitions are older: not written again and again. */
  const kept = new Map<string, string>();
  let wanted: readonly DesiredStatus[] = [];
  let isRunning = false;
  let isDue = false;

  function tell(message: string): void {
    // A message names verb and resource, so that there are only a few.
    if (told.has(message) || told.size > 100) return;
    told.add(message);
    onTrouble(message);
  }

  /** One write; what is already right is not written. Rejects when the API says no. */
  async function write(desired: DesiredStatus): Promise<void> {
    const reflector = view.reflector(desired.kind);
    const key = `${desired.kind}/${desired.id}`;
    if (kept.size > 0 && kept.get(key) === canonical(desired.own)) return;
    let object = reflector?.objects().get(desired.id) ?? null;
    for (let attempt = 0; reflector !== null && object !== null && attempt < CONFLICTS; attempt += 1) {
      // Another spec: it is being compiled, and its status follows.
      if (!isLeader() || signal.aborted || (object.metadata.generation ?? null) !== desired.generation) return;
      const now = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, "Z");
      const status = mergeStatus(object.status, desired.own, now);
      if (status === null) return;
      const before: KubeObject = object;
      const { kind } = reflector.selection;
      const { namespace = null, name, resourceVersion } = before.metadata;
      const version = reflector.apiVersion().split("/").at(-1) ?? "v1";
      const path = resourcePath(kind, version, namespace, name);
      const resource = kind.group === "" ? kind.plural : `${kind.plural}.${kind.group}`;
      try {
        const after = await client.send(
          {
            asked: { verb: "patch", resource: `${resource}/status`, namespace },
            method: "PATCH",
            path: `${path}/status`,
            // With the version, so that a status that somebody has written meanwhile is not overwritten unseen.
            body: { metadata: { resourceVersion }, status },
          },
          signal,
        );
        if (!isKubeObject(after)) return;
        reflector.accept(before, after);
        if (mergeStatus(after.status, desired.own, now) !== null) kept.set(key, canonical(desired.own));
        return;
      } catch (error) {
        if (isStatus(error, 404)) return;
        if (!isStatus(error, 409)) throw error;
        const fresh = await client.send({ asked: { verb: "get", resource, namespace }, method: "GET", path }, signal);
        object = isKubeObject(fresh) ? fresh : null;
      }
    }
  }

  /** True when all went well. */
  async function pass(): Promise<boolean> {
    const queue = [...wanted];
    let isGood = true;
    async function work(): Promise<void> {
      let looked = 0;
      for (let next = queue.shift(); next !== undefined && isLeader() && !signal.aborted; next = queue.shift()) {
        // Calls come in between.
        if (++looked % AT_A_STRETCH === 0) await pause(clock, 0, signal);
        try {
          await write(next);
        } catch (error) {
          isGood = false;
          if (!signal.aborted) tell(error instanceof KubernetesApiError ? error.message : `the status of ${next.kind} ${next.id} cannot be written`);
        }
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return isGood;
  }

  async function run(): Promise<void> {
    if (isRunning) return;
    isRunning = true;
    while (isDue && isLeader() && !signal.aborted) {
      isDue = false;
      if (await pass()) backoff.reset();
      else {
        isDue = true;
        await backoff.wait(signal);
      }
    }
    isRunning = false;
  }

  function look(): void {
    isDue = true;
    void run();
  }

  return {
    want(statuses) {
      wanted = statuses;
      kept.clear();
      look();
    },
    look,
  };
}
