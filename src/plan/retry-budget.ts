import type { Clock } from "../model/ports.ts";

/** Keeps the broker from becoming the load that holds a backend down: bounds repeated tries to the same backend. No operation throws. */
export interface RetryBudget {
  /** Counts one attempt; `again` when it repeats an attempt of the same call to the same backend. */
  charge(backendKey: string, again: boolean): void;
  /** True while one more repeat stays within a fifth of the attempts of the last ten seconds, or within three. */
  allow(backendKey: string): boolean;
}

const SLOTS = 10;
const SLOT_MS = 1_000;
const SHARE = 0.2;
const MINIMUM = 3;
/** Backends that are remembered; beyond, the one seen first is forgotten, which only frees its budget. */
const MAX_BACKENDS = 4_096;

/** Ten one-second slots, `[attempts, repeats]` each, written round and round. */
interface Window {
  readonly counts: Uint32Array;
  /** Number of the second that was written last. */
  second: number;
}

/** A sliding window a backend, on the monotonic clock; memory is at most 4,096 windows of 80 bytes. */
export function createRetryBudget(clock: Clock): RetryBudget {
  const windows = new Map<string, Window>();

  function current(key: string): Window | null {
    const window = windows.get(key);
    if (window === undefined) return null;
    const second = Math.floor(clock.monotonic() / SLOT_MS);
    const passed = Math.min(second - window.second, SLOTS);
    for (let step = 1; step <= passed; step += 1) {
      const slot = ((window.second + step) % SLOTS) * 2;
      window.counts.fill(0, slot, slot + 2);
    }
    window.second = second;
    return window;
  }

  function opened(key: string): Window {
    const known = current(key);
    if (known !== null) return known;
    if (windows.size >= MAX_BACKENDS) {
      const oldest = windows.keys().next();
      if (!oldest.done) windows.delete(oldest.value);
    }
    const window: Window = { counts: new Uint32Array(SLOTS * 2), second: Math.floor(clock.monotonic() / SLOT_MS) };
    windows.set(key, window);
    return window;
  }

  return {
    charge(key, again) {
      const window = opened(key);
      const slot = (window.second % SLOTS) * 2 + (again ? 1 : 0);
      window.counts[slot] = (window.counts[slot] ?? 0) + 1;
    },
    allow(key) {
      const window = current(key);
      if (window === null) return true;
      let first = 0;
      let repeats = 0;
      for (let slot = 0; slot < window.counts.length; slot += 2) {
        first += window.counts[slot] ?? 0;
        repeats += window.counts[slot + 1] ?? 0;
      }
      return repeats + 1 <= Math.max(MINIMUM, SHARE * first);
    },
  };
}
