import { type Clock, type CloudEvent, type EgressEvent, type EventPublisher, PublishError, type Random } from "../../src/index.ts";
import type { WaitingEvent } from "./waiting-events.ts";

/**
 * Why an event never arrived: the queue was full; the receiver will not take it; it did not take it in as many tries as there are; it could
 * not be written; the sink was closed.
 */
export type DropReason = "full" | "refused" | "gave up" | "unwritable" | "closed";

export interface DeliveryOptions {
  readonly publisher: EventPublisher;
  readonly toCloudEvent: (event: EgressEvent) => CloudEvent;
  readonly after: Clock["after"];
  readonly random: Random;
  /** Sends of one batch, the first one included. */
  readonly maxAttempts: number;
  /** Milliseconds for one send. */
  readonly timeoutMs: number;
  readonly onDrop: (reason: DropReason, count: number) => void;
  /** Told of the outcome of every send: why it failed, or null. */
  readonly onSend: (trouble: string | null) => void;
}

/** Sends a batch until it is taken, refused or given up. Resolves with what is left when the signal aborts; it may have arrived all the same. */
export type Deliver = (batch: readonly WaitingEvent[], signal: AbortSignal) => Promise<readonly WaitingEvent[]>;

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 10_000;

/**
 * What was not taken, or may not have been, is sent again under the same ids: receivers know duplicates by source and id.
 * A batch that is refused is sent in halves, so that one bad event does not take others with it.
 */
export function createDelivery(options: DeliveryOptions): Deliver {
  const { publisher, toCloudEvent, after, random, maxAttempts, timeoutMs, onDrop, onSend } = options;

  async function send(events: readonly CloudEvent[], signal: AbortSignal): Promise<PublishError | null> {
    const limit = new AbortController();
    const cancel = after(timeoutMs, () => limit.abort());
    try {
      await publisher.publish(events, AbortSignal.any([signal, limit.signal]));
      return null;
    } catch (error) {
      // Anything else is a fault of ours, and says nothing against the events.
      return error instanceof PublishError ? error : new PublishError("the publisher failed", true);
    } finally {
      cancel();
    }
  }

  function written(batch: readonly WaitingEvent[]): readonly WaitingEvent[] {
    return batch.filter((waiting) => {
      try {
        waiting.made ??= toCloudEvent(waiting.event);
        return true;
      } catch {
        onDrop("unwritable", 1);
        return false;
      }
    });
  }

  function pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const cancel = after(ms, end);
      signal.addEventListener("abort", end);
    });
  }

  async function deliver(batch: readonly WaitingEvent[], tried: number, signal: AbortSignal): Promise<readonly WaitingEvent[]> {
    let rest = batch;
    for (let attempt = tried + 1; rest.length > 0 && !signal.aborted; attempt += 1) {
      const events = rest.flatMap(({ made }) => (made === null ? [] : [made]));
      const failure = await send(events, signal);
      // A send that was cut short tells nothing about the receiver.
      if (failure === null || !signal.aborted) onSend(failure?.message ?? null);
      if (failure === null) return [];
      rest = untakenOf(rest, failure);
      if (signal.aborted) break;
      if (!failure.retryable) {
        if (rest.length > 1) {
          const middle = rest.length >> 1;
          const first = await deliver(rest.slice(0, middle), attempt, signal);
          return [...first, ...(await deliver(rest.slice(middle), attempt, signal))];
        }
        onDrop("refused", 1);
        return [];
      }
      if (attempt >= maxAttempts) {
        onDrop("gave up", rest.length);
        return [];
      }
      await pause(random() * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1)), signal);
    }
    return rest;
  }

  return (batch, signal) => deliver(written(batch), 0, signal);
}

function untakenOf(batch: readonly WaitingEvent[], failure: PublishError): readonly WaitingEvent[] {
  if (failure.untaken === null) return batch;
  const positions = new Set(failure.untaken);
  const untaken = batch.filter((_, position) => positions.has(position));
  // An error about no event at all is an error about all of them.
  return untaken.length === 0 ? batch : untaken;
}
