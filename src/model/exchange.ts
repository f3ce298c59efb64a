import type { CallSignal } from "./call-signal.ts";
import type { PlatformPrincipal } from "./caller.ts";
import type { StreamCodec } from "./codec.ts";
import type { HeaderList, RequestBody } from "./http.ts";
import type { AnswerBody, AttemptFailure, UpgradedSender } from "./outcome.ts";

/** One call as the platform hands it over. The platform owns the bytes; the core sees lists and arrays. */
export interface Exchange {
  readonly method: string;
  /** Origin-form request target, path and query, exactly as it arrived. */
  readonly target: string;
  /** As the connection is, or as the platform attests that the caller's was: never what a header says. */
  readonly scheme: "http" | "https";
  /** The name that the caller asked a certificate for (SNI), empty where it asked for none; null: it was not this process that terminated TLS. */
  readonly serverName: string | null;
  /** The validated authority (Host or :authority), as it arrived. */
  readonly authority: string;
  readonly headers: HeaderList;
  /** Port by which the Gateway listener is chosen, where the platform knows one. */
  readonly port: number | null;
  readonly remoteAddress: string | null;
  readonly protocol: string;
  /** Who sent it, where the platform has proved that; it counts only when the call shows no credential of its own. */
  readonly principal: PlatformPrincipal | null;
  /** Where this instance runs, for locks that bind the broker too. */
  readonly place: BrokerPlace;
  /** Milliseconds that the platform gives this call from now on, an answer included; null: no limit of its own. */
  readonly remainingMs: (() => number) | null;
  /** `namespace/name` of the only HTTPRoute that may serve the call, where the sender named one; null: precedence alone decides. */
  readonly routeName: string | null;
  /** Aborts when the caller goes away. */
  readonly signal: CallSignal;
  readonly body: IncomingBody;
  readonly responder: Responder;
  /** Where the caller's connection can be joined with the destination's; null: the platform cannot, or the call asks for no such thing. */
  readonly joiner: Joiner | null;
  /** Work that may go on after the answer has left. */
  waitUntil(work: Promise<unknown>): void;
}

/** Where an instance of the broker runs. Null is unknown, and unknown is outside every lock. */
export interface BrokerPlace {
  /** Region as the providers write it, such as `eu-central-1`. */
  readonly region: string | null;
  /** ISO 3166-1 alpha-2, where only the country is known. */
  readonly country: string | null;
}

export const UNKNOWN_PLACE: BrokerPlace = { region: null, country: null };

/** Of a call about whose way here the platform says nothing. */
export const NOTHING_ATTESTED: Pick<Exchange, "serverName" | "principal" | "place" | "remainingMs" | "routeName" | "joiner"> = {
  joiner: null,
  principal: null,
  place: UNKNOWN_PLACE,
  remainingMs: null,
  serverName: null,
  routeName: null,
};

/** Why a body could not be had whole. */
export type BodyFailure = "too_large" | "too_slow" | "aborted";

/** How the platform gives the request body to the core. Exactly one method is called, once, or none. */
export interface IncomingBody {
  /** From `content-length`; null when chunked or absent. */
  readonly declaredLength: number | null;
  /** False when the message cannot have a body. */
  readonly present: boolean;
  /** Whole, bounded: more than `maxBytes` gives `too_large` (and the rest is not read into memory), a caller that drips it `too_slow`. */
  collect(maxBytes: number): Promise<Uint8Array | BodyFailure>;
  /** As a stream that can be opened again while all of it fits `replayBytes`; reading beyond `maxBytes` throws. */
  stream(maxBytes: number, replayBytes: number): Extract<RequestBody, { kind: "stream" }>;
}

/** The way back to the caller. */
export interface Responder {
  /** True once a byte of the answer, its head included, is on its way: no other answer can follow. */
  readonly started: boolean;
  /** A whole answer that the broker makes itself. */
  reply(status: number, headers: HeaderList, body: Uint8Array | null): void;
  /** Drives an upstream's body through the codec to the caller, with back-pressure both ways. Resolves once, never rejects. */
  deliver(delivery: Delivery): Promise<DeliveryEnd>;
}

export interface Delivery {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: AnswerBody;
  /** Null: nothing needs to see the bytes, so the platform may hand them through untouched. */
  readonly codec: StreamCodec | null;
  /** What of the destination's trailers goes on to the caller; null: none does. A platform or protocol without trailers drops them. */
  readonly trailers: ((trailers: HeaderList) => HeaderList) | null;
  /** Called when the first byte of the body goes out. */
  onFirstByte(): void;
}

export interface DeliveryEnd {
  readonly kind: "complete" | "caller_gone" | "upstream_failed" | "truncated" | "stalled";
  /** Body bytes handed to the caller. */
  readonly bytes: number;
  readonly failure: AttemptFailure | null;
}

/** Ends HTTP on the caller's connection with a 101 and joins it with the destination's (RFC 9110 section 7.8). */
export interface Joiner {
  /** Carries bytes both ways, with back-pressure, until either side is gone. Resolves once, never rejects. */
  join(joining: Joining): Promise<JoiningEnd>;
}

export interface Joining {
  /** Of the 101, without `Connection` and `Upgrade`, which the platform writes. */
  readonly headers: HeaderList;
  /** From the destination to the caller. */
  readonly body: AnswerBody;
  /** From the caller to the destination. */
  readonly sender: UpgradedSender;
  /** Milliseconds of silence both ways after which the connection ends; null: no limit. */
  readonly idleMs: number | null;
  /** Called when the first byte of the destination goes out. */
  onFirstByte(): void;
}

export interface JoiningEnd {
  /** `complete`: the destination ended the connection, or the caller did in order. `idle`: nobody said anything. `cut`: the broker stops, or the call's time is up. */
  readonly kind: "complete" | "caller_gone" | "upstream_failed" | "idle" | "cut";
  /** Bytes handed to the caller, behind the head. */
  readonly bytes: number;
  /** Bytes taken from the caller, behind the head. */
  readonly bytesSent: number;
  readonly failure: AttemptFailure | null;
}
