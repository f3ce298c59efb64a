import type { BackgroundWork } from "./background-work.ts";

/** What work after the answer may take at most, and what it must leave of the invocation's time. Milliseconds. */
const LONGEST_MS = 2_000;
const LEFT_MS = 200;

/**
 * Waits for background work and for `flush`: an environment is frozen as soon as its invocation ends. Work that does not end takes nothing from
 * the flush, and what it gives rise to is flushed too. Bounded by the time that is left, of which `flush` gets a signal; never rejects.
 */
export async function afterAnswer(remainingMs: number, open: BackgroundWork["open"], flush: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const limit = Math.min(LONGEST_MS, remainingMs - LEFT_MS);
  if (limit <= 0) return;
  const late = new AbortController();
  const over = new Promise<void>((resolve) => {
    late.signal.addEventListener("abort", () => resolve());
  });
  const timer = setTimeout(() => late.abort(), limit);
  const flushed = flush(late.signal).catch(() => {});
  const more = open.size > 0;
  // Work may ask for more work.
  while (open.size > 0 && !late.signal.aborted) await Promise.race([over, Promise.all(open)]);
  await Promise.race([over, flushed.then(() => (more ? flush(late.signal).catch(() => {}) : undefined))]);
  clearTimeout(timer);
}
