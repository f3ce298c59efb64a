import type { DegradedPort } from "../model/degradation.ts";
import type { EgressEvent } from "../model/event.ts";
import type { Clock, Random } from "../model/ports.ts";
import type { HealthRule } from "../model/snapshot.ts";

/** What planning reads of health. */
export interface HealthView {
  /** False while the backend is evicted or parked. Changes nothing. */
  available(backendKey: string): boolean;
}

/** Why a backend is not called now: its caller gets this status, and may come back after `retryAfterMs`. */
export interface Closed {
  readonly status: 429 | 503 | 504;
  readonly retryAfterMs: number;
}

/** `free`: nothing speaks against it. `probe`: this call, and no other meanwhile, finds out whether the backend has come back. `alone`: the one call that waits for a backend that hangs, while there is nobody else. */
export type Turn = "free" | "probe" | "alone" | Closed;

/** What a failure says beside its kind. */
export interface FailureSigns {
  /** At least so long the backend wants to be left alone; null: it does not say. */
  readonly retryAfterMs: number | null;
  /** What is not to be asked for meanwhile: a model or an address, since providers limit each by itself, or `EVERYTHING`; null: the wait is one caller's, who came with a credential of its own. */
  readonly waits: string | null;
  /** What whoever has to wait is told. */
  readonly status: 429 | 503;
  /** The failure was a silence, so that the next call would wait as long. */
  readonly slow: boolean;
}

/** Whoever calls the backend has to wait, whatever for. */
export const EVERYTHING = "";

/** A failure that says nothing more. */
export const NO_SIGNS: FailureSigns = { retryAfterMs: null, waits: EVERYTHING, status: 503, slow: false };

/** Passive health of the backends, of this instance only: learned from calls, lost with the instance. No operation throws. */
export interface Health extends HealthView {
  /** To be asked when a call is about to be sent. `lastFor`: what it asks for, where nobody else is left, so that it goes even to a backend that is out, unless that is of no use; null: others are left. */
  claim(backendKey: string, lastFor: string | null): Turn;
  /** Gives back a `probe` or an `alone` that has told nothing about the backend: the next call may have it at once. */
  release(backendKey: string, turn: "probe" | "alone"): void;
  /** The backend gave a proper answer. Ends an eviction; a wait that the backend asked for runs its time. */
  succeeded(backendKey: string): void;
  /** `counts`: evicts after `rule.consecutiveFailures` in a row. `ejects`: evicts at once. A `Retry-After` parks it. */
  failed(backendKey: string, rule: HealthRule, kind: "counts" | "ejects", signs?: FailureSigns): void;
  /** True from the moment a backend is taken out until a call has shown that it is back. */
  isOut(backendKey: string): boolean;
  /** Nothing bad is remembered of any backend. */
  isEmpty(): boolean;
  /** Every backend about which something bad is remembered, for `/-/status`. */
  snapshot(): readonly BackendHealth[];
  /** Forgets all other backends: to be called after a reload. */
  retain(backendKeys: ReadonlySet<string>): void;
}

export interface BackendHealth {
  readonly backend: string;
  /** Whose calls alone it is out for; null: everybody's. */
  readonly namespace: string | null;
  /** `probing`: the time is over, and the next call, or one under way, decides. */
  readonly state: "healthy" | "evicted" | "parked" | "probing";
  readonly consecutiveFailures: number;
  /** Milliseconds until it is offered again; 0: now. */
  readonly availableInMs: number;
}

/** For `explain` and `prove`: nothing is known against any backend. */
export const ALWAYS_HEALTHY: HealthView = { available: () => true };

interface Entry {
  consecutive: number;
  lastFailure: number;
  /** Out until then (monotonic milliseconds); null: in. */
  until: number | null;
  cause: "failures" | "ejected" | "retry_after";
  /** A probe is under way; `until` is then when the next one may follow, should it never report. */
  probing: boolean;
  /** What asked to be left alone, and until when: whatever else keeps the backend out. */
  readonly parked: Map<string, { readonly until: number; readonly status: 429 | 503 }>;
  /** Its last failure was a silence. */
  slow: boolean;
  /** While nobody else is left one call at a time waits for it: until then that one does. */
  aloneUntil: number;
  /** How often the eviction time has doubled. */
  doublings: number;
  /** Length of the last eviction in milliseconds. */
  interval: number;
  degradedAt: number;
  healedAt: number;
}

