import type { AttemptFailure, ConnectDetail, UntrustedReason } from "../../src/index.ts";

/** Why no connection came about. Carries the failure as the core knows it, with words of our own: never what a library or a peer said. */
export class ConnectFailure extends Error {
  override readonly name = "ConnectFailure";
  /** Unlike undici's own codes, so that undici does not try again by itself. */
  readonly code = "SPILLWAY_CONNECT";
  readonly failure: AttemptFailure;

  constructor(failure: AttemptFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

export function connectFailure(detail: ConnectDetail, message: string): ConnectFailure {
  return new ConnectFailure({ kind: "connect", detail, message });
}

export function untrusted(reason: UntrustedReason, message: string): ConnectFailure {
  return new ConnectFailure({ kind: "untrusted", reason, message });
}

export function connectTimeout(milliseconds: number): ConnectFailure {
  return new ConnectFailure({ kind: "timeout", phase: "connect", message: `no connection within ${milliseconds} ms` });
}
