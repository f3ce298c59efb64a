import type { Overload } from "../../src/index.ts";

/** How an instance is doing, over the time since the sample before. */
export interface PressureSample {
  /** How late the event loop came to a timer, the worst of all in that time, in milliseconds. */
  readonly lagMs: number;
  /** Share of the memory that may be used, 0 to 1. */
  readonly memory: number;
}

export interface OverloadJudge {
  /** Takes the sample of one interval. Gives the cause of an overload, null while there is none. */
  judge(sample: PressureSample): Overload["cause"] | null;
  /** Whether one more call may come in. */
  admits(): boolean;
}

const LATE_MS = 100;
const CALM_LAG_MS = 50;
const FULL = 0.8;
const CALM_MEMORY = 0.7;
/** Bad samples in a row that begin an overload, and how long they last together: a burst that is over within the second is served late and not refused. */
const STRIKES = 3;
const BAD_MS = 1_000;
/** How long a sample lasts, where no turn of the loop is longer. */
const SAMPLE_MS = 250;
/** Good samples in a row, with every call admitted, that end it. */
const QUIET = 4;
/** Of calls, while nothing gets better: some have to come in, or memory that is garbage by now would never be collected. */
const LEAST = 0.02;

/**
 * Decides when an instance is overloaded and what share of new calls it then takes. Pure: a sample each 250 ms goes in.
 *
 * An overload begins with a second of bad samples, three at least. A pause for garbage, or the compile of a reload, however long, makes one bad sample, for no timer runs
 * while it lasts, and what has piled up meanwhile another; calls that outrun the loop make every sample bad. A loop that is late while no call asks to come in is no overload: there is nothing to refuse,
 * and it is how a process looks to itself whose platform gives it no CPU between calls.
 *
 * To refuse all new calls until the loop is calm would be a switch that goes on and off: each second of calm bought by a second of nothing but refusals. So a share is
 * admitted. It falls by as much as the loop is late, at most by half, and grows a little with each calm sample: what an instance can serve is found
 * and kept, as TCP finds the speed of a path. Between calm and late it grows more slowly, so that memory that stays high but stands below the limit
 * (a process seldom gives back what it had) does not shut an instance for good. It is over when all calls have been admitted for a second without a bad sample.
 * `test/unit/knative/loop-model.ts` runs it against a loop in model: what is good at a multiple of the capacity stays near what the cost of refusals leaves.
 */
export function createOverloadJudge(): OverloadJudge {
  let cause: Overload["cause"] | null = null;
  let strikes = 0;
  let badMs = 0;
  let quiet = 0;
  let share = 1;
  /** What the share has left over: spreads refusals evenly, without chance. */
  let credit = 0;
  let asked = false;

  return {
    judge({ lagMs: measured, memory }) {
      const lagMs = asked ? measured : 0;
      asked = false;
      const isFull = memory > FULL;
      if (lagMs > LATE_MS || isFull) {
        strikes += 1;
        badMs += Math.max(SAMPLE_MS, lagMs);
        quiet = 0;
        if (cause === null && strikes >= STRIKES && badMs >= BAD_MS) cause = isFull ? "memory" : "event_loop";
        if (cause !== null) share = Math.max(LEAST, share * (isFull ? 0.5 : Math.max(0.5, Math.min(0.9, LATE_MS / lagMs))));
        return cause;
      }
      strikes = 0;
      badMs = 0;
      if (cause === null) return null;
      quiet = share === 1 ? quiet + 1 : 0;
      share = Math.min(1, share + (lagMs < CALM_LAG_MS && memory < CALM_MEMORY ? 0.1 : 0.02));
      if (quiet >= QUIET) cause = null;
      return cause;
    },
    admits() {
      asked = true;
      if (cause === null) return true;
      credit += share;
      if (credit < 1) return false;
      credit -= 1;
      return true;
    },
  };
}
