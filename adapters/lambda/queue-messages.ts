import { type BrokerEvents, type EventPlatform, type EventVerdict, readEventJson } from "../../src/index.ts";
import { fieldsOf, textOf } from "./fields.ts";

/** Messages that are worked on at the same time. */
const CONCURRENCY = 8;
/** A message is not begun with less left: its call would be cut, and paid for all the same. Milliseconds. */
const LEAST_MS = 1_000;

interface QueueMessage {
  readonly id: string;
  readonly body: string;
  /** ARN of the queue. */
  readonly queue: string;
  /** Of a FIFO queue, whose messages are taken in their order; null: the order is free. */
  readonly group: string | null;
}

/** What tells SQS which messages it must deliver again. All others are deleted. */
export interface BatchAnswer {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

/** The messages of an invocation by SQS; null: it is none. */
export function readQueueMessages(event: unknown): readonly QueueMessage[] | null {
  const { Records: records } = fieldsOf(event);
  if (!Array.isArray(records) || records.length === 0) return null;
  const messages = records.map((record: unknown) => {
    const fields = fieldsOf(record);
    const id = textOf(fields["messageId"]);
    const queue = textOf(fields["eventSourceARN"]);
    if (fields["eventSource"] !== "aws:sqs" || id === null || queue === null) return null;
    const group = queue.endsWith(".fifo") ? (textOf(fieldsOf(fields["attributes"])["MessageGroupId"]) ?? "") : null;
    return { id, queue, group, body: textOf(fields["body"]) ?? "" };
  });
  return messages.every((message) => message !== null) ? messages : null;
}

/**
 * Takes messages, each a CloudEvent or an EventBridge event as JSON. Whatever is not done is left to the queue, poison too: after the
 * deliveries that it allows, a message is in its dead-letter queue, and nothing is ever lost here.
 */
export async function takeQueueMessages(
  messages: readonly QueueMessage[],
  events: BrokerEvents,
  platform: EventPlatform,
  tell: (id: string, verdict: Exclude<EventVerdict, { kind: "done" }>) => void,
): Promise<BatchAnswer> {
  const failed = new Set<string>();
  const lanes = inLanes(messages);
  async function work(): Promise<void> {
    for (let lane = lanes.shift(); lane !== undefined; lane = lanes.shift()) {
      for (const [index, message] of lane.entries()) {
        const verdict = await take(message, events, platform);
        if (verdict.kind === "done") continue;
        tell(message.id, verdict);
        // What follows in its group waits for it.
        for (const { id } of lane.slice(index)) failed.add(id);
        break;
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, lanes.length) }, work));
  return { batchItemFailures: messages.flatMap(({ id }) => (failed.has(id) ? { itemIdentifier: id } : [])) };
}

/** Messages of one group in one lane, in their order; each other has a lane of its own. */
function inLanes(messages: readonly QueueMessage[]): QueueMessage[][] {
  const lanes: QueueMessage[][] = [];
  const groups = new Map<string, QueueMessage[]>();
  for (const message of messages) {
    const known = message.group === null ? undefined : groups.get(message.group);
    if (known !== undefined) {
      known.push(message);
      continue;
    }
    const lane = [message];
    lanes.push(lane);
    if (message.group !== null) groups.set(message.group, lane);
  }
  return lanes;
}

async function take(message: QueueMessage, events: BrokerEvents, platform: EventPlatform): Promise<EventVerdict> {
  if ((platform.remainingMs?.() ?? LEAST_MS) < LEAST_MS) return { kind: "retry", status: 503, detail: "no time is left for it", retryAfterSeconds: null };
  let event: ReturnType<typeof readEventJson>;
  try {
    event = readEventJson(JSON.parse(message.body));
  } catch {
    return { kind: "poison", status: 400, detail: "the message is neither a CloudEvent nor an EventBridge event in JSON" };
  }
  return events.take(event, { ...platform, headers: [], authority: "", principal: { type: "AWSSQS", name: message.queue }, wantsReply: false });
}
