import type { Clock } from "../../src/index.ts";

/** Real time that runs `factor` times as fast: timers among real sockets, without the waiting. */
export function createFastClock(factor: number): Clock {
  const start = Date.now();
  const begun = performance.now();
  const passed = () => (performance.now() - begun) * factor;
  return {
    now: () => Math.floor(start + passed()),
    monotonic: passed,
    after(ms, callback) {
      const timer = setTimeout(callback, ms / factor);
      return () => clearTimeout(timer);
    },
  };
}

/** Waits until `look` gives something else than null, undefined or false; rejects after `ms`. */
export async function eventually<T>(look: () => T | null | undefined | false, what = "what was expected", ms = 20_000): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const found = look();
    if (found !== null && found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`${what} did not come within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
