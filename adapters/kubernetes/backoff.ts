import type { Clock, Random } from "../../src/index.ts";

export interface Backoff {
  /** Waits: 250 ms at first, doubled each time up to 30 s, half of it by chance; at least as long as the server asked for. Resolves early when the signal aborts. */
  wait(signal: AbortSignal, atLeastMs?: number): Promise<void>;
  /** The next wait is a short one again. */
  reset(): void;
}

const FIRST_MS = 250;
const LONGEST_MS = 30_000;

export function createBackoff(clock: Clock, random: Random): Backoff {
  let failures = 0;
  return {
    wait(signal, atLeastMs = 0) {
      const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 10));
      failures += 1;
      // By chance, so that all instances do not come back to a server in trouble at once.
      return pause(clock, Math.max(atLeastMs, full * (0.5 + random() / 2)), signal);
    },
    reset() {
      failures = 0;
    },
  };
}

/** Resolves after `ms`, or when the signal aborts. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal.addEventListener("abort", done, { once: true });
  });
}
