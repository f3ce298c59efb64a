import { type BrokerPlace, type CallSignal, type EventPlatform, type Exchange, type IncomingBody, NOTHING_ATTESTED, type Responder } from "../../src/index.ts";
import type { BackgroundWork } from "./background-work.ts";
import type { HttpEvent } from "./http-event.ts";
import type { InvocationContext } from "./runtime-client.ts";

/** What the answer needs of an invocation's time: Lambda ends an environment that is not done by then, and with it whatever it was doing. */
const ANSWER_MS = 500;

/** One call of a function as the broker takes it. */
export function createLambdaExchange(
  event: HttpEvent,
  context: InvocationContext,
  place: BrokerPlace,
  signal: CallSignal,
  responder: Responder,
  work: BackgroundWork,
): Exchange {
  return {
    ...NOTHING_ATTESTED,
    ...attested(event, context, place, work),
    method: event.method,
    target: event.target,
    scheme: event.scheme,
    authority: event.authority,
    headers: event.headers,
    port: event.port,
    remoteAddress: event.remoteAddress,
    protocol: "1.1",
    signal,
    body: heldBody(event.body),
    responder,
  };
}

/** What the platform says of an invocation. */
export function attested(event: Pick<HttpEvent, "principal">, context: InvocationContext, place: BrokerPlace, work: BackgroundWork): EventPlatform {
  return {
    principal: event.principal,
    place,
    remainingMs: () => Math.max(0, context.getRemainingTimeInMillis() - ANSWER_MS),
    waitUntil: work.add,
  };
}

/** A body that came whole with its event. */
function heldBody(bytes: Uint8Array): IncomingBody {
  return {
    declaredLength: bytes.length,
    present: bytes.length > 0,
    collect: (maxBytes) => Promise.resolve(bytes.length > maxBytes ? "too_large" : bytes),
    stream: (maxBytes) => ({
      kind: "stream",
      length: bytes.length,
      replayable: () => bytes.length <= maxBytes,
      overflowed: () => bytes.length > maxBytes,
      open: async function* () {
        if (bytes.length > maxBytes) throw new Error("the request body is too large");
        yield bytes;
      },
    }),
  };
}
