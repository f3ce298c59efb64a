import type { Clock } from "../../src/index.ts";
import type { Deliver, DropReason } from "./deliver-events.ts";
import type { WaitingEvents } from "./waiting-events.ts";

export interface EventPumpOptions {
  readonly waiting: WaitingEvents;
  readonly deliver: Deliver;
  readonly after: Clock["after"];
  readonly maxBatch: number;
  readonly concurrency: number;
  readonly lingerMs: number;
  readonly onDrop: (reason: DropReason, count: number) => void;
}

/** Sends what waits, a few batches at a time, as it comes. */
export interface EventPump {
  /** Says that something waits. Costs nothing where that is known. */
  wake(): void;
  /** Resolves when no event up to this `order` waits or is on its way, or when the signal aborts. */
  flush(order: number, signal: AbortSignal): Promise<void>;
  /** Cuts what is on its way and counts it as dropped. */
  stop(): Promise<void>;
}

interface Flush {
  readonly order: number;
  readonly end: () => void;
}

export function createEventPump(options: EventPumpOptions): EventPump {
  const { waiting, deliver, after, maxBatch, concurrency, lingerMs, onDrop } = options;
  const stopped = new AbortController();
  /** Of each batch on its way, the `order` of its first event. */
  const sending = new Set<{ readonly first: number }>();
  const flushes = new Set<Flush>();
  let woken = false;
  let lingered = false;
  let cancelLinger: (() => void) | null = null;

  const isRipe = (): boolean => lingerMs === 0 || lingered || flushes.size > 0 || waiting.size() >= maxBatch;

  function run(): void {
    woken = false;
    while (sending.size < concurrency && waiting.size() > 0 && isRipe()) {
      const lane = { first: waiting.oldest() };
      sending.add(lane);
      void deliver(waiting.take(maxBatch), stopped.signal).then((left) => {
        onDrop("closed", left.length);
        sending.delete(lane);
        run();
      });
    }
    if (waiting.size() === 0) endLinger();
    else if (sending.size < concurrency) beginLinger();
    endFlushes();
  }

  function beginLinger(): void {
    cancelLinger ??= after(lingerMs, () => {
      cancelLinger = null;
      lingered = true;
      run();
    });
  }

  function endLinger(): void {
    lingered = false;
    cancelLinger?.();
    cancelLinger = null;
  }

  function endFlushes(): void {
    if (flushes.size === 0) return;
    let oldest = waiting.oldest();
    for (const { first } of sending) oldest = Math.min(oldest, first);
    for (const flush of flushes) if (oldest === Number.POSITIVE_INFINITY || flush.order < oldest) flush.end();
  }

  function flush(order: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const mine: Flush = {
        order,
        end: () => {
          flushes.delete(mine);
          signal.removeEventListener("abort", mine.end);
          resolve();
        },
      };
      flushes.add(mine);
      signal.addEventListener("abort", mine.end);
      run();
    });
  }

  return {
    wake() {
      if (woken) return;
      woken = true;
      // At the end of the turn: the events of one call go together, and `emit` does not pay for a send.
      queueMicrotask(run);
    },
    flush,
    async stop() {
      endLinger();
      stopped.abort();
      await flush(Number.POSITIVE_INFINITY, new AbortController().signal);
    },
  };
}
