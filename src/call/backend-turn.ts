import { isCallersOwn } from "../credentials/caller-tokens.ts";
import type { Cleared } from "../model/cleared.ts";
import { Refusal } from "../model/errors.ts";
import type { HealthRule } from "../model/snapshot.ts";
import type { Seat } from "../plan/concurrency.ts";
import { type Closed, EVERYTHING, type FailureSigns, NO_SIGNS } from "../plan/health.ts";
import type { HealthMark } from "../plan/judge.ts";
import type { Failure, HeldTurn } from "../plan/tenant-health.ts";
import type { Attempted, CallInFlight } from "./attempt/attempt.ts";
import { givenFirstByteMs } from "./call-timer.ts";
import type { Stages } from "./stages.ts";

/** What one call has of the health of its backends, one at a time. */
export interface BackendTurn {
  /** Null: the backend may be called now; else it is passed over, and this is why. */
  take(cleared: Cleared): Refusal | null;
  /** What came of it, for those who call after. `retryAfterMs`: how long the backend wants to be left alone; null: it does not say. */
  tell(attempted: Attempted, mark: HealthMark, retryAfterMs: number | null): void;
  /** Gives back what told nothing about the backend. To be called whatever happened. */
  leave(): void;
  /** The backend's answer goes on after the turn: whoever takes the place gives it back. Null: the backend has no limit. */
  keepSeat(): Seat | null;
}

export function createBackendTurn({ health, concurrency }: Stages, call: CallInFlight, candidates: readonly Cleared[]): BackendTurn {
  const { namespace } = call.routed.caller;
  const view = health.viewOf(namespace);
  let held: HeldTurn | null = null;
  let isLast: boolean | null = null;
  let seat: Seat | null = null;

  function leave(): void {
    held?.release();
    held = null;
    seat?.leave();
    seat = null;
  }

  return {
    take(cleared) {
      leave();
      const { key, concurrency: rule } = cleared.target.backend;
      if (rule !== null) {
        seat = concurrency.enter(key, rule);
        if (seat === null) return FULL;
      }
      isLast ??= !candidates.some((one) => view.available(one.target.backend.key));
      const turn = health.claim(key, namespace, isLast ? subjectOf(call, cleared) : null);
      if (turn === "free") return null;
      if ("status" in turn) return refusalOf(turn);
      held = turn;
      return null;
    },
    tell(attempted, mark, retryAfterMs) {
      const { cleared } = attempted;
      const { key } = cleared.target.backend;
      if (seat !== null && (mark === "good" || isOverload(call, attempted))) seat.tell(mark === "good" ? "good" : "overloaded");
      if (mark === "none") return;
      // A head brings an evicted backend back. It does not end a row of failures: a backend may break off every stream that it begins.
      if (mark === "good") {
        if (held !== null || !view.available(key)) health.succeeded(key, namespace);
      } else {
        health.failed(key, namespace, { rule: cleared.health, kind: mark, signs: signsOf(call, attempted, retryAfterMs), whose: whoseFailure(attempted) });
      }
      // Now it is known how the backend is.
      if (held?.turn === "probe") held = null;
    },
    leave,
    keepSeat() {
      const kept = seat;
      seat = null;
      return kept;
    },
  };
}

const FULL = new Refusal("upstream_unavailable", {
  detail: "Every destination has as many calls open as it can take now (BackendConnectionPolicy spec.concurrency).",
  status: 503,
  retryAfter: 1,
});

/** The backend says that it has too much to do, or shows it: nobody takes the connection, or begins to answer. */
function isOverload({ routed }: CallInFlight, { outcome, cleared }: Attempted): boolean {
  if (outcome.kind === "answer") return outcome.status === 429 || outcome.status === 503 || outcome.status === 529;
  if (outcome.kind === "connect") return outcome.detail === "refused";
  if (outcome.kind !== "timeout") return false;
  // A limit of a route or a group that is shorter than the backend's own says more about whoever wrote it.
  const shorter = givenFirstByteMs(routed, cleared);
  return (
    outcome.phase === "connect" ||
    (outcome.phase === "first_byte" && (shorter === null || shorter >= (cleared.target.backend.timeouts.firstByteMs ?? Infinity)))
  );
}

/** What no caller can bring about: nobody takes the connection, or proves who it is. */
function whoseFailure({ outcome }: Attempted): Failure["whose"] {
  return outcome.kind === "connect" || outcome.kind === "untrusted" || (outcome.kind === "timeout" && outcome.phase === "connect") ? "backend" : "caller";
}

/** An answer that its destination has broken off. */
export function brokenOff(rule: HealthRule): Failure {
  return { rule, kind: "counts", signs: NO_SIGNS, whose: "caller" };
}

function signsOf(call: CallInFlight, { outcome, cleared }: Attempted, retryAfterMs: number | null): FailureSigns {
  const limited = outcome.kind === "answer" && outcome.status === 429;
  return { retryAfterMs, waits: limited ? waiting(call, cleared) : EVERYTHING, status: limited ? 429 : 503, slow: outcome.kind === "timeout" };
}

/** Whose wait a 429 is: that of calls for the same, and where callers have credentials of their own that of one caller. */
function waiting(call: CallInFlight, cleared: Cleared): string | null {
  return isCallersOwn(cleared.target.backend.credential) ? null : subjectOf(call, cleared);
}

/** What providers limit by itself: a model, and of other APIs an address. */
function subjectOf({ body, routed }: CallInFlight, { target }: Cleared): string {
  return target.model ?? body.facts?.model ?? routed.path.slice(0, 256);
}

/** Fails fast: the same question a moment ago was answered with a wait or with silence. */
function refusalOf({ status, retryAfterMs }: Closed): Refusal {
  const retryAfter = Math.max(1, Math.ceil(retryAfterMs / 1000));
  if (status === 504)
    return new Refusal("upstream_timeout", { detail: "The destination has stopped answering, and another call waits for it already.", retryAfter });
  return new Refusal("upstream_unavailable", {
    detail: "Every destination of this route is left alone for now: it failed, or asked for it.",
    status,
    retryAfter,
  });
}
