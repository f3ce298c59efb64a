import { find } from "../lib/header-list.ts";
import type { CallSignal } from "../model/call-signal.ts";
import type { CloudEvent } from "../model/cloud-event.ts";
import type { Exchange, IncomingBody, Responder } from "../model/exchange.ts";
import type { HeaderList, StreamBody } from "../model/http.ts";
import type { EventDelivery } from "./event-desk.ts";
import type { EgressRequest } from "./read-egress-request.ts";

export interface EventCall {
  readonly event: CloudEvent;
  readonly request: EgressRequest;
  readonly delivery: EventDelivery;
  /** The sender's own credential, where the event brings none. */
  readonly credential: HeaderList;
  readonly authority: string;
  readonly responder: Responder;
  readonly signal: CallSignal;
}

/** The call of an event as the ten stages take it: from here on it is a call like any other. */
export function eventExchange(call: EventCall): Exchange {
  const { event, request, delivery, credential, responder, signal } = call;
  const headers = [...request.headers, ...credential];
  // Distributed tracing extension of CloudEvents: the trace in which the event was made.
  const { traceparent } = event.extensions;
  if (traceparent !== undefined && find(headers, "traceparent") === null) headers.push("traceparent", traceparent);
  if (find(headers, "x-request-id") === null && /^[A-Za-z0-9._:+/=-]{8,128}$/.test(event.id)) headers.push("x-request-id", event.id);
  return {
    method: request.method,
    target: request.target,
    scheme: request.scheme,
    serverName: null,
    authority: call.authority,
    headers,
    port: null,
    remoteAddress: null,
    protocol: "1.1",
    principal: delivery.principal,
    place: delivery.place,
    remainingMs: delivery.remainingMs,
    routeName: request.route,
    joiner: null,
    signal,
    body: bodyOf(request.body),
    responder,
    waitUntil: (work) => delivery.waitUntil(work),
  };
}

function bodyOf(bytes: Uint8Array | null): IncomingBody {
  const whole = bytes ?? new Uint8Array();
  return {
    declaredLength: bytes === null ? null : whole.length,
    present: bytes !== null,
    collect: async (maxBytes) => (whole.length > maxBytes ? "too_large" : whole),
    stream: (maxBytes) => streamOf(whole, maxBytes),
  };
}

function streamOf(bytes: Uint8Array, maxBytes: number): StreamBody {
  return {
    kind: "stream",
    length: bytes.length,
    replayable: () => true,
    overflowed: () => bytes.length > maxBytes,
    async *open() {
      if (bytes.length > maxBytes) throw new Error("the request body is too large");
      if (bytes.length > 0) yield bytes;
    },
  };
}
