import { type BrokerEvents, type EventPlatform, type EventVerdict, readEventJson } from "../../src/index.ts";
import { fieldsOf, textOf } from "./fields.ts";

/** Whether EventBridge invoked. */
export function isBusEvent(event: unknown): boolean {
  const fields = fieldsOf(event);
  return textOf(fields["detail-type"]) !== null && textOf(fields["source"]) !== null && textOf(fields["account"]) !== null && "detail" in fields;
}

/** Takes one event of a bus, or a CloudEvent that is its detail. Who put it there is what EventBridge itself wrote beside it: account and source. */
export async function takeBusEvent(event: unknown, events: BrokerEvents, platform: EventPlatform): Promise<EventVerdict> {
  const fields = fieldsOf(event);
  const name = `${textOf(fields["account"]) ?? ""}/${textOf(fields["source"]) ?? ""}`;
  let read: ReturnType<typeof readEventJson>;
  try {
    read = readEventJson(event);
  } catch {
    return { kind: "poison", status: 400, detail: "the event cannot be read" };
  }
  return events.take(read, { ...platform, headers: [], authority: "", principal: { type: "AWSEventBridge", name }, wantsReply: false });
}
