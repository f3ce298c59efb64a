import type { RotationWatch } from "./credentials/rotation-watch.ts";
import { createEventDesk, type EventDelivery } from "./events/event-desk.ts";
import { createEventLedger } from "./events/event-ledger.ts";
import { createRequestRunner } from "./events/run-request-event.ts";
import { takeEventMessage } from "./events/take-event-message.ts";
import type { Caller } from "./model/caller.ts";
import type { CloudEvent, EventAnswer, EventVerdict, IncomingEvents } from "./model/cloud-event.ts";
import type { Exchange } from "./model/exchange.ts";
import type { Clock, EventPublisher, StateStore } from "./model/ports.ts";
import type { RotationNotice } from "./model/rotation.ts";
import type { Snapshot } from "./model/snapshot.ts";

/** What a platform adds so that events can come in. */
export interface EventPorts {
  /** Ledger of request events, and the record of rotations. */
  readonly state: StateStore;
  /** Where answers to events go that nobody waits for; null: nowhere. */
  readonly answers: EventPublisher | null;
  /** Reads the configuration anew; null: there is nothing to read. */
  readonly reload: (() => Promise<void>) | null;
  /** CloudEvents `source` of answers: a URI reference. */
  readonly source: string;
  /**
   * Bytes that the event of an answer may have, in JSON; a body that does not fit is cut, and said to be. Default 208 KiB, which leaves 144 KiB for any
   * body: below the limits of SQS and EventBridge (256 KiB) and of the ledger.
   */
  readonly maxEventBytes?: number;
  /** Milliseconds for which an instance that has taken a call on may be silent before another takes it over. Default 30 s. */
  readonly leaseMs?: number;
}

/** The broker's door for events. Nothing here rejects. */
export interface BrokerEvents {
  /** One event, from a queue, a bus or a stream. */
  take(event: CloudEvent, delivery: EventDelivery): Promise<EventVerdict>;
  /** An HTTP message with one event or a batch. */
  takeMessage(message: IncomingEvents): Promise<EventAnswer>;
}

export interface BrokerEventsOptions extends EventPorts {
  readonly clock: Clock;
  readonly snapshot: () => Snapshot | null;
  readonly handle: (exchange: Exchange) => Promise<void>;
  readonly identify: (delivery: EventDelivery) => Promise<Caller | "unknown" | null>;
  readonly isOperator: (caller: Caller) => boolean;
  /** Drops what the notice names on this instance. */
  readonly drop: (notice: RotationNotice) => void;
  readonly watch: RotationWatch | null;
}

const MAX_EVENT_BYTES = 208 * 1024;

export function createBrokerEvents(options: BrokerEventsOptions): BrokerEvents {
  const { clock, state, drop, watch } = options;
  const run = createRequestRunner({
    clock,
    handle: options.handle,
    isOperator: options.isOperator,
    authorityOf: (route) => authorityOf(options.snapshot(), route),
    ledger: createEventLedger(state, clock, options.leaseMs === undefined ? {} : { leaseMs: options.leaseMs }),
    answers: options.answers,
    source: options.source,
    maxEventBytes: options.maxEventBytes ?? MAX_EVENT_BYTES,
  });
  const desk = createEventDesk({
    identify: options.identify,
    isOperator: options.isOperator,
    run,
    rotated: async (notice) => {
      drop(notice);
      await watch?.mark(notice, new AbortController().signal);
    },
    reload: options.reload,
  });
  return { take: desk.take, takeMessage: (message) => takeEventMessage(desk, message) };
}

/** A host by which the HTTPRoute is reached; null: it is not there, or takes any host. */
function authorityOf(snapshot: Snapshot | null, route: string): string | null {
  for (const gateway of snapshot?.gateways ?? []) {
    for (const listener of gateway.listeners) {
      const rule = listener.routes.rules.find((one) => `${one.route.namespace}/${one.route.name}` === route);
      const name = rule?.hostnames[0] ?? (rule === undefined ? null : listener.hostname);
      // Any label stands for the star.
      if (name !== null && name !== undefined) return name.startsWith("*.") ? `event${name.slice(1)}` : name;
    }
  }
  return null;
}
