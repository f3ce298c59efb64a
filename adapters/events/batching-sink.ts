import type { Clock, CloudEvent, EgressEvent, EventPublisher, EventSink, Random } from "../../src/index.ts";
import { createDelivery, type DropReason } from "./deliver-events.ts";
import { createEventPump } from "./event-pump.ts";
import { createWaitingEvents, type WaitingEvent } from "./waiting-events.ts";

export type { DropReason } from "./deliver-events.ts";

/** A sink that can be emptied, asked and stopped. */
export interface FlushableSink extends EventSink {
  /** Events that never arrived, for whatever reason. */
  dropped(): number;
  /** The same by reason. */
  drops(): Readonly<Record<DropReason, number>>;
  /** Resolves when all that was emitted before has left or was dropped, or when the signal aborts. Never rejects. */
  flush(signal: AbortSignal): Promise<void>;
  /** Sends what waits, for at most `timeoutMs` (2 s when left out); the rest is counted as dropped. Closes the publisher. Never rejects. */
  close(timeoutMs?: number): Promise<void>;
}

export interface BatchingSinkOptions {
  readonly publisher: EventPublisher;
  /** Called once an event, when it is first sent: its id is then kept. */
  readonly toCloudEvent: (event: EgressEvent) => CloudEvent;
  readonly after: Clock["after"];
  readonly random: Random;
  /** Events that may wait, beside those on their way (`concurrency` batches); 1,000 when left out. */
  readonly queueBound?: number;
  /** Characters, about, that may wait; 4 MiB when left out. */
  readonly bytesBound?: number;
  /** Sends of one batch, the first one included; 5 when left out. */
  readonly maxAttempts?: number;
  /** Milliseconds for one send; 10 s when left out. */
  readonly timeoutMs?: number;
  /** Batches on their way at the same time; 4 when left out. */
  readonly concurrency?: number;
  /** Milliseconds that a batch which is not full waits for more; 0 (when left out) sends at the end of the current turn. */
  readonly lingerMs?: number;
  /** False: nothing is sent but by `flush`, each of which sends what waits by itself. For Workers, where a call must not wait for what another began. */
  readonly pumpOnEmit?: boolean;
  /** Told when sends begin to fail, with the reason, and with null when they succeed again. Must not throw. */
  readonly onTrouble?: (trouble: string | null) => void;
}

/** Events to a publisher: bounded, in batches, tried again. `emit` never throws, never waits and sends nothing itself. */
export function createBatchingSink(options: BatchingSinkOptions): FlushableSink {
  const { publisher, after, queueBound = 1_000, bytesBound = 4 * 1024 * 1024, concurrency = 4, lingerMs = 0, pumpOnEmit = true } = options;
  const { maxAttempts = 5, timeoutMs = 10_000, onTrouble = () => undefined } = options;
  const waiting = createWaitingEvents(queueBound, bytesBound);
  const drops: Record<DropReason, number> = { full: 0, refused: 0, "gave up": 0, unwritable: 0, closed: 0 };
  const onDrop = (reason: DropReason, count: number): void => {
    drops[reason] += count;
  };
  let troubled = false;
  const onSend = (trouble: string | null): void => {
    if (troubled === (trouble !== null)) return;
    troubled = trouble !== null;
    onTrouble(trouble);
  };
  const deliver = createDelivery({ ...options, maxAttempts, timeoutMs, onDrop, onSend });
  const pump = createEventPump({ waiting, deliver, after, maxBatch: publisher.maxBatch, concurrency, lingerMs, onDrop });
  let emitted = 0;
  let closing: Promise<void> | null = null;
  /** A flush that began before has nowhere to put back what it could not send. */
  let closed = false;

  /** Without any promise, timer or signal that another flush made. */
  async function sendHere(signal: AbortSignal): Promise<void> {
    const taken = waiting.take(Number.POSITIVE_INFINITY);
    const left: WaitingEvent[] = [];
    const lanes = Array.from({ length: concurrency }, async () => {
      while (taken.length > 0 && !signal.aborted) left.push(...(await deliver(taken.splice(0, publisher.maxBatch), signal)));
    });
    await Promise.all(lanes);
    left.push(...taken);
    if (closed) onDrop("closed", left.length);
    else onDrop("full", waiting.putBack(left));
  }

  const flush = (signal: AbortSignal): Promise<void> => (pumpOnEmit ? pump.flush(emitted, signal) : sendHere(signal));

  async function close(closeMs: number): Promise<void> {
    const late = new AbortController();
    const cancel = after(closeMs, () => late.abort());
    await flush(late.signal);
    cancel();
    closed = true;
    onDrop("closed", waiting.take(Number.POSITIVE_INFINITY).length);
    await pump.stop();
    await publisher.close().catch(() => undefined);
  }

  return {
    emit(event) {
      if (closing !== null) {
        onDrop("closed", 1);
        return;
      }
      emitted += 1;
      onDrop("full", waiting.add(event, emitted));
      if (pumpOnEmit) pump.wake();
    },
    dropped: () => Object.values(drops).reduce((sum, count) => sum + count, 0),
    drops: () => ({ ...drops }),
    flush,
    close: (closeMs = 2_000) => {
      closing ??= close(closeMs);
      return closing;
    },
  };
}
