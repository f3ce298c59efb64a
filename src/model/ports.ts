import type { BackendTimeouts, DnsProfile, TlsProfile } from "./backend.ts";
import type { CallSignal } from "./call-signal.ts";
import type { CloudEvent } from "./cloud-event.ts";
import type { EgressEvent } from "./event.ts";
import type { HeaderList, Origin, RequestBody } from "./http.ts";
import type { Outcome } from "./outcome.ts";
import type { Secret, SecretLocation, SecretProvider } from "./secret.ts";
import type { TokenEndpoint } from "./token-plan.ts";

/** Time and timers. The core has no clock of its own. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump. */
  now(): number;
  /** Milliseconds from an arbitrary start; never jumps. For durations and windows. */
  monotonic(): number;
  /** Runs `callback` after `ms`; the returned function cancels it. */
  after(ms: number, callback: () => void): () => void;
}

/** Uniform in [0, 1). */
export type Random = () => number;

/** How hard this instance is pressed, where the platform can tell. */
export interface Pressure {
  /** Whether one more call may come in: to be asked once a call, before anything is done for it. Always true while there is no overload. */
  admits(): boolean;
  /** Null: this instance can do what it is asked to. */
  overload(): Overload | null;
  /** `changed` is told of each beginning and each end of an overload, with the one that ended. */
  watch(changed: (overload: Overload, over: boolean) => void): void;
}

/** An instance that is asked for more than it can do. */
export interface Overload {
  /** What is short: turns of the event loop come late, or memory is nearly used up. */
  readonly cause: "event_loop" | "memory";
  /** Milliseconds since the Unix epoch at which it began. */
  readonly since: number;
}

/** Reads one secret value from where it lives. One file per implementation in `adapters/secrets/`; all pass `test/contracts/secret-store.ts`. */
export interface SecretStore {
  readonly providers: ReadonlySet<SecretProvider>;
  /** Rejects with `SecretStoreError`. */
  fetch(location: SecretLocation, signal: AbortSignal): Promise<Secret>;
}

/** `denied` and `missing` are answers of the store; `unavailable` is an outage, during which a stale value may serve. */
export class SecretStoreError extends Error {
  override readonly name = "SecretStoreError";
  readonly reason: "denied" | "missing" | "malformed" | "unavailable";

