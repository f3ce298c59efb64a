import { type StateStore, StateStoreError } from "../../src/index.ts";
import { checkStateKey, checkStateValue } from "./state-limits.ts";

export interface MemoryStoreOptions {
  /** Milliseconds since the Unix epoch, or from any start: it only has to go on. */
  readonly now: () => number;
  readonly maxEntries?: number;
  /** Of keys and values together, as held in memory. */
  readonly maxBytes?: number;
}

interface Held {
  readonly value: string;
  readonly version: string;
  readonly writtenAt: number;
  readonly endsAt: number;
}

/** What was written within this time is never pushed out: leases are, records of long ago are not among it. Milliseconds. */
const KEPT_MS = 5 * 60_000;
/** A full store looks for what has ended no more often than this. Milliseconds. */
const SWEEP_MS = 1_000;

/**
 * State in this process: for one instance only, and gone when it ends. A second instance sees nothing of it. A full store pushes out what
 * was written longest ago, and refuses a new key with `StateStoreError` when even that was within five minutes.
 */
export function createMemoryStore(options: MemoryStoreOptions): StateStore {
  const { now, maxEntries = 10_000, maxBytes = 64 * 1024 * 1024 } = options;
  /** In the order of writing. */
  const entries = new Map<string, Held>();
  let bytes = 0;
  let sweptAt = Number.NEGATIVE_INFINITY;
  let closed = false;

  function check(key: string, signal: AbortSignal): void {
    if (closed) throw new StateStoreError("the store is closed");
    checkStateKey(key, signal);
  }

  function drop(key: string, held: Held): void {
    entries.delete(key);
    bytes -= sizeOf(key, held.value);
  }

  function latest(key: string): Held | null {
    const held = entries.get(key);
    if (held === undefined) return null;
    if (held.endsAt > now()) return held;
    drop(key, held);
    return null;
  }

  /** Throws when there is no room: forgetting a lease would let two instances do the same work. */
  function makeRoom(size: number): void {
    const full = () => entries.size >= maxEntries || bytes + size > maxBytes;
    const at = now();
    if (full() && at - sweptAt >= SWEEP_MS) {
      sweptAt = at;
      for (const [key, held] of entries) if (held.endsAt <= at) drop(key, held);
    }
    for (const [key, held] of entries) {
      if (!full()) return;
      if (held.endsAt > at && at - held.writtenAt < KEPT_MS) break;
      drop(key, held);
    }
    if (full()) throw new StateStoreError("the memory store is full");
  }

  return {
    shared: false,
    async get(key, signal) {
      check(key, signal);
      const held = latest(key);
      return held === null ? null : { value: held.value, version: held.version };
    },
    async put(key, value, { expected, ttlMs }, signal) {
      check(key, signal);
      checkStateValue(value, ttlMs);
      const held = latest(key);
      if ((held?.version ?? null) !== expected) return null;
      // Taken out first, and put back at the end of the order.
      if (held !== null) drop(key, held);
      try {
        makeRoom(sizeOf(key, value));
      } catch (error) {
        if (held !== null) keep(key, held);
        throw error;
      }
      const version = crypto.randomUUID();
      keep(key, { value, version, writtenAt: now(), endsAt: now() + ttlMs });
      return version;
    },
    async remove(key, expected, signal) {
      check(key, signal);
      const held = latest(key);
      if (held === null || held.version !== expected) return false;
      drop(key, held);
      return true;
    },
    async close() {
      closed = true;
      entries.clear();
    },
  };

  function keep(key: string, held: Held): void {
    entries.set(key, held);
    bytes += sizeOf(key, held.value);
  }
}

/** Two bytes a unit, and what a map's entry takes. */
function sizeOf(key: string, value: string): number {
  return 2 * (key.length + value.length) + 200;
}
