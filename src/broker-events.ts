import type { RotationWatch } from "./credentials/rotation-watch.ts";
import type { EventDelivery } from "./events/event-desk.ts";
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

/** The door is loaded with the first event: a broker that takes calls only never needs it. */
export function createBrokerEvents(options: BrokerEventsOptions): BrokerEvents {
  let door: BrokerEvents | null = null;
  const open = async (): Promise<BrokerEvents> => {
    const { createEventDoor } = await import("./event-door.ts");
    // Not the promise is kept: on Workers one request must not wait for what another began. And there is one door: it knows what is under way.
    door ??= createEventDoor(options);
    return door;
  };
  return {
    take: async (event, delivery) => (await open()).take(event, delivery),
    takeMessage: async (message) => (await open()).takeMessage(message),
  };
}
