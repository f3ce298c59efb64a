import type { RefusalCode } from "../model/errors.ts";
import { IDEMPOTENT_METHODS } from "../model/http.ts";
import type { AttemptFailure } from "../model/outcome.ts";
import type { FailoverRule, RetryRule } from "../model/snapshot.ts";
import { type AttemptOutcome, type Classified, classify, type HealthMark } from "./classify.ts";

export type { AttemptOutcome, HealthMark } from "./classify.ts";

/** What the failover law is decided on: one attempt's outcome, before any byte of it went to the caller. */
export interface Judged {
  readonly outcome: AttemptOutcome;
  /** The call asks a model for something. */
  readonly inference: boolean;
  readonly method: string;
  readonly retry: RetryRule | null;
  readonly failover: FailoverRule | null;
  /** No candidate is left after this one. */
  readonly isLast: boolean;
  /** Attempts that repeated this backend so far; 0 at its first. */
  readonly sameBackendTries: number;
  /** Attempts of the call beyond its first. */
  readonly extraTries: number;
  /** The credential that was sent is the broker's, not the caller's. */
  readonly credentialOwned: boolean;
  /** The secret was read anew for this candidate already. */
  readonly alreadyRefetched: boolean;
  /** The backend is a broker itself, which retries on its own; `spoke`: the answer is that broker's, not that of something in front of it. Null: it is no broker. */
  readonly parent: { readonly spoke: boolean } | null;
  /** The request body can be sent once more from its first byte. */
  readonly replayable: boolean;
  /** The retry budget of this backend has room. */
  readonly budgetAllows: boolean;
  /** A policy names that budget: then a call that it holds back gets 503, whatever the destination said (GEP-3388). */
  readonly budgetWritten: boolean;
  /** Milliseconds until `timeouts.request`; null: no limit. */
  readonly msLeft: number | null;
  /** In [0, 1). */
  readonly random: number;
}

/** What to do now. `reason` is a closed set of words and statuses, safe for telemetry; on `deliver` and `give_up` it says what held the failover back, null when none was due. */
export type Verdict =
  | { readonly action: "deliver"; readonly reason: string | null; readonly health: HealthMark }
  | { readonly action: "next"; readonly reason: string; readonly health: HealthMark }
  /** The same backend once more, after `afterMs` milliseconds. */
  | { readonly action: "again"; readonly reason: string; readonly afterMs: number; readonly health: HealthMark }
  | { readonly action: "refetch_credential"; readonly reason: string; readonly health: HealthMark }
  | { readonly action: "give_up"; readonly refusal: RefusalCode; readonly detail: string; readonly reason: string | null; readonly health: HealthMark };

/** Longest wait inside a call for a backend that said when to come back: SDKs wait better than a held connection does. */
const MAX_WAIT_MS = 10_000;
/** Repeats on one backend where `retry` names none. */
const DEFAULT_REPEATS = 2;

/**
 * The failover law (DESIGN section 6), whole: the outcome's class says whether another try is safe, then the bounds say whether there is
 * room for one, then it goes to the next candidate, or to the same one only where nobody is left. Pure. In doubt the call is not repeated.
 */
export function judge(input: Judged): Verdict {
  const found = classify(input.outcome);
  const { health, reason } = found;
  if (found.kind === "final") return stop(input, found, null);
  // Nothing was sent, so no bound is used up; and nothing but another candidate can help.
  if (found.kind === "locked") return input.isLast ? stop(input, found, null) : { action: "next", reason, health };
  // Whatever left for a parent is the parent's: to repeat it here would multiply what it has repeated already.
  if (input.parent !== null && !NEVER_SENT.has(found.kind)) return stop(input, input.parent.spoke ? { ...found, health: "good" } : found, "parent");
  if (found.kind === "credential_rejected" && !input.credentialOwned) return { action: "deliver", reason: null, health: "good" };
  if (found.kind === "caller_fault" && !listed(input.retry, found)) return { action: "deliver", reason: null, health };
  if (found.kind === "unsure" && !mayRepeat(input, found)) return stop(input, found, "not_idempotent");
  if (!input.replayable) return stop(input, found, "body_not_replayable");
  if (input.msLeft !== null && input.msLeft <= 0) return stop(input, found, "no_time");
  if (found.kind === "credential_rejected" && !input.alreadyRefetched) return { action: "refetch_credential", reason, health: "none" };
  if (isSpent(input)) return stop(input, found, "attempts_spent");
  // The caller's own fault is the same everywhere: it may be repeated where `retry` lists it, but nobody else is asked.
  const elsewhere = !input.isLast && found.kind !== "caller_fault";
  const stale = found.stale && input.sameBackendTries === 0 && input.budgetAllows;
  if (elsewhere && !stale) return { action: "next", reason, health };
  const afterMs = repeatAfter(input, found);
  if (afterMs === null) return stop(input, found, "no_candidate");
  if (!input.budgetAllows) return input.budgetWritten ? { action: "give_up", ...OVER_BUDGET, health } : stop(input, found, "retry_budget");
  if (input.msLeft !== null && afterMs >= input.msLeft) return stop(input, found, "no_time");
  return { action: "again", reason, afterMs, health };
}

/** Rows of the law of which no byte has left. */
const NEVER_SENT: ReadonlySet<Classified["kind"]> = new Set(["unsent", "denied", "untrusted", "credential_unavailable"]);

