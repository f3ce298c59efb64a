import type { AttemptFailure } from "../model/outcome.ts";

/** An attempt's outcome as the law reads it: an answer's head with what its first bytes say, a failure, or no attempt for want of a credential. */
export type AttemptOutcome =
  | { readonly kind: "answer"; readonly status: number; readonly retryAfterMs: number | null; readonly firstEventIsError: boolean }
  | AttemptFailure
  | { readonly kind: "credential_unavailable" };

/** `good`: a proper answer. `counts`: one failure in a row. `ejects`: out at once. `none`: says nothing about the backend. */
export type HealthMark = "good" | "none" | "counts" | "ejects";

/** The row of the failover law that an outcome stands in. */
export interface Classified {
  readonly kind: /** Nothing to try again: a good answer, a redirect, a caller that left. */
    | "final"
    /** Nothing of the request was acted on: safe to repeat for every method. */
    | "unsent"
    | "denied"
    /** The last door refused it: nothing was sent, and the backend is not to blame. */
    | "locked"
    | "untrusted"
    | "credential_unavailable"
    | "credential_rejected"
    /** Answered without acting on it (429, 503, 529): safe to repeat for every method. */
    | "overloaded"
    /** May have been acted on: repeated only for inference, idempotent methods, and where the manifest lists it. */
    | "unsure"
    /** The caller's own fault: the same everywhere. */
    | "caller_fault";
  readonly reason: string;
  readonly health: HealthMark;
  /** The status by which a manifest lists this outcome; null: it cannot. */
  readonly status: number | null;
  readonly retryAfterMs: number | null;
  readonly timedOut: boolean;
  /** The connection had been closed before anything was sent. */
  readonly stale: boolean;
}

const NOTHING = { status: null, retryAfterMs: null, timedOut: false, stale: false } as const;

/** 529 is Anthropic's "overloaded". */
const OVERLOADED: ReadonlySet<number> = new Set([429, 503, 529]);

export function classify(outcome: AttemptOutcome): Classified {
  switch (outcome.kind) {
    case "answer":
      return classifyAnswer(outcome.status, outcome.retryAfterMs, outcome.firstEventIsError);
    case "credential_unavailable":
      // The store's trouble, not the backend's.
      return { ...NOTHING, kind: "credential_unavailable", reason: "credential_unavailable", health: "none" };
    case "violated":
      return { ...NOTHING, kind: "final", reason: "region_violated", health: "ejects" };
    case "connect":
      if (outcome.detail === "denied") return { ...NOTHING, kind: "denied", reason: "connect_denied", health: "ejects" };
      // One tenant can use its connections up: that must not take the backend from the others.
      return { ...NOTHING, kind: "unsent", reason: `connect_${outcome.detail}`, health: outcome.detail === "full" ? "none" : "ejects" };
    case "untrusted":
      return { ...NOTHING, kind: "untrusted", reason: `untrusted_${outcome.reason}`, health: "ejects" };
    case "timeout":
      if (outcome.phase === "connect") return { ...NOTHING, kind: "unsent", reason: "connect_timeout", health: "ejects", timedOut: true };
      // The call's own time is over: there is none left for another try.
      if (outcome.phase === "total") return { ...NOTHING, kind: "final", reason: "timeout", health: "counts", timedOut: true };
      return { ...NOTHING, kind: "unsure", reason: `timeout_${outcome.phase}`, health: "counts", status: 504, timedOut: true };
    case "reset":
      if (!outcome.sent) return { ...NOTHING, kind: "unsent", reason: "reset_unsent", health: "counts", stale: true };
      return { ...NOTHING, kind: "unsure", reason: "reset", health: "counts", status: 502 };
    case "protocol":
      return { ...NOTHING, kind: "unsure", reason: "protocol", health: "counts", status: 502 };
    case "region_locked":
      return { ...NOTHING, kind: "locked", reason: "region_locked", health: "none" };
    case "cancelled":
    case "request_body":
      return { ...NOTHING, kind: "final", reason: outcome.kind, health: "none" };
  }
}

function classifyAnswer(status: number, retryAfterMs: number | null, firstEventIsError: boolean): Classified {
  const base = { ...NOTHING, status, retryAfterMs, reason: `status_${status}` };
  if (firstEventIsError) return { ...base, kind: "unsure", reason: "error_event", health: "counts", status: 502 };
  if (status < 400) return { ...base, kind: "final", health: "good" };
  if (OVERLOADED.has(status)) return { ...base, kind: "overloaded", health: "counts" };
  if (status === 401 || status === 403) return { ...base, kind: "credential_rejected", health: "counts" };
  if (status === 408 || status >= 500) return { ...base, kind: "unsure", health: "counts" };
  return { ...base, kind: "caller_fault", health: "good" };
}
