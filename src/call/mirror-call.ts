import { newAttempt } from "../attribution/call-record.ts";
import { createCallAbort } from "../model/call-signal.ts";
import type { Cleared } from "../model/cleared.ts";
import type { PlannedMirror } from "../plan/plan-mirrors.ts";
import { attemptCandidate, type CallInFlight } from "./attempt/attempt.ts";
import { discardBody } from "./attempt/discard-body.ts";
import { shorterLimit } from "./call-timer.ts";
import type { Stages } from "./stages.ts";

/** Longest time of one copy: whoever gets it must not hold an instance that has nothing else to do. */
const MIRROR_MS = 10_000;

/**
 * Sends copies of a call to its mirrors, beside it: through the same door, with credentials of their own, once each. Their answers are read
 * off and dropped; what fails is counted and nothing else. Never throws and never waits.
 */
export function mirrorCall(stages: Stages, call: CallInFlight, mirrors: readonly PlannedMirror[]): void {
  for (const mirror of mirrors) {
    if (mirror.kind === "skip") stages.attribution.mirrored(call.record, mirror.backend, mirror.reason);
    else sendCopy(stages, call, mirror.cleared);
  }
}

function sendCopy(stages: Stages, call: CallInFlight, cleared: Cleared): void {
  const { exchange } = call.routed;
  const { request } = call.body;
  const backend = cleared.target.backend.key;
  const bytes = request.kind === "bytes" ? request.bytes.byteLength : 0;
  // A stream has one reader, and that is the call itself.
  if (request.kind === "stream" || !stages.mirrors.enter(bytes)) {
    stages.attribution.mirrored(call.record, backend, request.kind === "stream" ? "body_not_replayable" : "dropped");
    return;
  }
  // Not the caller's own signal: a copy goes on when the caller has its answer.
  const abort = createCallAbort();
  const limit = shorterLimit(shorterLimit(MIRROR_MS, call.routed.rule.timeouts.requestMs), exchange.remainingMs?.() ?? null) ?? MIRROR_MS;
  const cancelTimer = stages.clock.after(limit, () => abort.abort(new DOMException("the copy's time is up", "TimeoutError")));
  const attempt = newAttempt(cleared, null, stages.clock.monotonic());
  const work = attemptCandidate(stages, { ...call, signal: abort.signal, charges: null }, cleared, attempt, null)
    .then(async ({ outcome }) => {
      if (outcome.kind === "answer") await new Promise<void>((done) => discardBody(stages.clock, outcome.body, done));
      return outcome.kind;
    })
    .catch(() => "refused")
    .then((outcome) => {
      cancelTimer();
      stages.mirrors.leave(bytes);
      attempt.outcome = outcome;
      stages.attribution.mirrored(call.record, backend, outcome, attempt);
    });
  exchange.waitUntil(work);
}
