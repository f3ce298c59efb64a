import type { OverloadJudge } from "../../../adapters/knative/overload-judge.ts";

/** An event loop that serves calls, in its own time. Milliseconds. */
export interface LoopModel {
  /** CPU of a call, spent in turns: one when it comes, the others as its answer does. */
  readonly callMs: number;
  /** CPU of a refusal. */
  readonly refusalMs: number;
  /** Turns of the loop that a call needs, one after the other. */
  readonly turns: number;
  /** When calls come, in order. */
  readonly arrivals: readonly number[];
  /** A caller that has waited for so long hangs up; what was not begun by then is not begun. */
  readonly patienceMs: number;
  readonly memory?: number;
}

/** What came of each call, in the order of the arrivals. */
export interface ModelledCall {
  readonly at: number;
  readonly end: "good" | "refused" | "late";
  readonly took: number;
}

/** As in the process: a look at the loop each 25 ms, a judgement each 250. */
const LOOK_MS = 25;
const JUDGE_MS = 250;

/** Runs the calls through the loop; each turn does all that was ready when it began. `judge` null: every call is taken. */
export function runLoop({ callMs, refusalMs, turns, arrivals, patienceMs, memory = 0.3 }: LoopModel, judge: OverloadJudge | null): readonly ModelledCall[] {
  const calls: ModelledCall[] = [];
  const step = callMs / turns;
  let ready: { readonly at: number; readonly left: number }[] = [];
  let next = 0;
  let now = 0;
  let lookedAt = 0;
  let judgedAt = 0;
  let lagMs = 0;
  while (next < arrivals.length || ready.length > 0) {
    if (now - lookedAt >= LOOK_MS) {
      lagMs = Math.max(lagMs, now - lookedAt - LOOK_MS);
      lookedAt = now;
      if (now - judgedAt >= JUDGE_MS) {
        judgedAt = now;
        judge?.judge({ lagMs, memory });
        lagMs = 0;
      }
    }
    const began = now;
    const taken = ready;
    ready = [];
    for (const { at, left } of taken) {
      // The caller has left: what goes on for it is stopped.
      if (now - at > patienceMs) {
        calls.push({ at, end: "late", took: now - at });
        continue;
      }
      now += step;
      if (left > 1) ready.push({ at, left: left - 1 });
      else calls.push({ at, end: now - at <= patienceMs ? "good" : "late", took: now - at });
    }
    for (;;) {
      const at = arrivals[next];
      if (at === undefined || at > began) break;
      next += 1;
      if (judge === null || judge.admits()) {
        // What has been sent is read, though its caller may have left: nobody knows that yet.
        now += step;
        ready.push({ at, left: turns - 1 });
      } else {
        now += refusalMs;
        calls.push({ at, end: now - at <= patienceMs ? "refused" : "late", took: now - at });
      }
    }
    // Nothing to do: until something comes, or the next look.
    if (now === began) now = ready.length > 0 ? now + 0.1 : Math.min(Math.max(arrivals[next] ?? now, now + 0.1), Math.max(lookedAt + LOOK_MS, now + 0.1));
  }
  return calls;
}

/** Calls at an even rate, a second, from `from` to `until`. */
export function evenly(rate: number, from: number, until: number): readonly number[] {
  return Array.from({ length: Math.floor(((until - from) / 1_000) * rate) }, (_, index) => from + (index * 1_000) / rate);
}
