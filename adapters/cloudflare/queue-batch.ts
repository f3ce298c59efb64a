import { type BrokerEvents, type EventPlatform, type EventVerdict, readEventJson } from "../../src/index.ts";

/** What a consumer of a Cloudflare Queue is handed, as far as it is used here. */
export interface QueueBatch {
  /** Name of the queue. */
  readonly queue: string;
  readonly messages: readonly QueueMessage[];
}

interface QueueMessage {
  readonly id: string;
  readonly body: unknown;
  /** Deliveries so far, this one included. */
  readonly attempts: number;
  ack(): void;
  retry(options: { readonly delaySeconds: number }): void;
}

/** Messages that are worked on at the same time. */
const CONCURRENCY = 8;
const FIRST_DELAY_SECONDS = 5;
const LONGEST_DELAY_SECONDS = 600;

/**
 * Takes messages, each a CloudEvent as JSON. What is done is acknowledged; all else is left to the queue, poison too: after the deliveries that it
 * allows (`max_retries`) a message is in its dead-letter queue, and nothing is lost here. Never rejects: that would have all of them delivered again.
 */
export async function takeQueueBatch(
  batch: QueueBatch,
  events: BrokerEvents,
  platform: Omit<EventPlatform, "principal">,
  tell: (message: string, verdict: Exclude<EventVerdict, { kind: "done" }>) => void,
): Promise<void> {
  const waiting = [...batch.messages];
  async function work(): Promise<void> {
    for (let message = waiting.shift(); message !== undefined; message = waiting.shift()) {
      const verdict = await take(message, batch.queue, events, platform);
      if (verdict.kind === "done") {
        message.ack();
        continue;
      }
      tell(message.id, verdict);
      message.retry({ delaySeconds: verdict.kind === "poison" ? 0 : (verdict.retryAfterSeconds ?? backOff(message.attempts)) });
    }
  }
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, waiting.length) }, work));
}

async function take(message: QueueMessage, queue: string, events: BrokerEvents, platform: Omit<EventPlatform, "principal">): Promise<EventVerdict> {
  let event: ReturnType<typeof readEventJson>;
  try {
    event = readEventJson(jsonOf(message.body));
  } catch {
    return { kind: "poison", status: 400, detail: "the message is no CloudEvent in JSON" };
  }
  return events.take(event, { ...platform, headers: [], authority: "", principal: { type: "CloudflareQueue", name: queue }, wantsReply: false });
}

/** By the sender's content type a body is a value already (`json`), text, or bytes. */
function jsonOf(body: unknown): unknown {
  if (typeof body === "string") return JSON.parse(body);
  if (body instanceof ArrayBuffer) return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  return body;
}

/** Seconds. */
function backOff(attempts: number): number {
  return Math.min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** Math.max(0, attempts - 1));
}
