import { secretOf } from "../credentials/attach.ts";
import type { SecretLease } from "../credentials/secret-cache.ts";
import { find } from "../lib/header-list.ts";
import { retryAfterIn } from "../lib/retry-after.ts";
import { tooLarge } from "../listener/receive.ts";
import { abortSignalOf, type CallSignal } from "../model/call-signal.ts";
import type { Cleared } from "../model/cleared.ts";
import { Refusal } from "../model/errors.ts";
import type { Clock } from "../model/ports.ts";
import type { Seat } from "../plan/concurrency.ts";
import { judge, judgeGood, type Verdict } from "../plan/judge.ts";
import { chargeUnanswered } from "../usage/charge-answer.ts";
import { type Attempted, attemptCandidate, type CallInFlight } from "./attempt/attempt.ts";
import { discardBody } from "./attempt/discard-body.ts";
import { speakable } from "./attempt/translate-candidate.ts";
import { createBackendTurn } from "./backend-turn.ts";
import { noteDistrust } from "./note-distrust.ts";
import { noteStanding } from "./note-standing.ts";
import type { Stages } from "./stages.ts";

const CREDENTIAL_RETRY_MS = 1_000;

/** The attempt whose answer is delivered. */
export interface Won extends Attempted {
  /** The shortest Retry-After of the other destinations, in milliseconds, where it is shorter than the answer's own; null: the answer's own stands. */
  readonly soonestRetryMs: number | null;
  /** The answer is to its backend's credit as soon as it is whole. */
  readonly speaksWell: boolean;
  /** The place at the backend, to be given back when the answer is over; null: it has no limit. */
  readonly seat: Seat | null;
}

/**
 * Candidate after candidate until one gives an answer to deliver, as the failover law says (`plan/judge.ts`), inside the
 * caller's one request. Throws the `Refusal` that the caller gets when none does.
 */
export async function findAnswer(stages: Stages, call: CallInFlight, planned: readonly Cleared[], deadline: number | null): Promise<Won> {
  const speaking = speakable(call, planned);
  const candidates = speaking instanceof Promise ? await speaking : speaking;
  let index = 0;
  let passed = 0;
  let sameBackendTries = 0;
  let extraTries = 0;
  let renewed: SecretLease | null = null;
  let refetched = false;
  let soonest: number | null = null;
  let noRoom: Refusal | null = null;
  let taken = -1;
  const turn = createBackendTurn(stages, call, candidates);
  try {
    for (;;) {
      const cleared = candidates[index];
      // What a limit says counts where nobody else was tried.
      if (cleared === undefined) throw index === passed && noRoom !== null ? noRoom : exhausted(soonest);
      const { backend } = cleared.target;
      if (taken !== index) {
        taken = index;
        const closed = turn.take(cleared);
        if (closed !== null) {
          noRoom = sooner(noRoom, closed);
          passed += 1;
          index += 1;
          continue;
        }
      }
      if (call.charges !== null && cleared.target.limits.length > 0) {
        const refusal: Refusal | null = await call.charges.enter(cleared);
        if (refusal !== null) {
          notePassedOver(stages, call, cleared, refusal);
          noRoom ??= refusal;
          passed += 1;
          index += 1;
          continue;
        }
      }
      stages.budget.charge(backend.key, sameBackendTries > 0, backend.retryBudget);
      const attempt = stages.attribution.beginAttempt(call.record, cleared, null);
      const attempted = await attemptCandidate(stages, call, cleared, attempt, renewed);
      attempt.ended = stages.clock.monotonic();
      attempt.outcome = attempted.outcome.kind;
      attempt.cause = causeOf(attempted.outcome);
      renewed = null;
      const { request } = call.body;
      if (attempted.outcome.kind === "request_body" && request.kind === "stream" && request.overflowed()) {
        throw tooLarge(call.routed.gateway.bounds.maxRequestBytes);
      }
      const retryAfterMs = retryAfterOf(attempted, stages.clock);
      if (retryAfterMs !== null && (soonest === null || retryAfterMs < soonest)) soonest = retryAfterMs;
      noteDistrust(stages, call, cleared, attempted);
      const decide = (alreadyRefetched: boolean): Verdict =>
        judge({
          outcome: factsOf(attempted, retryAfterMs),
          inference: call.routed.operation.inference,
          method: call.routed.method,
          retry: call.routed.rule.retry,
          failover: cleared.failover,
          isLast: index === candidates.length - 1,
          sameBackendTries,
          extraTries,
          credentialOwned: secretOf(backend.credential) !== null || (backend.parent !== null && rejectsOurToken(attempted)),
          alreadyRefetched,
          parent: backend.parent === null ? null : { spoke: spokenByBroker(attempted) },
          replayable: request.kind !== "stream" || request.replayable(),
          budgetAllows: stages.budget.allow(backend.key, backend.retryBudget),
          budgetWritten: backend.retryBudget !== null,
          msLeft: deadline === null ? null : deadline - stages.clock.monotonic(),
          random: stages.random(),
        });
      let verdict = goodVerdict(attempted) ?? decide(refetched);
      if (verdict.action === "refetch_credential") {
        renewed = await renew(stages, call, cleared, attempted);
        refetched = true;
        // A store that has nothing to give leaves the refusal as it stands.
        if (renewed === null) verdict = decide(true);
      }
      noteStanding(stages, cleared, attempted, verdict);
      // What a parent says of waiting is about destinations behind it, not about the parent.
      turn.tell(attempted, verdict.health, backend.parent === null ? retryAfterMs : null);
      if (verdict.action === "deliver" || verdict.action === "give_up") attempt.heldBack = verdict.reason;
      if (verdict.action === "deliver") {
        return { ...attempted, soonestRetryMs: soonest === retryAfterMs ? null : soonest, speaksWell: verdict.health === "good", seat: turn.keepSeat() };
      }
      if (attempted.outcome.kind === "answer") discardBody(stages.clock, attempted.outcome.body);
      chargeUnanswered(stages, call, attempted.outcome);
      call.charges?.leave(attempted.outcome, verdict.action === "next");
      if (verdict.action === "give_up") throw giveUp(verdict, soonest, backend.retryBudget !== null);
      attempt.failoverReason = verdict.reason;
      if (verdict.action === "refetch_credential") continue;
      // What the door held back was no try.
      if (attempted.outcome.kind !== "region_locked") extraTries += 1;
      if (verdict.action === "again") {
        sameBackendTries += 1;
        await pause(stages, verdict.afterMs, call.signal);
      } else {
        index += 1;
        sameBackendTries = 0;
        refetched = false;
      }
    }
  } finally {
    turn.leave();
  }
}

