import type { DegradedPort } from "../model/degradation.ts";
import type { EgressEvent } from "../model/event.ts";
import type { Clock, Random } from "../model/ports.ts";
import type { HealthRule } from "../model/snapshot.ts";

/** What planning reads of health. */
export interface HealthView {
  /** False while the backend is evicted or parked. Changes nothing. */
  available(backendKey: string): boolean;
  /** To be asked for the backend that is called next: after an eviction it is true for one call at a time, the probe, and false for the others. */
  claim(backendKey: string): boolean;
  /** Monotonic milliseconds until which the backend asked to be left alone by `Retry-After`; null: it did not, or the time is over. */
  parkedUntil(backendKey: string): number | null;
}

/** Passive health of the backends, of this instance only: learned from calls, lost with the instance. No operation throws. */
export interface Health extends HealthView {
  /** The backend gave a proper answer. Ends an eviction; a wait that the backend asked for runs its time. */
  succeeded(backendKey: string): void;
  /** `counts`: evicts after `rule.consecutiveFailures` in a row. `ejects`: evicts at once. `retryAfterMs` parks it for at least that long. */
  failed(backendKey: string, rule: HealthRule, kind: "counts" | "ejects", retryAfterMs: number | null): void;
  /** Every backend about which something bad is remembered, for `/-/status`. */
  snapshot(): readonly BackendHealth[];
  /** Forgets all other backends: to be called after a reload. */
  retain(backendKeys: ReadonlySet<string>): void;
}

export interface BackendHealth {
  readonly backend: string;
  /** `probing`: the time is over, and the next call, or one under way, decides. */
  readonly state: "healthy" | "evicted" | "parked" | "probing";
  readonly consecutiveFailures: number;
  /** Milliseconds until it is offered again; 0: now. */
  readonly availableInMs: number;
}

/** For `explain` and `prove`: nothing is known against any backend. */
export const ALWAYS_HEALTHY: HealthView = { available: () => true, claim: () => true, parkedUntil: () => null };

interface Entry {
  consecutive: number;
  lastFailure: number;
  /** Out until then (monotonic milliseconds); null: in. */
  until: number | null;
  cause: "failures" | "ejected" | "retry_after";
  /** A probe is under way; `until` is then when the next one may follow, should it never report. */
  probing: boolean;
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
/** How long a failure stays in a row with the next: health decays, so three failures in a quiet week are not an outage. */
const FAILURE_MEMORY_MS = 60_000;

/** Look-ups are one `Map.get`; a backend that never failed has no entry. `emit` gets backend.degraded and backend.recovered, once a change; `degraded` is told the same. */
export function createHealth(clock: Clock, random: Random, emit: (event: EgressEvent) => void, degraded?: DegradedPort): Health {
  const entries = new Map<string, Entry>();

  function entryOf(key: string): Entry {
    const known = entries.get(key);
    if (known !== undefined) return known;
    if (entries.size >= MAX_BACKENDS) {
      const oldest = entries.keys().next();
      if (!oldest.done) {
        entries.delete(oldest.value);
        degraded?.leave("backend", oldest.value);
      }
    }
    const entry: Entry = {
      consecutive: 0,
      lastFailure: Number.NEGATIVE_INFINITY,
      until: null,
      cause: "failures",
      probing: false,
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
    degraded?.enter("backend", key, cause, { forMs: until - now });
    if (!wasIn) return;
    entry.degradedAt = now;
    const data = { backend: key, cause, consecutiveFailures: entry.consecutive, forMs: Math.round(until - now) };
    emit({ type: "backend.degraded", time: clock.now(), subject: key, data });
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

  function park(key: string, entry: Entry, rule: HealthRule, retryAfterMs: number, now: number): void {
    // Longer by up to a fifth: never earlier than the backend asked. A day of Retry-After is not for the backend to decide: the rule says the longest.
    const until = now + Math.min(retryAfterMs, rule.maxEvictForMs, MAX_PARK_MS) * (1 + JITTER * random());
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
      entry.healedAt = now;
      degraded?.leave("backend", key);
      emit({ type: "backend.recovered", time: clock.now(), subject: key, data: { backend: key, afterMs: Math.round(now - entry.degradedAt) } });
    },

    failed(key, rule, kind, retryAfterMs) {
      const now = clock.monotonic();
      const entry = entryOf(key);
      entry.consecutive = now - entry.lastFailure > FAILURE_MEMORY_MS ? 1 : entry.consecutive + 1;
      entry.lastFailure = now;
      // Calls that were under way when the backend was taken out fail after it: one outage, one eviction.
      const out = entry.until !== null && entry.until > now && !entry.probing;
      if (!out && kind === "ejects") evict(key, entry, rule, "ejected", now);
      else if (!out && (entry.until !== null || entry.consecutive >= rule.consecutiveFailures)) evict(key, entry, rule, "failures", now);
      if (retryAfterMs !== null && retryAfterMs > 0) park(key, entry, rule, retryAfterMs, now);
    },

    available(key) {
      const until = entries.get(key)?.until ?? null;
      return until === null || until <= clock.monotonic();
    },

    claim(key) {
      const entry = entries.get(key);
      if (entry === undefined || entry.until === null) return true;
      const now = clock.monotonic();
      if (entry.until > now) return false;
      entry.probing = true;
      entry.until = now + entry.interval;
      return true;
    },

    parkedUntil(key) {
      const entry = entries.get(key);
      if (entry === undefined || entry.until === null || entry.cause !== "retry_after") return null;
      return entry.until > clock.monotonic() ? entry.until : null;
    },

    snapshot() {
      const now = clock.monotonic();
      return [...entries].map(([backend, entry]) => ({
        backend,
        state: stateOf(entry, now),
        consecutiveFailures: entry.consecutive,
        availableInMs: entry.until === null ? 0 : Math.max(0, Math.ceil(entry.until - now)),
      }));
    },

    retain(keys) {
      for (const key of entries.keys()) {
        if (keys.has(key)) continue;
        entries.delete(key);
        degraded?.leave("backend", key);
      }
    },
  };
}

function stateOf(entry: Entry, now: number): BackendHealth["state"] {
  if (entry.until === null) return "healthy";
  if (entry.probing || entry.until <= now) return "probing";
  return entry.cause === "retry_after" ? "parked" : "evicted";
}
