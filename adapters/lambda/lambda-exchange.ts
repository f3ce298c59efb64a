import { type BrokerPlace, type CallSignal, type Exchange, type IncomingBody, NOTHING_ATTESTED, type Responder } from "../../src/index.ts";
import type { HttpEvent } from "./http-event.ts";
import type { InvocationContext } from "./runtime-client.ts";

/** What the answer needs of an invocation's time: Lambda ends an environment that is not done by then, and with it whatever it was doing. */
const ANSWER_MS = 500;

/** One call of a function as the broker takes it. `waits` gets the work that must be done before the invocation ends. */
export function createLambdaExchange(
  event: HttpEvent,
  context: InvocationContext,
  place: BrokerPlace,
  signal: CallSignal,
  responder: Responder,
  waits: Set<Promise<unknown>>,
): Exchange {
  return {
    ...NOTHING_ATTESTED,
    method: event.method,
    target: event.target,
    scheme: event.scheme,
    authority: event.authority,
    headers: event.headers,
    port: event.port,
    remoteAddress: event.remoteAddress,
    protocol: "1.1",
    principal: event.principal,
    place,
    remainingMs: () => Math.max(0, context.getRemainingTimeInMillis() - ANSWER_MS),
    signal,
    body: heldBody(event.body),
    responder,
    waitUntil: (work) => {
      const settled = work.then(
        () => {},
        // The work reports its own failures.
        () => {},
      );
      waits.add(settled);
      void settled.then(() => waits.delete(settled));
    },
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
