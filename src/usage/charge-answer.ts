import type { CallInFlight } from "../call/attempt/attempt.ts";
import type { Stages } from "../call/stages.ts";
import type { Outcome } from "../model/outcome.ts";
import type { Tap } from "../stream/tap.ts";
import { completeUsage, learnRatio, usageOfUnanswered, usesTokens } from "./estimate-usage.ts";

/**
 * Notes what a delivered answer is charged for: the provider's own word. Where the answer broke off before that came, or the provider does not say, an
 * estimate from the bytes both ways. An error costs nothing. Of an API that nobody here reads nothing is known.
 */
export function chargeAnswer(stages: Stages, call: CallInFlight, status: number, whole: boolean, tap: Pick<Tap, "spokenBytes">): void {
  const { record, routed } = call;
  if (status >= 400 || !usesTokens(routed)) return;
  const told = record.answer?.usage ?? null;
  // An answer that has said why it ends has said all, whatever became of its last bytes.
  if (told !== null && (whole || (record.answer?.finishReasons.length ?? 0) > 0)) {
    record.charged = { usage: told, estimated: false };
    if (call.charges !== null) learnRatio(stages, call, told.inputTokens);
    return;
  }
  // Null: nobody could look into it.
  const spoken = tap.spokenBytes() ?? (routed.operation.dialect === null ? null : record.responseBytes);
  if (spoken !== null) record.charged = { usage: completeUsage(stages, call, told, spoken), estimated: true };
}

/** Notes what an attempt is charged for that gave no answer, if its destination may have begun to work: the input, estimated. A later answer takes its place. */
export function chargeUnanswered(stages: Stages, call: CallInFlight, outcome: Outcome | { readonly kind: "credential_unavailable" }): void {
  const usage = mayHaveWorked(outcome) ? usageOfUnanswered(stages, call) : null;
  if (usage !== null) call.record.charged = { usage, estimated: true };
}

/** Whether the destination may have carried out, or at least begun, what was asked of it without answering. */
export function mayHaveWorked(outcome: Outcome | { readonly kind: "credential_unavailable" }): boolean {
  switch (outcome.kind) {
    case "timeout":
      return outcome.phase !== "connect";
    case "reset":
      return outcome.sent;
    case "protocol":
    case "cancelled":
    case "violated":
      return true;
    default:
      return false;
  }
}
