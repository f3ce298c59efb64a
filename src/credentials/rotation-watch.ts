import { asArray, asObject, parseJson } from "../lib/json-value.ts";
import type { Clock, StateStore } from "../model/ports.ts";
import { type RotationNotice, readRotationNotice } from "../model/rotation.ts";

/** Tells instances of rotations that another one has heard of, by one small record in the store that they share. */
export interface RotationWatch {
  /** True when `state` would not say `fresh`. */
  stale(now: number): boolean;
  /**
   * `overdue`: nobody has looked for so long that a value held may have been rotated away: `look` before it is used. `due`: time to look behind a
   * call, so that the next ones need not wait; said once, and then not again while that look may be under way.
   */
  state(now: number): "fresh" | "due" | "overdue";
  /** Reads the record and drops what it names. Never rejects: while the store is away the secrets' own refresh still holds. */
  look(signal: AbortSignal): Promise<void>;
  /** Adds to the record. Rejects with `StateStoreError`. */
  mark(notice: RotationNotice, signal: AbortSignal): Promise<void>;
}

export interface RotationWatchOptions {
  readonly store: StateStore;
  readonly clock: Clock;
  /** Drops this one, or (null) all that is held. */
  readonly drop: (notice: RotationNotice | null) => void;
  readonly withinMs?: number;
}

/** An old value is used for at most this long after another instance was told. */
export const ROTATION_BOUND_MS = 5_000;
const LOOK_TIMEOUT_MS = 1_000;
const KEY = "secrets/rotations";
const KEPT = 64;
/** Longer than any secret is held without a question to its store. */
const RECORD_MS = 24 * 3_600_000;
const MAX_TRIES = 8;

interface Entry {
  readonly sequence: number;
  readonly notice: RotationNotice;
}

export function createRotationWatch(options: RotationWatchOptions): RotationWatch {
  const { store, clock, drop, withinMs = ROTATION_BOUND_MS } = options;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let askedAt = Number.NEGATIVE_INFINITY;
  /** When the last look began that brought no answer. */
  let failedAt = Number.NEGATIVE_INFINITY;
  /** When the look began that was acted on last: one that began before it may bring an older record, later. */
  let actedOn = Number.NEGATIVE_INFINITY;
  /** Sequence of the last notice that was acted on; null: never looked. */
  let seen: number | null = null;

  /** A store that is down must not add its time limit to every call: after a failure the next calls go on, and look behind them, once a second. */
  function isOverdue(now: number): boolean {
    return now >= Math.max(lookedAt, failedAt) + withinMs;
  }

  function stale(now: number): boolean {
    return isOverdue(now) || (now >= lookedAt + withinMs / 2 && now >= askedAt + LOOK_TIMEOUT_MS);
  }

  return {
    stale,
    state(now) {
      if (!stale(now)) return "fresh";
      if (isOverdue(now)) return "overdue";
      askedAt = now;
      return "due";
    },
    async look(signal) {
      const began = clock.monotonic();
      askedAt = Math.max(askedAt, began);
      const controller = new AbortController();
      const stop = () => controller.abort();
      const cancel = clock.after(LOOK_TIMEOUT_MS, stop);
      signal.addEventListener("abort", stop);
      try {
        const entries = entriesOf((await store.get(KEY, controller.signal))?.value ?? null);
        lookedAt = Math.max(lookedAt, began);
        if (began < actedOn) return;
        actedOn = began;
        const last = entries.at(-1)?.sequence ?? 0;
        const since = seen;
        seen = last;
        // Before the first look something may be held already: it was read without a look.
        if (since === null || last < since || (entries[0]?.sequence ?? 0) > since + 1) drop(null);
        else for (const { sequence, notice } of entries) if (sequence > since) drop(notice);
      } catch {
        failedAt = Math.max(failedAt, began);
      } finally {
        cancel();
        signal.removeEventListener("abort", stop);
      }
    },
    async mark(notice, signal) {
      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        const current = await store.get(KEY, signal);
        const entries = entriesOf(current?.value ?? null);
        const last = entries.at(-1)?.sequence ?? 0;
        const next = [...entries, { sequence: last + 1, notice }].slice(-KEPT);
        const version = await store.put(KEY, JSON.stringify(next), { expected: current?.version ?? null, ttlMs: RECORD_MS }, signal);
        if (version === null) continue;
        // This instance has dropped it already; what others wrote before is still to be seen.
        if (seen === last) seen = last + 1;
        return;
      }
      throw new Error("the record of rotations is written to by too many at once");
    },
  };
}

function entriesOf(text: string | null): readonly Entry[] {
  return asArray(text === null ? null : parseJson(text)).flatMap((one) => {
    const object = asObject(one);
    const notice = readRotationNotice(object?.["notice"]);
    return notice === null ? [] : [{ sequence: Number(object?.["sequence"]) || 0, notice }];
  });
}
