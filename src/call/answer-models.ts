import { find } from "../lib/header-list.ts";
import { toBytes } from "../lib/utf8.ts";
import { Refusal } from "../model/errors.ts";
import type { Dialect } from "../model/operation.ts";
import { offeredModels } from "../plan/offered-models.ts";
import { modelEntry, modelList, modelQuestion } from "../providers/model-list.ts";
import { withCors } from "../routing/cors-headers.ts";
import { editHeaders } from "../routing/edit-headers.ts";
import { chainAnswer } from "../transport/egress-region.ts";
import type { CallInFlight } from "./attempt/attempt.ts";

/**
 * Answers what models there are from the AIBackendPolicies of the call's route; false: it is another call, or none of the backends lists its models,
 * and then a provider is asked. Throws `model_unknown` for one model that nobody here serves.
 */
export function answerModels({ routed, record }: CallInFlight): boolean {
  const question = modelQuestion(routed.method, routed.path);
  const offer = question === null ? null : offeredModels(routed);
  if (question === null || offer === null) return false;
  const { exchange, rule } = routed;
  const dialect: Dialect = find(exchange.headers, "anthropic-version") === null ? "openai" : "anthropic";
  // A refusal too speaks the API of whoever asks.
  record.operation = { name: "models", dialect, inference: false, suffix: "" };
  const model = question.id === null ? null : offer.find(question.id);
  if (question.id !== null && model === null) {
    throw new Refusal("model_unknown", { detail: "No destination of this route offers the model of this call." });
  }
  const body = toBytes(JSON.stringify(model === null ? modelList(dialect, offer.models) : modelEntry(dialect, model)));
  const own = ["content-type", "application/json", "content-length", String(body.byteLength), "cache-control", "no-store"];
  const edited = editHeaders(own, rule.responseHeaders);
  const headers = rule.cors === null ? edited : withCors(rule.cors, exchange.headers, edited);
  record.status = 200;
  record.outcome = "ok";
  record.responseBytes = body.byteLength;
  exchange.responder.reply(200, headers.concat("x-request-id", record.id, chainAnswer(record)), body);
  return true;
}