/** Of two reasons not to try anybody: the one whose time is over first. */
function sooner(one: Refusal | null, other: Refusal): Refusal {
  return one === null || (other.retryAfter ?? 0) < (one.retryAfter ?? Number.POSITIVE_INFINITY) ? other : one;
}

/** A destination whose limit has no room is told of like one that failed; to its health it is nothing. */
function notePassedOver(stages: Stages, { record }: CallInFlight, cleared: Cleared, refusal: Refusal): void {
  const attempt = stages.attribution.beginAttempt(record, cleared, null);
  attempt.ended = attempt.started;
  attempt.outcome = refusal.code;
  attempt.failoverReason = refusal.code;
}

/** A word of ours for telemetry, never text of an upstream. */
function causeOf(outcome: Attempted["outcome"]): string | null {
  if (outcome.kind === "connect") return outcome.detail;
  if (outcome.kind === "timeout") return outcome.phase;
  return outcome.kind === "untrusted" ? outcome.reason : null;
}

function factsOf(attempted: Attempted, retryAfterMs: number | null) {
  const { outcome } = attempted;
  if (outcome.kind !== "answer") return outcome;
  return { kind: "answer" as const, status: outcome.status, retryAfterMs, firstEventIsError: attempted.firstEventIsError };
}

/** A broker writes one of these on every answer. */
function spokenByBroker({ outcome }: Attempted): boolean {
  return outcome.kind === "answer" && (find(outcome.headers, "x-egress-error") ?? find(outcome.headers, "x-egress-backend")) !== null;
}

/** A parent that does not take the token by which this broker tells it who calls: that is not the caller's fault. */
function rejectsOurToken({ outcome }: Attempted): boolean {
  return outcome.kind === "answer" && outcome.status === 401 && (find(outcome.headers, "x-egress-error")?.startsWith("identity_") ?? false);
}

function goodVerdict({ outcome, firstEventIsError }: Attempted): Verdict | null {
  return outcome.kind === "answer" ? judgeGood(outcome.status, firstEventIsError) : null;
}

function retryAfterOf({ outcome }: Attempted, clock: Clock): number | null {
  return outcome.kind === "answer" ? retryAfterIn(outcome.headers, clock.now()) : null;
}

/** The provider did not take our credential: read it anew, once. Null when the store has no other. */
async function renew(stages: Stages, call: CallInFlight, cleared: Cleared, attempted: Attempted): Promise<SecretLease | null> {
  const { secret, lease, outcome } = attempted;
  const { backend } = cleared.target;
  if (secret === null || lease === null) return null;
  // The keys may be good and the clock wrong: signed at the provider's own time they may be taken.
  if (backend.credential?.type === "sigV4" && outcome.kind === "answer" && stages.signer.learn(backend.origin.hostname, outcome)) return lease;
  try {
    const renewed = await stages.secrets.refetch(secret, lease.secret, abortSignalOf(call.signal));
    // The very same one: the destination has said no to it already.
    return renewed.secret === lease.secret ? null : renewed;
  } catch {
    // The store is down or denies: the next candidate may still serve.
    return null;
  }
}

function giveUp(verdict: Extract<Verdict, { action: "give_up" }>, soonestMs: number | null, budgetWritten: boolean): Refusal {
  // The secret cache asks a store that failed again within a second.
  const retryAfterMs = verdict.refusal === "credential_unavailable" ? Math.min(soonestMs ?? CREDENTIAL_RETRY_MS, CREDENTIAL_RETRY_MS) : soonestMs;
  const retryAfter = retryAfterMs === null ? {} : { retryAfter: Math.ceil(retryAfterMs / 1000) };
  const status = budgetWritten && verdict.reason === "retry_budget" ? { status: 503 } : {};
  return new Refusal(verdict.refusal, { detail: verdict.detail, ...retryAfter, ...status });
}

function exhausted(soonestMs: number | null): Refusal {
  const retryAfter = soonestMs === null ? {} : { retryAfter: Math.ceil(soonestMs / 1000) };
  return new Refusal("upstream_unavailable", {
    detail: "Every destination of this route failed. The request id finds the attempts in the broker's log.",
    ...retryAfter,
  });
}

function pause(stages: Stages, ms: number, signal: CallSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const stop = () => {
      cancel();
      signal.removeEventListener("abort", stop);
      resolve();
    };
    const cancel = stages.clock.after(ms, stop);
    signal.addEventListener("abort", stop);
  });
}
