import type { JsonObject } from "../../lib/json-value.ts";
import { asArray, asObject, asString } from "../../lib/json-value.ts";
import type { AnswerFacts, Operation } from "../../model/operation.ts";
import { factsOrNull, laterFacts } from "../usage.ts";
import { readUsage } from "./read-usage.ts";

/** Facts of a whole JSON answer; null when it is none that tells anything. */
export function readAnswer(value: unknown, operation: Operation): AnswerFacts | null {
  const answer = asObject(value);
  return answer === null ? null : factsOrNull(factsOf(answer, operation));
}

/** Folds one event. Chunks of a chat carry the facts themselves; events of the Responses API carry them in `response`. */
export function readEvent(value: unknown, known: AnswerFacts | null, operation: Operation): AnswerFacts | null {
  const event = asObject(value);
  if (event === null) return known;
  if (operation.name === "responses") {
    const response = asObject(event["response"]);
    return response === null ? known : laterFacts(known, factsOf(response, operation));
  }
  const facts = factsOf(event, operation);
  const later = laterFacts(known, facts);
  // Each choice reports its end in a chunk of its own, so these add up.
  const finishReasons = known === null ? facts.finishReasons : [...known.finishReasons, ...facts.finishReasons];
  return factsOrNull({ ...later, finishReasons });
}

function factsOf(answer: JsonObject, operation: Operation): AnswerFacts {
  return {
    usage: readUsage(answer["usage"], answer["service_tier"]),
    responseModel: asString(answer["model"]),
    responseId: asString(answer["id"]),
    finishReasons: operation.name === "responses" ? responseEnd(answer) : choiceEnds(answer),
  };
}

function choiceEnds(answer: JsonObject): string[] {
  const reasons: string[] = [];
  for (const choice of asArray(answer["choices"])) {
    const reason = asString(asObject(choice)?.["finish_reason"]);
    if (reason !== null) reasons.push(reason);
  }
  return reasons;
}

/** The Responses API has no finish reason; its status is the nearest thing, and for `incomplete` the reason why. */
function responseEnd(answer: JsonObject): string[] {
  const status = asString(answer["status"]);
  if (status === null || status === "in_progress" || status === "queued") return [];
  return [asString(asObject(answer["incomplete_details"])?.["reason"]) ?? status];
}