  constructor(reason: "denied" | "missing" | "malformed" | "unavailable", message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

export type TransportFeature =
  | "custom-ca"
  | "client-cert"
  | "client-cert-binding"
  | "crl"
  | "spki-pin"
  | "dns-pin"
  | "dns-guard"
  | "sni"
  | "h2"
  | "h2c"
  | "plaintext"
  | "service"
  | "host-rewrite"
  | "upgrade";

/** The bytes about to leave, complete: nothing after `transport/send.ts` changes them. */
export interface OutboundRequest {
  readonly origin: Origin;
  readonly method: string;
  /** Path and query, built from parts. */
  readonly path: string;
  /** Host included. */
  readonly headers: HeaderList;
  readonly body: RequestBody;
  /** Asks for another protocol on the same connection (RFC 9110 section 7.8); the transport writes `Connection` and `Upgrade` itself. */
  readonly upgrade: "websocket" | null;
  readonly protocol: "http1" | "h2" | "h2c";
  readonly tls: TlsProfile | null;
  readonly clientCertificate: Secret | null;
  /** What the sources of `tls.crl` hold, in their order; empty: it has none. */
  readonly revocationLists: readonly Secret[];
  readonly dns: DnsProfile;
  readonly timeouts: BackendTimeouts;
  /** Connections are shared only inside one pool: a backend and a namespace, and a caller where callers have credentials of their own, so that a desynchronised answer cannot reach another tenant. */
  readonly poolKey: string;
}

/** Connects, sends and gives the answer's head. Never retries, never follows a redirect, never inflates. Resolves always; failures are values. */
export interface Transport {
  readonly features: ReadonlySet<TransportFeature>;
  dispatch(request: OutboundRequest, signal: CallSignal): Promise<Outcome>;
  /** Closes pools: idle ones at once, busy ones when they are done. */
  close(): Promise<void>;
}

/** One call of the broker's own to the control plane, such as for a token. */
export interface ControlRequest {
  readonly endpoint: TokenEndpoint;
  readonly method: "GET" | "POST" | "PUT";
  /** Without Host and framing. */
  readonly headers: HeaderList;
  readonly body: Uint8Array | null;
  /** Where the endpoint's TLS profile names one. */
  readonly clientCertificate: Secret | null;
  /** What the sources of the endpoint's revocation lists hold. */
  readonly revocationLists: readonly Secret[];
}

export interface ControlAnswer {
  readonly status: number;
  readonly headers: HeaderList;
  /** Whole, at most 1 MiB. */
  readonly bytes: Uint8Array;
}

/** Sends it once, through the door and with the transport's own guards; follows no redirect. Rejects with `SecretStoreError` `unavailable`, or with the signal's reason. */
export type ControlCall = (request: ControlRequest, signal: AbortSignal) => Promise<ControlAnswer>;

/** Where events go. `emit` never throws and never waits. */
export interface EventSink {
  emit(event: EgressEvent): void;
}

/** Hands CloudEvents to a sink and knows that they have arrived: for what must not be lost. */
export interface EventPublisher {
  /** Events that one `publish` may take. */
  readonly maxBatch: number;
  /** Resolves when the sink has taken charge of all of them. Rejects with `PublishError`; then some may have arrived all the same. */
  publish(events: readonly CloudEvent[], signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** `retryable`: an outage, or too much at once; else the sink will never take these events. Its message is for the log and quotes no event. */
export class PublishError extends Error {
  override readonly name = "PublishError";
  readonly retryable: boolean;
  /** Positions in the batch of the events that are not known to have arrived; null: all of them. */
  readonly untaken: readonly number[] | null;

  constructor(message: string, retryable: boolean, options: ErrorOptions & { readonly untaken?: readonly number[] } = {}) {
    super(message, options);
    this.retryable = retryable;
    this.untaken = options.untaken ?? null;
  }
}

/**
 * A small store that instances share: texts of up to 256 KiB by key, each with an end of its own, changed only by whoever saw its latest version.
 * One file per implementation in `adapters/state/`; all pass `test/contracts/state-store.ts`. Every method rejects with `StateStoreError`.
 */
export interface StateStore {
  /** False: only this instance sees it. */
  readonly shared: boolean;
  /** Null: there is none, or its time is up. Sees every write that was finished before. */
  get(key: string, signal: AbortSignal): Promise<StateEntry | null>;
  /** Writes if the latest version is `expected` (null: if there is none). Gives the new version; null: somebody else was faster, and nothing changed. */
  put(key: string, value: string, options: { readonly expected: string | null; readonly ttlMs: number }, signal: AbortSignal): Promise<string | null>;
  /** Removes it if the latest version is `expected`. */
  remove(key: string, expected: string, signal: AbortSignal): Promise<boolean>;
  close(): Promise<void>;
}

export interface StateEntry {
  readonly value: string;
  /** Opaque; never used twice for a key. */
  readonly version: string;
}

/** The store cannot be reached, or gave no proper answer. Its message is for the log and quotes no value. */
export class StateStoreError extends Error {
  override readonly name = "StateStoreError";
}

/** What a cluster says of one of its tokens (TokenReview, authentication.k8s.io/v1). */
export interface TokenReview {
  readonly authenticated: boolean;
  /** Such as `system:serviceaccount:team-a:chat`; null: it names nobody. */
  readonly username: string | null;
  /** Of the audiences that were asked for, those that the token is meant for; empty: the cluster knows nothing of audiences. */
  readonly audiences: readonly string[];
}

/** Asks a cluster whether a token still counts: whether its pod, node and ServiceAccount are there yet. */
export interface TokenReviewer {
  /** Has a deadline of its own. Rejects with `TokenReviewError`, or with the signal's reason. */
  review(token: string, audiences: readonly string[], signal: AbortSignal): Promise<TokenReview>;
}

/** `denied`: the cluster does not let this broker ask. Its message is for the log and quotes no token. */
export class TokenReviewError extends Error {
  override readonly name = "TokenReviewError";
  readonly reason: "denied" | "unavailable";

  constructor(reason: "denied" | "unavailable", message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** Fetches a small JSON document of the control plane (JWKS): bounded, no redirects. Rejects on anything but 200. */
export interface DocumentFetcher {
  fetchJson(uri: string, options: { readonly maxBytes: number; readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<unknown>;
}
