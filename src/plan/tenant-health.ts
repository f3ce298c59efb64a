import type { DegradedPort } from "../model/degradation.ts";
import type { EgressEvent } from "../model/event.ts";
import type { Clock, Random } from "../model/ports.ts";
import { DEFAULT_HEALTH, type HealthRule } from "../model/snapshot.ts";
import { type BackendHealth, type Closed, createHealth, type FailureSigns, type Health, type HealthSubject, type HealthView } from "./health.ts";

/** A turn that only one call has at a time. */
export interface HeldTurn {
  readonly turn: "probe" | "alone";
  /** Gives it back where it has told nothing about the backend: the next call may have it at once. */
  release(): void;
}

/** Passive health of the backends as the calls of each namespace see it. Of this instance only; no operation throws. */
export interface TenantHealth {
  /** What planning reads for calls of this namespace. */
  viewOf(namespace: string): HealthView;
  /** To be asked when a call is about to be sent, as `Health.claim` is. */
  claim(backendKey: string, namespace: string, lastFor: string | null): "free" | HeldTurn | Closed;
  /** The backend gave a proper answer. */
  succeeded(backendKey: string, namespace: string): void;
  /** `whose`: whether the failure tells of the backend whoever calls (no connection, no proof of who it is), or first of all of this namespace's calls. */
  failed(backendKey: string, namespace: string, failure: Failure): void;
  snapshot(): readonly BackendHealth[];
  /** Forgets all other backends: to be called after a reload. */
  retain(backendKeys: ReadonlySet<string>): void;
}

export interface Failure {
  readonly rule: HealthRule;
  readonly kind: "counts" | "ejects";
  readonly signs: FailureSigns;
  readonly whose: "backend" | "caller";
}

/** Namespaces that must have seen a backend fail, each by itself, before it is out for everybody. */
const WITNESSES = 2;

/**
 * A caller can make a good backend fail: by a time limit that nobody could keep to, by a body on which its server stumbles. So what a namespace sees takes the
 * backend out for that namespace, and for all others once a second one has seen the same. What no caller has in its hand counts for all at once: that no
 * connection comes about, and a wait that the backend asks of whoever shows the credential that all share.
 */
export function createTenantHealth(clock: Clock, random: Random, emit: (event: EgressEvent) => void, degraded?: DegradedPort): TenantHealth {
  const shared = createHealth(clock, random, emit, degraded);
  const own = createHealth(clock, random, emit, degraded, readKey);
  /** For whom each backend was taken out. */
  const seenBy = new Map<string, Set<string>>();

  function isWitnessed(backendKey: string, namespace: string): boolean {
    if (own.available(keyOf(backendKey, namespace))) return false;
    const witnesses = seenBy.get(backendKey) ?? new Set();
    seenBy.set(backendKey, witnesses.add(namespace));
    for (const one of witnesses) if (own.available(keyOf(backendKey, one))) witnesses.delete(one);
    return witnesses.size >= WITNESSES;
  }

  return {
    viewOf: (namespace) => ({ available: (key) => shared.available(key) && (own.isEmpty() || own.available(keyOf(key, namespace))) }),

    claim(key, namespace, lastFor) {
      const turn = shared.claim(key, lastFor);
      if (turn !== "free") return held(shared, key, turn);
      if (own.isEmpty()) return "free";
      const ownKey = keyOf(key, namespace);
      return held(own, ownKey, own.claim(ownKey, lastFor));
    },

    succeeded(key, namespace) {
      const wasOut = shared.isOut(key);
      shared.succeeded(key);
      if (own.isEmpty()) return;
      own.succeeded(keyOf(key, namespace));
      if (!wasOut || shared.isOut(key)) return;
      // It is back for those too who were the first to see it fail.
      for (const witness of seenBy.get(key) ?? []) own.succeeded(keyOf(key, witness));
      seenBy.delete(key);
    },

    failed(key, namespace, { rule, kind, signs, whose }) {
      if (whose === "backend") {
        shared.failed(key, bounded(rule), kind, signs);
        return;
      }
      const asksAll = signs.retryAfterMs !== null && signs.waits !== null;
      const noWait = asksAll ? { ...signs, retryAfterMs: null } : signs;
      own.failed(keyOf(key, namespace), rule, kind, noWait);
      // A limit of a caller's own credential says nothing to anybody else, however many callers have reached theirs.
      if (signs.waits === null) return;
      const witnessed = isWitnessed(key, namespace);
      if (witnessed || asksAll || shared.isOut(key)) {
        shared.failed(key, { ...bounded(rule), consecutiveFailures: witnessed ? 1 : Number.POSITIVE_INFINITY }, "counts", signs);
      }
    },

    snapshot: () => [...shared.snapshot(), ...own.snapshot()],

    retain(keys) {
      shared.retain(keys);
      own.retain(keys);
      for (const key of seenBy.keys()) if (!keys.has(key)) seenBy.delete(key);
    },
  };
}

/** The rule is of one tenant's BackendGroup: how long all others go without the backend is not for it to say. */
function bounded(rule: HealthRule): HealthRule {
  const { maxEvictForMs } = DEFAULT_HEALTH;
  return { ...rule, evictForMs: Math.min(rule.evictForMs, maxEvictForMs), maxEvictForMs: Math.min(rule.maxEvictForMs, maxEvictForMs) };
}

function held(health: Health, key: string, turn: ReturnType<Health["claim"]>): "free" | HeldTurn | Closed {
  return turn === "probe" || turn === "alone" ? { turn, release: () => health.release(key, turn) } : turn;
}

/** Neither a backend's key nor a namespace has a line break. */
function keyOf(backend: string, namespace: string): string {
  return `${backend}\n${namespace}`;
}

function readKey(key: string): HealthSubject {
  const at = key.indexOf("\n");
  return { backend: key.slice(0, at), namespace: key.slice(at + 1) };
}
