import type { Caller, PlatformPrincipal } from "../model/caller.ts";
import type { CloudEvent, EventVerdict } from "../model/cloud-event.ts";
import type { BrokerPlace } from "../model/exchange.ts";
import type { HeaderList } from "../model/http.ts";
import type { RotationNotice } from "../model/rotation.ts";
import { REQUEST_TYPE } from "./read-egress-request.ts";
import { type Notice, readNotice } from "./read-notice.ts";
import type { RequestRunner } from "./run-request-event.ts";

/** How an event came, as the platform hands it over. */
export interface EventDelivery {
  /** Headers of the HTTP message that brought it, the sender's credential among them; empty where a queue or a bus did. */
  readonly headers: HeaderList;
  /** Host that took it. */
  readonly authority: string;
  readonly principal: PlatformPrincipal | null;
  readonly place: BrokerPlace;
  /** Milliseconds that are left; null: no limit. */
  readonly remainingMs: (() => number) | null;
  waitUntil(work: Promise<unknown>): void;
  /** True where the answer can go back to the sender (`Prefer: reply`); else it is published. */
  readonly wantsReply: boolean;
}

/** Takes events that come to the broker: calls, rotations, changes of configuration. */
export interface EventDesk {
  /** Null: the sender may speak; else what it gets. Nothing of its message has to be read for that. Never rejects. */
  unproved(delivery: EventDelivery): Promise<EventVerdict | null>;
  /** Never rejects. Whoever is not proved gets `poison` 401. */
  take(event: CloudEvent, delivery: EventDelivery): Promise<EventVerdict>;
}

export interface EventDeskOptions {
  /** Who sends it; null: not proved; `unknown`: cannot be checked now. Never rejects. */
  readonly identify: (delivery: EventDelivery) => Promise<Caller | "unknown" | null>;
  /** Whether this caller belongs to a Gateway's own namespace. */
  readonly isOperator: (caller: Caller) => boolean;
  readonly run: RequestRunner;
  /** Drops the secret here and tells the other instances. */
  readonly rotated: (notice: RotationNotice) => Promise<void>;
  /** Reads the configuration anew; null: this platform has nothing to read. */
  readonly reload: (() => Promise<void>) | null;
}

const DONE: EventVerdict = { kind: "done", reply: null };
const NOT_CHECKED: EventVerdict = { kind: "retry", status: 503, detail: "the sender cannot be checked now", retryAfterSeconds: 5 };

export function createEventDesk(options: EventDeskOptions): EventDesk {
  const { identify, isOperator, run, rotated, reload } = options;

  async function act(notice: Notice): Promise<EventVerdict> {
    try {
      if (notice.kind === "rotation") await rotated(notice.rotation);
      if (notice.kind === "configuration") await reload?.();
      return DONE;
    } catch {
      // Done here, perhaps, but not everywhere: the next delivery tries again, and to do it twice harms nobody.
      return { kind: "retry", status: 503, detail: "what the event asks for could not be done everywhere", retryAfterSeconds: 5 };
    }
  }

  return {
    async unproved(delivery) {
      if (delivery.principal !== null) return null;
      const sender = await identify(delivery);
      if (sender === "unknown") return NOT_CHECKED;
      return sender === null ? notProved(delivery) : null;
    },
    async take(event, delivery) {
      const sender = await identify(delivery);
      const notice = readNotice(event);
      // A configuration that cannot be used must not keep out the word that there is a new one.
      if (notice !== null && isPlatformItself(delivery.principal)) return act(notice);
      // An outage of ours is no fault of the event's: it must not end among the dead letters.
      if (sender === "unknown") return NOT_CHECKED;
      if (notice !== null) {
        if (sender === null) return notProved(delivery);
        if (isOperator(sender)) return act(notice);
        return { kind: "poison", status: 403, detail: "rotations and changes of configuration are taken from senders of the Gateway's own namespace" };
      }
      if (event.type !== REQUEST_TYPE) return { kind: "poison", status: 400, detail: `events of this type are not taken; a call is ${REQUEST_TYPE}` };
      // A queue may carry calls that each bring a token of their own; whoever uses HTTP must show who it is itself.
      if (sender === null && delivery.principal === null) return notProved(delivery);
      return run(event, delivery, sender);
    },
  };
}

function notProved(delivery: EventDelivery): EventVerdict {
  const detail =
    delivery.principal === null
      ? "the sender shows no credential that this broker accepts: an OIDC or service account token with its audience, or an API key"
      : "BrokerConfig identity.principals does not name this sender";
  return { kind: "poison", status: 401, detail };
}

/** EventBridge lets nobody but AWS put events whose source begins with `aws.`. */
function isPlatformItself(principal: PlatformPrincipal | null): boolean {
  return principal?.type === "AWSEventBridge" && /^\d{12}\/aws\./.test(principal.name);
}
