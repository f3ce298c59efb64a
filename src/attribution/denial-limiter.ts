import type { CallRecord } from "../model/call-record.ts";
import type { Clock } from "../model/ports.ts";

const WINDOW_MS = 1_000;
const PER_WINDOW = 10;

/** Gives how many denials were held back before this one, or null when this one is to be held back as well. */
export type DenialLimiter = (record: CallRecord) => number | null;

/**
 * Anybody who reaches the broker can be refused without a credential, as often as it likes: such denials become at most ten events a
 * second, so that they cannot push the events of proved callers out of the sink's queue. The log and the metrics have them all.
 */
export function createDenialLimiter(clock: Clock): DenialLimiter {
  let windowStart = Number.NEGATIVE_INFINITY;
  let told = 0;
  let suppressed = 0;
  return (record) => {
    if (record.caller !== null || record.refusal === null) return 0;
    const now = clock.monotonic();
    if (now - windowStart >= WINDOW_MS) {
      windowStart = now;
      told = 0;
    }
    if (told >= PER_WINDOW) {
      suppressed += 1;
      return null;
    }
    told += 1;
    const before = suppressed;
    suppressed = 0;
    return before;
  };
}
