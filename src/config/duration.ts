import { LONGEST_TIMER_MS } from "../lib/longest-timer.ts";

/** GEP-2257: up to four numbers with units, such as `1h30m` or `250ms`. */
export const DURATION = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/;

const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** Milliseconds of a GEP-2257 duration that has passed `DURATION`; at most about 24 days. */
export function durationMs(text: string): number {
  return Math.min(ageMs(text), LONGEST_TIMER_MS);
}

/** The same for what no timer waits for, such as the age of a fact: as long as it was written. */
export function ageMs(text: string): number {
  let total = 0;
  for (const [, amount = "0", unit = "ms"] of text.matchAll(/([0-9]+)(ms|h|m|s)/g)) total += Number(amount) * (UNITS[unit] ?? 0);
  return total;
}
