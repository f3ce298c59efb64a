import type { CallSignal } from "../../model/call-signal.ts";
import type { Clock } from "../../model/ports.ts";
import type { LeasedCall } from "./leased-call.ts";
import type { HoldResult } from "./limit-desk.ts";
import { afterPatience } from "./patient-timer.ts";

/** A call that waits for an exchange. */
export interface WaitingCall {
  call: LeasedCall;
  /** It is part of the exchange under way. */
  asked: boolean;
  /** Exchanges that it has been part of. */
  rounds: number;
  /** Monotonic milliseconds. */
  readonly deadline: number;
  readonly finish: (result: HoldResult) => void;
}

/** Calls in the order in which they came, each until it is answered, leaves, or has waited long enough. */
export interface WaitingCalls {
  readonly size: number;
  /** Resolves with what `answer` gives it. */
  add(call: LeasedCall, patienceMs: number, signal: CallSignal): Promise<HoldResult>;
  all(): readonly WaitingCall[];
  /** It waits no longer when `result` is called. */
  answer(waiting: WaitingCall, result: () => HoldResult): void;
}

/** `onLeave`: its signal was aborted; `onDeadline`: some have waited long enough, `late` among them. One timer for all. */
export function createWaitingCalls(options: {
  readonly clock: Clock;
  readonly onLeave: (call: LeasedCall) => void;
  readonly onDeadline: (late: readonly WaitingCall[], now: number) => void;
}): WaitingCalls {
  const { clock } = options;
  const entries = new Set<WaitingCall>();
  let cancelTimer: (() => void) | null = null;

  function arm(): void {
    const [first] = entries;
    if (first === undefined) {
      cancelTimer?.();
      cancelTimer = null;
    } else cancelTimer ??= afterPatience(clock, first.deadline - clock.monotonic(), ring);
  }

  function ring(): void {
    cancelTimer = null;
    const now = clock.monotonic();
    options.onDeadline(
      [...entries].filter(({ deadline }) => deadline <= now),
      now,
    );
    arm();
  }

  return {
    get size() {
      return entries.size;
    },
    add: (call, patienceMs, signal) =>
      new Promise((resolve, reject) => {
        const leave = (): void => {
          entries.delete(entry);
          arm();
          options.onLeave(entry.call);
          reject(signal.reason);
        };
        const finish = (result: HoldResult): void => {
          signal.removeEventListener("abort", leave);
          resolve(result);
        };
        const entry: WaitingCall = { call, asked: false, rounds: 0, deadline: clock.monotonic() + patienceMs, finish };
        signal.addEventListener("abort", leave);
        entries.add(entry);
        arm();
      }),
    all: () => [...entries],
    answer(waiting, result) {
      entries.delete(waiting);
      arm();
      waiting.finish(result());
    },
  };
}