/** Keys come from manifests, and `retain` clears what a reload drops; this bound is for what nobody thought of. */
const MAX_BACKENDS = 4_096;
const MAX_PARK_MS = 600_000;
const JITTER = 0.2;
/** Waits of one backend that are told apart; beyond, one counts for everything. */
const MAX_WAITS = 64;
/** How long a call that waits alone keeps the others out, should it never report. */
const ALONE_MS = 30_000;
/** When whoever did not wait may come back. */
const ALONE_RETRY_MS = 5_000;
/** How long a failure stays in a row with the next: health decays, so three failures in a quiet week are not an outage. */
const FAILURE_MEMORY_MS = 60_000;

/** What a key of health stands for: a backend, for everybody or for the calls of one namespace. */
export interface HealthSubject {
  readonly backend: string;
  readonly namespace: string | null;
}

const everybody = (backend: string): HealthSubject => ({ backend, namespace: null });

/** Look-ups are one `Map.get`; a backend that never failed has no entry. `emit` gets backend.degraded and backend.recovered, once a change; `degraded` is told the same. */
export function createHealth(
  clock: Clock,
  random: Random,
  emit: (event: EgressEvent) => void,
  degraded?: DegradedPort,
  subjectOf: (key: string) => HealthSubject = everybody,
): Health {
  const entries = new Map<string, Entry>();

  function nameOf(key: string): string {
    const { backend, namespace } = subjectOf(key);
    return namespace === null ? backend : `${backend} for ${namespace}`;
  }

  function tell(type: "backend.degraded" | "backend.recovered", key: string, more: EgressEvent["data"]): void {
    const { backend, namespace } = subjectOf(key);
    emit({ type, time: clock.now(), subject: backend, data: { backend, ...(namespace === null ? {} : { namespace }), ...more } });
  }

  function entryOf(key: string): Entry {
    const known = entries.get(key);
    if (known !== undefined) return known;
    if (entries.size >= MAX_BACKENDS) {
      const oldest = entries.keys().next();
      if (!oldest.done) {
        entries.delete(oldest.value);
        degraded?.leave("backend", nameOf(oldest.value));
      }
    }
    const entry: Entry = {
      consecutive: 0,
      lastFailure: Number.NEGATIVE_INFINITY,
      until: null,
      cause: "failures",
      probing: false,
      parked: new Map(),
      slow: false,
      aloneUntil: Number.NEGATIVE_INFINITY,
      doublings: 0,
      interval: 0,
      degradedAt: 0,
      healedAt: Number.NEGATIVE_INFINITY,
    };
    entries.set(key, entry);
    return entry;
  }

  function takeOut(key: string, entry: Entry, until: number, cause: Entry["cause"], now: number): void {
    const wasIn = entry.until === null;
    entry.until = until;
    entry.cause = cause;
    entry.probing = false;
    degraded?.enter("backend", nameOf(key), cause, { forMs: until - now });
    if (!wasIn) return;
    entry.degradedAt = now;
    tell("backend.degraded", key, { cause, consecutiveFailures: entry.consecutive, forMs: Math.round(until - now) });
  }

  function evict(key: string, entry: Entry, rule: HealthRule, cause: "failures" | "ejected", now: number): void {
    // A backend that stayed well for longer than it was out begins anew; one that fails its probe, or soon after, stays out twice as long.
    const relapse = entry.interval > 0 && entry.cause !== "retry_after" && (entry.until !== null || now - entry.healedAt < entry.interval);
    entry.doublings = relapse ? entry.doublings + 1 : 0;
    const full = Math.min(rule.evictForMs * 2 ** Math.min(entry.doublings, 30), rule.maxEvictForMs);
    // Shorter by up to a fifth, so that instances do not probe in step and the maximum stays one.
    entry.interval = full * (1 - JITTER * random());
    takeOut(key, entry, now + entry.interval, cause, now);
  }

  function park(key: string, entry: Entry, rule: HealthRule, retryAfterMs: number, { waits, status }: FailureSigns, now: number): void {
    // Longer by up to a fifth: never earlier than the backend asked. A day of Retry-After is not for the backend to decide: the rule says the longest.
    const until = now + Math.min(retryAfterMs, rule.maxEvictForMs * 2, MAX_PARK_MS) * (1 + JITTER * random());
    if (waits !== null) {
      const name = entry.parked.has(waits) || entry.parked.size < MAX_WAITS ? waits : EVERYTHING;
      if ((entry.parked.get(name)?.until ?? 0) < until) entry.parked.set(name, { until, status });
    }
    if (entry.until !== null && entry.until >= until) return;
    entry.interval = Math.max(entry.interval, until - now);
    takeOut(key, entry, until, "retry_after", now);
  }

  return {
    succeeded(key) {
      const entry = entries.get(key);
      if (entry === undefined) return;
      entry.consecutive = 0;
      if (entry.until === null) return;
      const now = clock.monotonic();
      // Another call's success does not say that the limit is lifted.
      if (entry.cause === "retry_after" && !entry.probing && entry.until > now) return;
      entry.until = null;
      entry.probing = false;
      entry.slow = false;
      entry.aloneUntil = Number.NEGATIVE_INFINITY;
      entry.parked.clear();
      entry.healedAt = now;
      degraded?.leave("backend", nameOf(key));
      tell("backend.recovered", key, { afterMs: Math.round(now - entry.degradedAt) });
    },

    failed(key, rule, kind, signs = NO_SIGNS) {
      const now = clock.monotonic();
      const entry = entryOf(key);
      const { retryAfterMs } = signs;
      entry.slow = signs.slow;
      entry.consecutive = now - entry.lastFailure > FAILURE_MEMORY_MS ? 1 : entry.consecutive + 1;
      entry.lastFailure = now;
      // Calls that were under way when the backend was taken out fail after it: one outage, one eviction.
      const out = entry.until !== null && entry.until > now && !entry.probing;
      if (!out && kind === "ejects") evict(key, entry, rule, "ejected", now);
      else if (!out && (entry.until !== null || entry.consecutive >= rule.consecutiveFailures)) evict(key, entry, rule, "failures", now);
      if (retryAfterMs !== null && retryAfterMs > 0) park(key, entry, rule, retryAfterMs, signs, now);
    },

    available(key) {
      const until = entries.get(key)?.until ?? null;
      return until === null || until <= clock.monotonic();
    },

    claim(key, lastFor) {
      const entry = entries.get(key);
      if (entry === undefined || entry.until === null) return "free";
      const now = clock.monotonic();
      if (entry.until <= now) {
        entry.probing = true;
        entry.until = now + entry.interval;
        return "probe";
      }
      const left = entry.until - now;
      if (lastFor === null) return { status: 503, retryAfterMs: left };
      const wait = waitFor(entry, lastFor, now);
      if (wait !== null) return wait;
      if (!entry.slow) return "free";
      if (now < entry.aloneUntil) return { status: 504, retryAfterMs: Math.min(left, ALONE_RETRY_MS) };
      entry.aloneUntil = now + ALONE_MS;
      return "alone";
    },

    release(key, turn) {
      const entry = entries.get(key);
      if (entry === undefined) return;
      if (turn === "alone") entry.aloneUntil = Number.NEGATIVE_INFINITY;
      if (turn !== "probe" || !entry.probing) return;
      entry.probing = false;
      entry.until = clock.monotonic();
    },

    isOut: (key) => (entries.get(key)?.until ?? null) !== null,

    isEmpty: () => entries.size === 0,

    snapshot() {
      const now = clock.monotonic();
      return [...entries].map(([key, entry]) => ({
        ...subjectOf(key),
        state: stateOf(entry, now),
        consecutiveFailures: entry.consecutive,
        availableInMs: entry.until === null ? 0 : Math.max(0, Math.ceil(entry.until - now)),
      }));
    },

    retain(keys) {
      for (const key of entries.keys()) {
        if (keys.has(subjectOf(key).backend)) continue;
        entries.delete(key);
        degraded?.leave("backend", nameOf(key));
      }
    },
  };
}

function stateOf(entry: Entry, now: number): BackendHealth["state"] {
  if (entry.until === null) return "healthy";
  if (entry.probing || entry.until <= now) return "probing";
  return entry.cause === "retry_after" ? "parked" : "evicted";
}

/** A wait that the backend asked for and that is for this call too; null: there is none. */
function waitFor({ parked }: Entry, subject: string, now: number): Closed | null {
  const own = parked.get(subject);
  const all = parked.get(EVERYTHING);
  const wait = (all?.until ?? 0) > (own?.until ?? 0) ? all : own;
  return wait === undefined || wait.until <= now ? null : { status: wait.status, retryAfterMs: wait.until - now };
}
