import { find } from "../lib/header-list.ts";
import type { CloudEvent, EventAnswer, EventVerdict, IncomingEvents } from "../model/cloud-event.ts";
import type { EventDelivery, EventDesk } from "./event-desk.ts";
import { EventFault } from "./event-fault.ts";
import { readEventMessage } from "./read-event-message.ts";
import { structuredCloudEvent } from "./write-cloud-event.ts";

/** Events of one batch that are worked on at the same time. */
const CONCURRENCY = 8;

/**
 * Takes an HTTP message of events and answers as CloudEvents senders understand: 200 with the reply, 202 when nothing goes back, a status that
 * is retried (409, 429, 503) or one that is not (400, 401, 403). A batch is one message: it is retried as a whole while one of its events has
 * to be, and those that are done are answered from the record. Never rejects.
 */
export async function takeEventMessage(desk: EventDesk, incoming: IncomingEvents): Promise<EventAnswer> {
  const { headers, authority, body, platform } = incoming;
  const delivery: EventDelivery = {
    headers,
    authority,
    principal: platform.principal,
    place: platform.place,
    remainingMs: platform.remainingMs,
    waitUntil: (work) => platform.waitUntil(work),
    // RFC 7240; Knative sends it with every delivery whose reply it routes on.
    wantsReply: (find(headers, "prefer") ?? "").split(/[,;]/).some((one) => one.trim().toLowerCase() === "reply"),
  };
  const unproved = await desk.unproved(delivery);
  if (unproved !== null) return answerOf([unproved], false);
  const bytes = await body();
  if (bytes === null) return problem(413, "a message of events is larger than 4 MiB: send several");
  let message: ReturnType<typeof readEventMessage>;
  try {
    message = readEventMessage(headers, bytes);
  } catch (error) {
    if (error instanceof EventFault) return problem(error.status, error.message);
    throw error;
  }
  return answerOf(await takeAll(desk, message.events, delivery), message.batched);
}

function answerOf(verdicts: readonly EventVerdict[], batched: boolean): EventAnswer {
  const retries = verdicts.filter((verdict) => verdict.kind === "retry");
  const [first] = retries;
  if (first !== undefined) {
    const seconds = Math.max(...retries.map((verdict) => verdict.retryAfterSeconds ?? 0));
    return problem(first.status, first.detail, seconds > 0 ? { "retry-after": String(seconds) } : {});
  }
  const poison = verdicts.find((verdict) => verdict.kind === "poison");
  if (poison !== undefined) return problem(poison.status, poison.detail, poison.status === 401 ? { "www-authenticate": 'Bearer realm="spillway"' } : {});
  const replies = verdicts.flatMap((verdict) => (verdict.kind === "done" && verdict.reply !== null ? [structuredCloudEvent(verdict.reply)] : []));
  const [reply] = replies;
  if (reply === undefined) return { status: 202, headers: {}, body: null };
  return batched
    ? { status: 200, headers: { "content-type": "application/cloudevents-batch+json; charset=utf-8" }, body: JSON.stringify(replies) }
    : { status: 200, headers: { "content-type": "application/cloudevents+json; charset=utf-8" }, body: JSON.stringify(reply) };
}

async function takeAll(desk: EventDesk, events: readonly CloudEvent[], delivery: EventDelivery): Promise<readonly EventVerdict[]> {
  const verdicts: EventVerdict[] = [];
  let next = 0;
  async function work(): Promise<void> {
    for (let at = next++; at < events.length; at = next++) {
      const event = events[at];
      if (event !== undefined) verdicts[at] = await desk.take(event, delivery);
    }
  }
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, events.length) }, work));
  return verdicts;
}

function problem(status: number, detail: string, headers: Readonly<Record<string, string>> = {}): EventAnswer {
  return {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
    body: JSON.stringify({ type: "about:blank", title: "The event was not taken", status, detail }),
  };
}
