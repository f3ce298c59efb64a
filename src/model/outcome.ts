import type { HeaderList } from "./http.ts";

/** Why an attempt gave no usable answer. A value, never an exception: the failover law (`plan/judge.ts`) reads it. */
export type AttemptFailure =
  | { readonly kind: "connect"; readonly detail: ConnectDetail; readonly message: string }
  | { readonly kind: "untrusted"; readonly reason: UntrustedReason; readonly message: string }
  | { readonly kind: "timeout"; readonly phase: "connect" | "first_byte" | "idle" | "total"; readonly message: string }
  /** The connection broke. `sent` says whether any byte of the request had left. */
  | { readonly kind: "reset"; readonly sent: boolean; readonly message: string }
  /** What came is not HTTP, or contradicts its own framing. */
  | { readonly kind: "protocol"; readonly message: string }
  /** The caller left, or the call's own time was up: nobody wants the answer. */
  | { readonly kind: "cancelled"; readonly message: string }
  /** The last door refused it: nothing has left. */
  | { readonly kind: "region_locked"; readonly message: string }
  /** The answer says that the call was processed outside the place that it was let through for, or does not say where although it has to. */
  | { readonly kind: "violated"; readonly message: string }
  /** The body could not be read from the caller or cannot be sent a second time. */
  | { readonly kind: "request_body"; readonly message: string };

/** `refused` also covers an unreachable host; `denied` an address that policy forbids. */
export type ConnectDetail =
  | "dns"
  | "refused"
  | "tls"
  | "denied"
  /** As many connections as this instance takes to it are in use: nobody was dialled, and it says nothing about the destination. */
  | "full"
  | "other";

/** What kept the other end from being believed, or us from being believed by it. Goes to events, spans and metrics as it stands. */
export type UntrustedReason =
  | "wrong_ca"
  | "wrong_name"
  | "wrong_purpose"
  | "expired"
  | "not_yet_valid"
  /** The chain does not hold together: a signature, a constraint, a length. */
  | "bad_chain"
  | "revoked"
  | "crl_expired"
  /** No list covers some issuer of the chain. */
  | "crl_missing"
  /** A list cannot be read, is not signed by its issuer, or is not yet good. */
  | "crl_unavailable"
  | "pin_mismatch"
  /** No address of the name has a reverse name that policy asks for. */
  | "wrong_reverse_name"
  /** The destination asks for a client certificate, and the backend has none. */
  | "no_client_certificate"
  | "client_certificate_refused";

/** An answer whose head has arrived. The body is pulled or pushed by `body`. */
export interface Answer {
  readonly kind: "answer";
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: AnswerBody;
  /** Of a 101 alone: from here on bytes go both ways, those of the destination by `body`. */
  readonly sender: UpgradedSender | null;
  /** Address and protocol that served it, for telemetry; null where the platform does not say. */
  readonly peer: { readonly address: string | null; readonly protocol: string | null };
}

export type Outcome = Answer | AttemptFailure;

/**
 * The body of an answer. Bytes that arrive before `consume` are held (the source is paused beyond a small bound).
 * Exactly one of `consume` and `cancel` must be called: every body is consumed or cancelled.
 */
export interface AnswerBody {
  /** What has arrived so far, without consuming it; waits until there is more than `beyond` bytes, or the end, or a failure. */
  peek(beyond: number): Peeked | Promise<Peeked>;
  /** Hands the held bytes and all that follow to the consumer. The first-byte timer stops here. */
  consume(consumer: BodyConsumer): void;
  pause(): void;
  resume(): void;
  /** Stops the upstream at once. Idempotent; harmless after the end. */
  cancel(): void;
}

export interface Peeked {
  readonly bytes: Uint8Array;
  readonly ended: boolean;
  readonly failure: AttemptFailure | null;
}

export interface BodyConsumer {
  chunk(bytes: Uint8Array): void;
  /** The framing of the answer is complete. `trailers`: the fields that came behind the body (HTTP/2 only); null: none. */
  end(trailers: HeaderList | null): void;
  failed(failure: AttemptFailure): void;
}

/** The way to a destination that has left HTTP behind (101). */
export interface UpgradedSender {
  /** False: the destination takes no more for now, and `onDrain` tells when it does. */
  write(bytes: Uint8Array): boolean;
  /** Sets the one listener. */
  onDrain(listener: () => void): void;
  /** Nothing more follows; the destination may still speak. */
  end(): void;
}
