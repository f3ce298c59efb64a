import type { BrokerEvents, BrokerEventsOptions } from "./broker-events.ts";
import { createEventDesk } from "./events/event-desk.ts";
import { createEventLedger } from "./events/event-ledger.ts";
import { createRequestRunner } from "./events/run-request-event.ts";
import { takeEventMessage } from "./events/take-event-message.ts";
import type { Snapshot } from "./model/snapshot.ts";

const MAX_EVENT_BYTES = 208 * 1024;

/** Puts the parts together that take an event in. */
export function createEventDoor(options: BrokerEventsOptions): BrokerEvents {
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