const GOOD: Verdict = { action: "deliver", reason: null, health: "good" };

/**
 * What `judge` says of an answer that nothing speaks against, which nearly every answer is: said without working out what the
 * other rows of the law need. Null: `judge` decides.
 */
export function judgeGood(status: number, firstEventIsError: boolean): Verdict | null {
  return status < 400 && !firstEventIsError ? GOOD : null;
}

/** `retry.attempts` is the total of extra tries, whoever they go to. */
function isSpent({ retry, extraTries }: Judged): boolean {
  return retry !== null && retry.attempts !== null && extraTries >= retry.attempts;
}

/** The request may have been carried out. Asking a model twice costs money at worst; anything else only where HTTP or the manifest says so. */
function mayRepeat(input: Judged, found: Classified): boolean {
  if (input.inference || IDEMPOTENT_METHODS.has(input.method) || listed(input.retry, found)) return true;
  return found.status !== null && (input.failover?.statusCodes.has(found.status) ?? false);
}

/** Whether HTTPRoute `retry` covers this outcome. With no codes it covers failed connections and timeouts (GEP-1731). */
function listed(retry: RetryRule | null, found: Classified): boolean {
  if (retry === null) return false;
  if (found.kind === "unsent") return true;
  if (found.timedOut && retry.codes.size === 0) return true;
  return found.status !== null && retry.codes.has(found.status);
}

/** Milliseconds to wait before the same backend is tried once more; null: the law gives it no second try. */
function repeatAfter(input: Judged, found: Classified): number | null {
  const { retry, sameBackendTries, random } = input;
  // RFC 9112 section 9.3.1: a connection that the server closed before it saw anything (a stale kept-alive one) may be replaced at once.
  if (found.stale && sameBackendTries === 0) return 0;
  // What failed to prove itself will not do better, and what the address policy denies is denied.
  if (found.kind === "untrusted" || found.kind === "denied" || found.kind === "credential_rejected" || found.kind === "credential_unavailable") return null;
  const asked = found.retryAfterMs;
  if (asked !== null && asked > MAX_WAIT_MS) return null;
  if (retry !== null && listed(retry, found)) {
    if (sameBackendTries >= (retry.attempts ?? DEFAULT_REPEATS)) return null;
    // `backoff` is a minimum; the spread above it keeps callers from coming back in step.
    const backoff = retry.backoffMs * 2 ** Math.min(sameBackendTries, 6) * (1 + random / 2);
    return Math.round(Math.max(backoff, asked ?? 0));
  }
  if (sameBackendTries > 0) return null;
  return found.kind === "overloaded" && asked !== null ? Math.round(asked * (1 + random / 10)) : null;
}

/** Nothing more is tried: an answer of the destination goes to the caller as it is, a failure becomes a refusal. */
function stop(input: Judged, found: Classified, reason: string | null): Verdict {
  const { health } = found;
  if (input.outcome.kind === "answer" && !(found.kind === "credential_rejected" && input.credentialOwned)) return { action: "deliver", reason, health };
  return { action: "give_up", ...refusalOf(input, reason), reason, health };
}

const OVER_BUDGET = {
  refusal: "upstream_unavailable",
  detail: "The destination failed, and its retry budget is spent (XBackendTrafficPolicy).",
  reason: "retry_budget",
} as const;

const NOT_REPLAYABLE = {
  refusal: "upstream_unavailable",
  detail: "The destination failed and the request body is too large to be sent again (BrokerConfig spec.bounds.replayBytes).",
} as const;

function refusalOf(input: Judged, reason: string | null): { readonly refusal: RefusalCode; readonly detail: string } {
  switch (input.outcome.kind) {
    case "answer":
      return { refusal: "upstream_auth", detail: "The destination did not accept the broker's own credential, nor a fresh copy of it." };
    case "credential_unavailable":
      return { refusal: "credential_unavailable", detail: "The credential for the destination could not be read from its store." };
    default:
      if (reason === "body_not_replayable") return NOT_REPLAYABLE;
      return refusalOfFailure(input.outcome, input.extraTries, input.msLeft);
  }
}

function refusalOfFailure(failure: AttemptFailure, extraTries: number, msLeft: number | null): { readonly refusal: RefusalCode; readonly detail: string } {
  switch (failure.kind) {
    case "timeout":
      return { refusal: "upstream_timeout", detail: "The destination did not answer in time." };
    case "untrusted":
      return { refusal: "upstream_untrusted", detail: "The destination could not prove who it is." };
    case "request_body":
      if (extraTries === 0) return { refusal: "request_malformed", detail: "The request ended before its body was complete." };
      return { refusal: "upstream_unavailable", detail: "The first destination failed and the request body could not be sent again." };
    case "cancelled":
      if (msLeft !== null && msLeft <= 0) return { refusal: "upstream_timeout", detail: "The time limit of the call is over (timeouts.request)." };
      return { refusal: "upstream_unavailable", detail: "The call was cancelled." };
    case "region_locked":
      return { refusal: "region_locked", detail: `The call may not go to its destination: ${failure.message}.` };
    case "violated":
      return { refusal: "region_violated", detail: "The destination says that it processed the call outside the allowed regions, or does not say where." };
    case "connect":
      return { refusal: "upstream_unavailable", detail: "The destination could not be reached." };
    default:
      return { refusal: "upstream_unavailable", detail: "The destination broke the connection or did not answer in HTTP." };
  }
}
