import { type CloudEvent, PublishError, structuredCloudEvent } from "../../src/index.ts";

/** An event written in the structured JSON format. */
export interface WrittenEvent {
  /** Where it stands in the batch. */
  readonly position: number;
  readonly event: CloudEvent;
  readonly text: string;
  /** Length in UTF-8. */
  readonly bytes: number;
}

/** Why the sink did not take one event of a request. */
export interface EntryFault {
  readonly position: number;
  readonly retryable: boolean;
  /** A code or a word of ours, never the sink's own text. */
  readonly reason: string;
}

/** What one request to a sink may hold. */
export interface RequestLimits {
  readonly events: number;
  /** Of all events together; one that is larger goes alone. */
  readonly bytes: number;
  /** Of one event; a larger one is refused without asking the sink. */
  readonly eventBytes: number;
  /** Bytes that each event takes beside its text; they count for both. */
  readonly overhead: number;
}

/**
 * Publishes a batch in as few requests as the limits allow, one after the other, so that the order is kept.
 * After a failure that another try may mend, nothing later is sent. Rejects with one `PublishError` that tells what was not taken.
 * `send` gives the faults of single events, or rejects with a `PublishError` about the whole request.
 */
export async function publishInRequests(
  sink: string,
  events: readonly CloudEvent[],
  limits: RequestLimits,
  send: (entries: readonly WrittenEvent[]) => Promise<readonly EntryFault[]>,
): Promise<void> {
  const faults: EntryFault[] = [];
  for (const request of requestsOf(events, limits, faults)) {
    if (faults.some(({ retryable }) => retryable)) {
      faults.push(...request.map(({ position }) => ({ position, retryable: true, reason: "not sent" })));
      continue;
    }
    try {
      faults.push(...(await send(request)));
    } catch (error) {
      if (!(error instanceof PublishError)) throw error;
      faults.push(...request.map(({ position }) => ({ position, retryable: error.retryable, reason: error.message })));
    }
  }
  if (faults.length > 0) throw batchError(sink, events.length, faults);
}

function requestsOf(events: readonly CloudEvent[], limits: RequestLimits, faults: EntryFault[]): readonly WrittenEvent[][] {
  const requests: WrittenEvent[][] = [];
  let room = 0;
  for (const [position, event] of events.entries()) {
    const written = write(event, position);
    const weight = (written?.bytes ?? 0) + limits.overhead;
    if (written === null || weight > limits.eventBytes) {
      faults.push({ position, retryable: false, reason: written === null ? "no JSON can be made of it" : "too large for this sink" });
      continue;
    }
    const last = requests.at(-1);
    if (last === undefined || last.length >= limits.events || weight > room) {
      requests.push([written]);
      room = limits.bytes - weight;
    } else {
      last.push(written);
      room -= weight;
    }
  }
  return requests;
}

const encoder = new TextEncoder();

function write(event: CloudEvent, position: number): WrittenEvent | null {
  try {
    const text = JSON.stringify(structuredCloudEvent(event));
    return { position, event, text, bytes: encoder.encode(text).length };
  } catch {
    return null;
  }
}

function batchError(sink: string, total: number, faults: readonly EntryFault[]): PublishError {
  const untaken = faults.map(({ position }) => position).sort((one, other) => one - other);
  const reasons = [...new Set(faults.map(({ reason }) => reason))].slice(0, 4).join("; ");
  const which = total === 1 ? "the event was not taken" : `${untaken.length} of ${total} events were not taken`;
  // One that can still arrive is reason enough to try again; the next error tells of those that cannot.
  const retryable = faults.some((fault) => fault.retryable);
  return new PublishError(`${sink}: ${which}: ${reasons}`, retryable, { untaken });
}
