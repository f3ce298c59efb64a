import type { Clock } from "../../src/index.ts";

/** The platform's time. On Cloudflare it stands still while a Worker computes, and moves on with every I/O. */
export const workerClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
