const SLOTS = 10;

/** How often something happened in the last interval, in ten slots that are written round and round: exact to a tenth of the interval. */
export interface SlidingWindow {
  readonly slotMs: number;
  readonly counts: Uint32Array;
  /** Number of the slot that was written last, counted from the start of the clock. */
  last: number;
}

export function openWindow(intervalMs: number): SlidingWindow {
  return { slotMs: intervalMs / SLOTS, counts: new Uint32Array(SLOTS), last: 0 };
}

/** `now` in milliseconds of a clock that never goes back. */
export function countIn(window: SlidingWindow, now: number): void {
  move(window, now);
  const slot = window.last % SLOTS;
  window.counts[slot] = (window.counts[slot] ?? 0) + 1;
}

export function sumOf(window: SlidingWindow, now: number): number {
  move(window, now);
  let sum = 0;
  for (const count of window.counts) sum += count;
  return sum;
}

/** Empties the slots that have passed since. */
function move(window: SlidingWindow, now: number): void {
  const slot = Math.floor(now / window.slotMs);
  const passed = Math.min(slot - window.last, SLOTS);
  for (let step = 1; step <= passed; step += 1) window.counts[(window.last + step) % SLOTS] = 0;
  window.last = Math.max(window.last, slot);
}
