import type { BackendTimeouts, DnsProfile, TlsProfile } from "./backend.ts";
import type { CallSignal } from "./call-signal.ts";
import type { EgressEvent } from "./event.ts";
import type { HeaderList, Origin, RequestBody } from "./http.ts";
import type { Outcome } from "./outcome.ts";
import type { Secret, SecretLocation, SecretProvider } from "./secret.ts";

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
  | "crl"
  | "spki-pin"
  | "dns-pin"
  | "dns-guard"
  | "sni"
  | "h2"
  | "h2c"
  | "plaintext"
  | "service"
  | "host-rewrite";

/** The bytes about to leave, complete: nothing after `transport/send.ts` changes them. */
export interface OutboundRequest {
  readonly origin: Origin;
  readonly method: string;
  /** Path and query, built from parts. */
  readonly path: string;
  /** Host included. */
  readonly headers: HeaderList;
  readonly body: RequestBody;
  readonly protocol: "http1" | "h2" | "h2c";
  readonly tls: TlsProfile | null;
  readonly clientCertificate: Secret | null;
  readonly dns: DnsProfile;
  readonly timeouts: BackendTimeouts;
  /** Connections are shared only inside one pool: a backend and a credential, so that a desynchronised answer cannot reach another tenant. */
  readonly poolKey: string;
}

/** Connects, sends and gives the answer's head. Never retries, never follows a redirect, never inflates. Resolves always; failures are values. */
export interface Transport {
  readonly features: ReadonlySet<TransportFeature>;
  dispatch(request: OutboundRequest, signal: CallSignal): Promise<Outcome>;
  /** Closes pools: idle ones at once, busy ones when they are done. */
  close(): Promise<void>;
}

/** Where events go. `emit` never throws and never waits. */
export interface EventSink {
  emit(event: EgressEvent): void;
}

/** Fetches a small JSON document of the control plane (JWKS): bounded, no redirects. Rejects on anything but 200. */
export interface DocumentFetcher {
  fetchJson(uri: string, options: { readonly maxBytes: number; readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<unknown>;
}
