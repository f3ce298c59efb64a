import type { AttemptRecord } from "../../model/call-record.ts";
import type { Cleared } from "../../model/cleared.ts";
import type { HeaderList } from "../../model/http.ts";
import type { Answer, AttemptFailure } from "../../model/outcome.ts";
import { upgradeFault } from "../../transport/check-upgrade.ts";
import { answerFault } from "../../transport/locate/answer-fault.ts";
import type { CallInFlight } from "./attempt.ts";
import { checkParentAnswer } from "./check-parent-answer.ts";

/** What of an answer's head contradicts what was asked for: its place, its chain, its handshake. Null: nothing does. Notes in the record what the answer says of its place. */
export function checkAnswer(
  call: CallInFlight,
  cleared: Cleared,
  attempt: AttemptRecord,
  answer: Answer,
  sent: HeaderList,
): AttemptFailure | null | Promise<AttemptFailure | null> {
  if (cleared.target.backend.parent === null && cleared.lock === null && call.routed.handshake === null) return null;
  return checkAll(call, cleared, attempt, answer, sent);
}

async function checkAll(call: CallInFlight, cleared: Cleared, attempt: AttemptRecord, answer: Answer, sent: HeaderList): Promise<AttemptFailure | null> {
  if (cleared.target.backend.parent !== null) {
    const answered = checkParentAnswer(cleared, answer);
    if (answered !== null) attempt.region = answered;
    if (answered?.decision === "violated") return { kind: "violated", message: answered.reason };
  }
  const fault = cleared.lock === null || attempt.region === null ? null : await answerFault(attempt.region, answer);
  if (fault !== null) {
    if (fault.kind === "violated" && attempt.region !== null) attempt.region = { ...attempt.region, decision: "violated", reason: fault.message };
    return fault;
  }
  const { handshake } = call.routed;
  if (handshake === null || answer.sender === null) return null;
  const refused = await upgradeFault(handshake, sent, answer.headers);
  return refused === null ? null : { kind: "protocol", message: refused };
}
