import type { Clock } from "../../model/ports.ts";

/** The time of a store, as well as this instance knows it: in it periods begin and end, for all instances alike. */
export interface StoreClock {
  /** Milliseconds since the epoch at this moment of the monotonic clock. */
  at(monotonic: number): number;
  /** The store said `now` at some moment between `sent` and `received` (of the monotonic clock). `again`: it may have said so to an earlier try, so that it is no earlier now. */
  learn(now: number, sent: number, received: number, again: boolean): void;
}

/** Until the store has said anything it is the wall clock; from then on the monotonic one, so that a wall clock that jumps moves no period. */
export function createStoreClock(clock: Clock): StoreClock {
  let offset: number | null = null;
  return {
    at: (monotonic) => (offset === null ? clock.now() : monotonic + offset),
    learn(now, sent, received, again) {
      if (again) offset = Math.max(now - received, offset ?? Number.NEGATIVE_INFINITY);
      else offset = now - (sent + received) / 2;
    },
  };
}
