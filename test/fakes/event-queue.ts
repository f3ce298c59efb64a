import { setTimeout as wait } from "node:timers/promises";
import { CALLER_TOKEN } from "./manifests.ts";

export type EventObject = Readonly<Record<string, unknown>>;

/** A message that nobody will take, and why it was given up. */
export interface DeadLetter {
  readonly ids: readonly string[];
  readonly reason: string;
}

/** A queue as platforms have it: at least once, over HTTP; what is not acknowledged comes again after a short while, and at last goes to the dead letters. */
export interface EventQueue {
  /** One message: an event, or several as a batch. Settles when it was acknowledged or given up. */
  send(event: EventObject | readonly EventObject[] | string): Promise<void>;
  readonly dead: DeadLetter[];
  /** Deliveries so far, the acknowledged ones among them. */
  readonly deliveries: { all: number; acknowledged: number };
}

export interface EventQueueOptions {
  /** Base URL of whoever gets this delivery; null: nobody is there now. */
  readonly target: (attempt: number) => string | null;
  readonly backOffMs?: number;
  readonly maxTries?: number;
}

/** Statuses after which CloudEvents senders deliver once more. */
const RETRIED: ReadonlySet<number> = new Set([404, 408, 409, 425, 429]);

export function createEventQueue({ target, backOffMs = 100, maxTries = 200 }: EventQueueOptions): EventQueue {
  const dead: DeadLetter[] = [];
  const deliveries = { all: 0, acknowledged: 0 };

  async function deliver(message: EventObject | readonly EventObject[] | string, attempt: number): Promise<number | null> {
    const url = target(attempt);
    if (url === null) return null;
    deliveries.all += 1;
    try {
      const answer = await fetch(`${url}/-/events`, { method: "POST", ...written(message, attempt), signal: AbortSignal.timeout(20_000) });
      await answer.arrayBuffer();
      return answer.status;
    } catch {
      return null;
    }
  }

  return {
    dead,
    deliveries,
    async send(message) {
      const ids = idsOf(message);
      let last: number | null = null;
      for (let attempt = 0; attempt < maxTries; attempt += 1) {
        if (attempt > 0) await wait(backOffMs);
        last = await deliver(message, attempt);
        if (last !== null && last >= 200 && last < 300) {
          deliveries.acknowledged += 1;
          return;
        }
        if (last !== null && last < 500 && !RETRIED.has(last)) return void dead.push({ ids, reason: `refused with ${last}` });
      }
      dead.push({ ids, reason: `not taken in ${maxTries} deliveries: ${last}` });
    },
  };
}

/** Structured, binary or batched; a redelivery changes between the first two, as a queue behind two brokers of events may. */
function written(message: EventObject | readonly EventObject[] | string, attempt: number): { readonly headers: Record<string, string>; readonly body: string } {
  const authorization = `Bearer ${CALLER_TOKEN}`;
  const structured = "application/cloudevents+json; charset=utf-8";
  if (typeof message === "string") return { headers: { authorization, "content-type": structured }, body: message };
  if (isBatch(message)) return { headers: { authorization, "content-type": "application/cloudevents-batch+json" }, body: JSON.stringify(message) };
  const even = (String(message["id"]).length + attempt) % 2 === 0;
  if (even || message["data"] === undefined) return { headers: { authorization, "content-type": structured }, body: JSON.stringify(message) };
  const { data, ...attributes } = message;
  const headers: Record<string, string> = { authorization, "content-type": "application/json" };
  for (const [name, value] of Object.entries(attributes)) headers[`ce-${name}`] = encodeURIComponent(String(value));
  return { headers, body: JSON.stringify(data) };
}

function isBatch(message: EventObject | readonly EventObject[]): message is readonly EventObject[] {
  return Array.isArray(message);
}

function idsOf(message: EventObject | readonly EventObject[] | string): readonly string[] {
  if (typeof message === "string") return [message];
  return (isBatch(message) ? message : [message]).map(({ id }) => String(id));
}
