import type { Clock, Random } from "../../src/index.ts";
import type { ApiClient } from "./api-client.ts";
import { isStatus, KubernetesApiError } from "./api-error.ts";
import { pause } from "./backoff.ts";
import { isKubeObject, isRecord, type KubeObject } from "./kube-object.ts";

export interface LeaseOptions {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly name: string;
  /** Of this instance, unlike any other's. */
  readonly identity: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly onChange: (isHeld: boolean) => void;
  /** Told once of each new trouble. */
  readonly onTrouble: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Held by one instance at a time (coordination.k8s.io/v1). */
export interface Lease {
  isHeld(): boolean;
  /** Ends the holding so that another instance need not wait for its end; 2 s at most. Never rejects. */
  release(): Promise<void>;
}

/** As client-go's controllers: an instance that is silent for 15 s loses it, and gives it up itself after 10 s without a renewal. */
const DURATION_SECONDS = 15;
const GIVE_UP_MS = 10_000;
const RENEW_MS = 5_000;
const RELEASE_MS = 2_000;

/** Tries for the lease until the signal aborts. Times of other instances are never compared with this one's clock: a lease counts as over when it has not changed for its duration, as seen from here. */
export function startLease(options: LeaseOptions): Lease {
  const { client, namespace, name, identity, clock, random, onChange, onTrouble, signal } = options;
  const collection = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases`;
  const path = `${collection}/${encodeURIComponent(name)}`;
  const resource = "leases.coordination.k8s.io";
  let renewedAt = Number.NEGATIVE_INFINITY;
  let wasHeld = false;
  let seen: { readonly version: string | undefined; readonly at: number } | null = null;
  let latest: KubeObject | null = null;
  let told = "";
  let isReleased = false;
  let attempting: Promise<void> = Promise.resolve();

  const isHeld = () => clock.monotonic() - renewedAt < GIVE_UP_MS;

  function settle(): void {
    const held = isHeld();
    if (held !== wasHeld) {
      wasHeld = held;
      onChange(held);
    }
  }

  const microTime = () => new Date(clock.now()).toISOString().replace("Z", "000Z");

  function specFor(before: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    const isMine = before["holderIdentity"] === identity;
    const transitions = typeof before["leaseTransitions"] === "number" ? before["leaseTransitions"] : 0;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: DURATION_SECONDS,
      acquireTime: isMine ? before["acquireTime"] : microTime(),
      renewTime: microTime(),
      leaseTransitions: isMine ? transitions : transitions + 1,
    };
  }

  async function read(): Promise<KubeObject | null> {
    try {
      const found = await client.send({ asked: { verb: "get", resource, namespace }, method: "GET", path }, signal);
      return isKubeObject(found) ? found : null;
    } catch (error) {
      if (isStatus(error, 404)) return null;
      throw error;
    }
  }

  async function put(lease: KubeObject, spec: Readonly<Record<string, unknown>>, within: AbortSignal): Promise<void> {
    const body = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: lease.metadata, spec };
    const after = await client.send({ asked: { verb: "update", resource, namespace }, method: "PUT", path, body }, within);
    latest = isKubeObject(after) ? after : null;
  }

  /** Reads it, and takes or renews it where that is due. Somebody faster (409) is no fault. */
  async function attempt(): Promise<void> {
    const begun = clock.monotonic();
    const lease = await read();
    if (lease === null) {
      const body = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name, namespace }, spec: specFor({}) };
      const made = await client.send({ asked: { verb: "create", resource, namespace }, method: "POST", path: collection, body }, signal);
      latest = isKubeObject(made) ? made : null;
      renewedAt = begun;
      return;
    }
    if (seen === null || seen.version !== lease.metadata.resourceVersion) seen = { version: lease.metadata.resourceVersion, at: begun };
    const spec = isRecord(lease.spec) ? lease.spec : {};
    const holder = spec["holderIdentity"];
    const seconds = typeof spec["leaseDurationSeconds"] === "number" ? spec["leaseDurationSeconds"] : DURATION_SECONDS;
    const isFree = holder === undefined || holder === "" || holder === null;
    if (holder !== identity) renewedAt = Number.NEGATIVE_INFINITY;
    if (holder !== identity && !isFree && begun - seen.at < seconds * 1_000) return;
    await put(lease, specFor(spec), signal);
    renewedAt = begun;
  }

  async function run(): Promise<void> {
    while (!signal.aborted && !isReleased) {
      try {
        attempting = attempt();
        await attempting;
        told = "";
      } catch (error) {
        if (signal.aborted) return;
        if (isStatus(error, 409)) renewedAt = Number.NEGATIVE_INFINITY;
        else {
          const message = error instanceof KubernetesApiError ? error.message : "the Lease cannot be read";
          if (message !== told) onTrouble(message);
          told = message;
        }
      }
      settle();
      await pause(clock, isHeld() ? RENEW_MS : RENEW_MS * (0.6 + random() * 0.8), signal);
      settle();
    }
  }

  void run();
  return {
    isHeld,
    async release() {
      // An attempt under way would take it back.
      isReleased = true;
      await Promise.race([attempting.catch(() => undefined), pause(clock, RELEASE_MS, signal)]);
      if (!isHeld() || latest === null) return;
      renewedAt = Number.NEGATIVE_INFINITY;
      const spec = isRecord(latest.spec) ? latest.spec : {};
      // Another instance that has taken it meanwhile keeps it: the version no longer fits.
      await put(latest, { ...spec, holderIdentity: "", leaseDurationSeconds: 1, renewTime: microTime() }, AbortSignal.timeout(RELEASE_MS)).catch(
        () => undefined,
      );
    },
  };
}
