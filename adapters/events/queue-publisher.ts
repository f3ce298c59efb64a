import { type EventPublisher, PublishError, structuredCloudEvent } from "../../src/index.ts";
import { publishInRequests } from "./publish-in-requests.ts";

/** What of a Cloudflare Queue's binding is used. */
export interface QueueBinding {
  sendBatch(messages: Iterable<{ readonly body: unknown; readonly contentType: "json" }>): Promise<unknown>;
}

export interface QueuePublisherOptions {
  readonly queue: QueueBinding;
  /** Milliseconds for one request. */
  readonly timeoutMs?: number;
}

/** Cloudflare counts 1 KB as 1,000 bytes, and about 100 of its own for each message. */
const LIMITS = { events: 100, bytes: 256_000, eventBytes: 128_000, overhead: 100 };

/** CloudEvents to a Cloudflare Queue: each message's body is the structured event as JSON. */
export function createQueuePublisher(options: QueuePublisherOptions): EventPublisher {
  const { queue, timeoutMs = 10_000 } = options;
  let closed = false;
  return {
    maxBatch: LIMITS.events,
    publish: (events, signal) =>
      publishInRequests("queue", events, LIMITS, async (entries) => {
        if (closed) throw new PublishError("the publisher is closed", true);
        const messages = entries.map(({ event }) => ({ body: structuredCloudEvent(event), contentType: "json" as const }));
        await withinLimit(() => queue.sendBatch(messages), AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
        return [];
      }),
    close: async () => {
      closed = true;
    },
  };
}

/** A binding takes no signal: what is cancelled is only no longer waited for, and may still arrive. */
async function withinLimit(send: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) throw new PublishError("the send was cancelled", true);
  let leave = () => {};
  const left = new Promise<never>((_, reject) => {
    leave = () => reject(new PublishError("the send was cancelled", true));
  });
  signal.addEventListener("abort", leave);
  try {
    await Promise.race([send(), left]);
  } catch (error) {
    throw error instanceof PublishError ? error : new PublishError("it cannot be reached or refused the messages", !isTooLarge(error));
  } finally {
    signal.removeEventListener("abort", leave);
  }
}

/** Cloudflare tells by the text alone: `Queue sendBatch failed: Payload Too Large`, or that a length exceeds a limit. */
function isTooLarge(error: unknown): boolean {
  return error instanceof Error && /too large|exceeds/i.test(error.message);
}
