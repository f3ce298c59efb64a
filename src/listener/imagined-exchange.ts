import { type Exchange, NOTHING_ATTESTED } from "../model/exchange.ts";
import type { HeaderList } from "../model/http.ts";

/** The head of a call that is only thought of: to explain it, or to ask who a credential belongs to. */
export interface ImaginedCall {
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  readonly headers: HeaderList;
  /** Left out: `http`. */
  readonly scheme?: "http" | "https";
}

/** An exchange with nothing behind it: it has a head, no body to read and nobody to answer. */
export function imaginedExchange(call: ImaginedCall): Exchange {
  return {
    scheme: "http",
    ...call,
    port: null,
    remoteAddress: null,
    protocol: "1.1",
    ...NOTHING_ATTESTED,
    joiner: { join: async () => ({ kind: "complete", bytes: 0, bytesSent: 0, failure: null }) },
    signal: new AbortController().signal,
    body: { declaredLength: null, present: false, collect: async () => new Uint8Array(), stream: noBody },
    responder: { started: false, reply: () => {}, deliver: async () => ({ kind: "complete", bytes: 0, failure: null }) },
    waitUntil: () => {},
  };
}

function noBody(): never {
  throw new Error("an imagined call has no body");
}
