import type { BrokerEvents, EventPlatform } from "../../src/index.ts";
import { isBusEvent, takeBusEvent } from "./bus-event.ts";
import { type BatchAnswer, readQueueMessages, takeQueueMessages } from "./queue-messages.ts";

/** Why an invocation ends as failed: Lambda tries an event of a bus again, and then hands it to the function's dead-letter queue or destination. */
export class EventNotTaken extends Error {
  override readonly name = "EventNotTaken";
}

/** Takes what a queue or a bus delivers. Rejects with `EventNotTaken` for an event of a bus that is not done, and for what is neither. */
export async function takeEvent(
  event: unknown,
  events: BrokerEvents | null,
  platform: EventPlatform,
  warn: (message: string, facts: Readonly<Record<string, unknown>>) => void,
): Promise<BatchAnswer | null> {
  if (events === null) throw new EventNotTaken("events are not taken here");
  const messages = readQueueMessages(event);
  if (messages !== null)
    return takeQueueMessages(messages, events, platform, (id, { kind, detail }) => warn("a message was left to its queue", { message: id, kind, detail }));
  if (!isBusEvent(event)) throw new EventNotTaken("the broker knows no event of this kind");
  const verdict = await takeBusEvent(event, events, platform);
  if (verdict.kind !== "done") throw new EventNotTaken(`${verdict.kind}: ${verdict.detail}`);
  return null;
}
