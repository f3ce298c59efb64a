import type { Clock, EgressEvent, EventSink } from "../../src/index.ts";
import type { ApiClient } from "./api-client.ts";
import { isStatus, KubernetesApiError } from "./api-error.ts";
import { pause } from "./backoff.ts";
import { type KubeEventNote, kubeEventOf } from "./kube-event.ts";
import type { KubeObject } from "./kube-object.ts";
import { isKubeObject } from "./kube-object.ts";

export interface EventRecorderOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  /** Of this instance: its Events are a series of their own. */
  readonly identity: string;
  /** The object as the cluster has it, for its uid; null: not known. */
  readonly find: (kind: string, id: string) => KubeObject | null;
  /** Told once of each new trouble. */
  readonly onTrouble: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Tells of denials and failures as Events of the cluster (events.k8s.io/v1). Best effort: it never throws, waits or grows. */
export interface EventRecorder extends EventSink {
  /** Events that were not told because there were too many. */
  dropped(): number;
}

/** The same of the same object within this time is one series. */
const SERIES_MS = 360_000;
/** A series is counted up in the cluster at most so often. */
const UPDATE_MS = 30_000;
const MAX_SERIES = 512;
/** Writes to the API: a burst, and then one every few seconds. */
const BURST = 25;
const REFILL_MS = 5_000;
const MAX_WAITING = 100;
const REPORTER = "spillway.dev/broker";
const API_VERSION: Readonly<Record<KubeEventNote["kind"], string>> = {
  HTTPRoute: "gateway.networking.k8s.io/v1",
  Gateway: "gateway.networking.k8s.io/v1",
  XBackend: "gateway.networking.x-k8s.io/v1alpha1",
  Service: "v1",
  SecretSource: "spillway.dev/v1alpha1",
  Secret: "v1",
};

interface Series {
  readonly note: KubeEventNote;
  count: number;
  last: number;
  /** Count that the cluster knows of. */
  written: number;
  writtenAt: number;
  isQueued: boolean;
  /** Name of the Event; null: not created yet. */
  name: string | null;
}

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { client, clock, identity, find, onTrouble, signal } = options;
  const series = new Map<string, Series>();
  const waiting: Series[] = [];
  let tokens = BURST;
  let refilledAt = clock.monotonic();
  let isWriting = false;
  let dropped = 0;
  let told = "";

  const microTime = (at: number) => new Date(at).toISOString().replace("Z", "000Z");

  function emit(event: EgressEvent): void {
    const note = kubeEventOf(event);
    if (note === null || signal.aborted) return;
    const now = clock.monotonic();
    const key = JSON.stringify([note.kind, note.namespace, note.name, note.reason, note.action, note.note]);
    const known = series.get(key);
    if (known !== undefined && now - known.last < SERIES_MS) {
      known.count += 1;
      known.last = now;
      queue(known, Math.max(0, known.writtenAt + UPDATE_MS - now));
      return;
    }
    if (known === undefined && series.size >= MAX_SERIES && !forgetOld(now)) {
      dropped += 1;
      return;
    }
    const fresh: Series = { note, count: 1, last: now, written: 0, writtenAt: Number.NEGATIVE_INFINITY, isQueued: false, name: null };
    series.set(key, fresh);
    queue(fresh, 0);
  }

  /** Makes room; false: all are in use. */
  function forgetOld(now: number): boolean {
    for (const [key, one] of series) if (now - one.last >= SERIES_MS) series.delete(key);
    return series.size < MAX_SERIES;
  }

  function queue(one: Series, afterMs: number): void {
    if (one.isQueued) return;
    one.isQueued = true;
    if (afterMs > 0) void pause(clock, afterMs, signal).then(() => enqueue(one));
    else enqueue(one);
  }

  function enqueue(one: Series): void {
    if (waiting.length >= MAX_WAITING) {
      one.isQueued = false;
      dropped += 1;
      return;
    }
    waiting.push(one);
    void writeAll();
  }

  async function writeAll(): Promise<void> {
    if (isWriting) return;
    isWriting = true;
    for (let next = waiting[0]; next !== undefined && !signal.aborted; next = waiting[0]) {
      const wait = spend();
      if (wait > 0) {
        void pause(clock, wait, signal).then(writeAll);
        break;
      }
      waiting.shift();
      next.isQueued = false;
      await write(next).catch((error: unknown) => {
        if (signal.aborted) return;
        const message = error instanceof KubernetesApiError ? error.message : "an Event cannot be written";
        if (message !== told) onTrouble(message);
        told = message;
      });
    }
    isWriting = false;
  }

  /** Takes one write from the budget; else the milliseconds until there is one. */
  function spend(): number {
    const now = clock.monotonic();
    const refill = Math.floor((now - refilledAt) / REFILL_MS);
    if (refill > 0) {
      tokens = Math.min(BURST, tokens + refill);
      refilledAt += refill * REFILL_MS;
    }
    if (tokens === 0) return refilledAt + REFILL_MS - now;
    tokens -= 1;
    return 0;
  }

  async function write(one: Series): Promise<void> {
    const { namespace } = one.note;
    const collection = `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/events`;
    const resource = "events.events.k8s.io";
    const { count } = one;
    one.writtenAt = clock.monotonic();
    if (one.name !== null && count > 1) {
      const body = { series: { count, lastObservedTime: microTime(clock.now()) } };
      const path = `${collection}/${encodeURIComponent(one.name)}`;
      try {
        await client.send({ asked: { verb: "patch", resource, namespace }, method: "PATCH", path, body }, signal);
        one.written = count;
        return;
      } catch (error) {
        // The cluster forgets Events after an hour.
        if (!isStatus(error, 404)) throw error;
      }
    }
    const made = await client.send({ asked: { verb: "create", resource, namespace }, method: "POST", path: collection, body: bodyOf(one) }, signal);
    one.name = isKubeObject(made) ? made.metadata.name : null;
    one.written = count;
    if (one.count > one.written) queue(one, UPDATE_MS);
  }

  function bodyOf({ note, count }: Series): unknown {
    const { kind, namespace, name } = note;
    const object = find(kind, `${namespace}/${name}`);
    const now = microTime(clock.now());
    const regarding = { apiVersion: API_VERSION[kind], kind, namespace, name, ...(object?.metadata.uid === undefined ? {} : { uid: object.metadata.uid }) };
    return {
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata: { name: `${name.slice(0, 200).replace(/[-.]+$/, "")}.${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`, namespace },
      eventTime: now,
      reportingController: REPORTER,
      reportingInstance: identity.slice(0, 128),
      regarding,
      type: note.type,
      reason: note.reason,
      action: note.action,
      note: note.note,
      ...(count > 1 ? { series: { count, lastObservedTime: now } } : {}),
    };
  }

  return { emit, dropped: () => dropped };
}
