import type { Clock } from "../../src/index.ts";

/** The time was up (`time`), or whoever asked has left (`left`). */
export class LimitReached extends Error {
  override readonly name = "LimitReached";
  readonly reason: "time" | "left";

  constructor(reason: "time" | "left") {
    super(reason === "time" ? "the time was up" : "the asker has left");
    this.reason = reason;
  }
}

export interface Limit {
  /** Milliseconds. */
  readonly ms: number;
  readonly signal: AbortSignal;
  readonly after: Clock["after"];
}

/** Runs `work`, and tells it by its signal when to stop; does not wait for work that goes on all the same. Rejects with `LimitReached`, or as `work` does. */
export async function withinLimit<Value>(limit: Limit, work: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
  if (limit.signal.aborted) throw new LimitReached("left");
  const controller = new AbortController();
  let leave = () => {};
  let cancelTimer = () => {};
  const stopped = new Promise<never>((_, reject) => {
    leave = () => reject(new LimitReached("left"));
    limit.signal.addEventListener("abort", leave, { once: true });
    cancelTimer = limit.after(limit.ms, () => reject(new LimitReached("time")));
  });
  try {
    return await Promise.race([work(controller.signal), stopped]);
  } catch (error) {
    controller.abort();
    throw error;
  } finally {
    cancelTimer();
    limit.signal.removeEventListener("abort", leave);
  }
}

/** Waits; resolves early when `signal` aborts. */
export function pause(ms: number, signal: AbortSignal, after: Clock["after"]): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const early = () => {
      cancel();
      resolve();
    };
    let cancel = () => {};
    signal.addEventListener("abort", early, { once: true });
    cancel = after(ms, () => {
      signal.removeEventListener("abort", early);
      resolve();
    });
  });
}

/** A timer of the platform, as `Clock.after`. */
export function afterReal(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}
