import type { Clock } from "../../src/model/ports.ts";

/** A clock that stands still until a test moves it. */
export interface FakeClock extends Clock {
  /** Moves both clocks on by `ms` and runs the timers that fall due, in order of their time, letting promises settle after each. */
  advance(ms: number): Promise<void>;
  /** Moves only the wall clock, as an NTP correction does; timers and `monotonic()` do not notice. */
  jump(ms: number): void;
  /** Timers that have neither run nor been cancelled. */
  pending(): number;
}

interface Timer {
  readonly due: number;
  readonly order: number;
  readonly callback: () => void;
}

/** `start` is milliseconds since the Unix epoch; `monotonic()` starts elsewhere, so that a mix-up of the two shows. */
export function createFakeClock(start: number = Date.UTC(2026, 10, 22, 12)): FakeClock {
  let wall = start;
  let steady = 5_000;
  let order = 0;
  const timers = new Set<Timer>();

  function nextDue(limit: number): Timer | null {
    let first: Timer | null = null;
    for (const timer of timers) {
      if (timer.due > limit) continue;
      if (first === null || timer.due < first.due || (timer.due === first.due && timer.order < first.order)) first = timer;
    }
    return first;
  }

  return {
    now: () => wall,
    monotonic: () => steady,
    after(ms, callback) {
      const timer: Timer = { due: steady + Math.max(0, ms), order: order++, callback };
      timers.add(timer);
      return () => {
        timers.delete(timer);
      };
    },
    async advance(ms) {
      const target = steady + ms;
      await settle();
      for (let timer = nextDue(target); timer !== null; timer = nextDue(target)) {
        timers.delete(timer);
        wall += timer.due - steady;
        steady = timer.due;
        timer.callback();
        await settle();
      }
      wall += target - steady;
      steady = target;
      await settle();
    },
    jump(ms) {
      wall += ms;
    },
    pending: () => timers.size,
  };
}

/** One turn of the event loop: every promise that could settle without real I/O has settled. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
