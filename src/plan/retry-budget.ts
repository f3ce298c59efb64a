import type { RetryBudgetRule } from "../model/backend.ts";
import type { Clock } from "../model/ports.ts";
import { countIn, openWindow, type SlidingWindow, sumOf } from "./sliding-window.ts";

/** Keeps the broker from becoming the load that holds a backend down: bounds repeated tries to the same backend. No operation throws. */
export interface RetryBudget {
  /** Counts one attempt; `again` when it repeats an attempt of the same call to the same backend. Null: no policy names a budget. */
  charge(backendKey: string, again: boolean, rule: RetryBudgetRule | null): void;
  /** True while one more repeat stays within its share of the attempts of the last interval, or within the number that is always allowed. */
  allow(backendKey: string, rule: RetryBudgetRule | null): boolean;
}

/** Without a policy: a tenth of the attempts of the last ten seconds, and three in any case. What a policy leaves open the standard says: a fifth. */
const DEFAULT: RetryBudgetRule = { percent: 10, intervalMs: 10_000, floor: 3, floorIntervalMs: 10_000 };
/** Backends that are remembered; beyond, the one seen first is forgotten, which only frees its budget. */
const MAX_BACKENDS = 4_096;

interface Windows {
  readonly rule: RetryBudgetRule;
  readonly attempts: SlidingWindow;
  readonly repeats: SlidingWindow;
  /** Repeats once more, over the interval of the floor. */
  readonly floor: SlidingWindow;
}

/** Sliding windows a backend, on the monotonic clock; memory is at most 4,096 times three windows of 40 bytes. */
export function createRetryBudget(clock: Clock): RetryBudget {
  const backends = new Map<string, Windows>();

  function open(key: string, rule: RetryBudgetRule): Windows {
    const known = backends.get(key);
    // Another rule, by a reload: what was counted in other intervals tells nothing.
    if (known !== undefined && isSame(known.rule, rule)) return known;
    if (known === undefined && backends.size >= MAX_BACKENDS) {
      const oldest = backends.keys().next();
      if (!oldest.done) backends.delete(oldest.value);
    }
    const fresh = { rule, attempts: openWindow(rule.intervalMs), repeats: openWindow(rule.intervalMs), floor: openWindow(rule.floorIntervalMs) };
    backends.set(key, fresh);
    return fresh;
  }

  return {
    charge(key, again, rule) {
      const windows = open(key, rule ?? DEFAULT);
      const now = clock.monotonic();
      if (!again) countIn(windows.attempts, now);
      else {
        countIn(windows.repeats, now);
        countIn(windows.floor, now);
      }
    },
    allow(key, rule) {
      const windows = backends.get(key);
      const { percent, floor } = rule ?? DEFAULT;
      if (windows === undefined || !isSame(windows.rule, rule ?? DEFAULT)) return true;
      const now = clock.monotonic();
      return sumOf(windows.floor, now) + 1 <= floor || sumOf(windows.repeats, now) + 1 <= (percent / 100) * sumOf(windows.attempts, now);
    },
  };
}

function isSame(one: RetryBudgetRule, other: RetryBudgetRule): boolean {
  return (
    one === other ||
    (one.percent === other.percent && one.intervalMs === other.intervalMs && one.floor === other.floor && one.floorIntervalMs === other.floorIntervalMs)
  );
}
