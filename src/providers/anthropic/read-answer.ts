import type { JsonObject } from "../../lib/json-value.ts";
import { asCount, asObject, asString } from "../../lib/json-value.ts";
import type { AnswerFacts, Operation } from "../../model/operation.ts";
import { factsOrNull, laterFacts } from "../usage.ts";
import { readUsage } from "./read-usage.ts";

/** Facts of a whole JSON answer. A token count is no use of tokens: `count_tokens` tells nothing. */
export function readAnswer(value: unknown, operation: Operation): AnswerFacts | null {
  const answer = asObject(value);
  if (answer === null || operation.name === "count_tokens") return null;
  return factsOrNull(factsOf(answer));
}

/**
 * Folds one event: `message_start` opens with the input's usage, `message_delta` sets the totals so far (they are
 * cumulative: set, never add). Older versions leave the input out of the delta, so the start's stays.
 */
export function readEvent(value: unknown, known: AnswerFacts | null): AnswerFacts | null {
  const event = asObject(value);
  if (event === null) return known;
  if (event["type"] === "message_start") {
    const message = asObject(event["message"]);
    return message === null ? known : laterFacts(known, factsOf(message));
  }
  if (event["type"] !== "message_delta") return known;
  const reason = asString(asObject(event["delta"])?.["stop_reason"]);
  const usage = readUsage(withCache(event["usage"], known));
  return laterFacts(known, { usage, responseModel: null, responseId: null, finishReasons: reason === null ? [] : [reason] });
}

/** A delta that names the input but not the cache would lose the cached part of the sum: it is taken from the start. */
function withCache(value: unknown, known: AnswerFacts | null): unknown {
  const usage = asObject(value);
  if (usage === null) return value;
  return {
    ...usage,
    cache_read_input_tokens: asCount(usage["cache_read_input_tokens"]) ?? known?.usage?.cacheReadTokens ?? null,
    cache_creation_input_tokens: asCount(usage["cache_creation_input_tokens"]) ?? known?.usage?.cacheWriteTokens ?? null,
  };
}

function factsOf(message: JsonObject): AnswerFacts {
  const reason = asString(message["stop_reason"]);
  return {
    usage: readUsage(message["usage"]),
    responseModel: asString(message["model"]),
    responseId: asString(message["id"]),
    finishReasons: reason === null ? [] : [reason],
  };
}
