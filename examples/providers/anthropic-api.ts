import { countMessages, lastQuestion, piecesOf, textOf, writeAnswer } from "./answer-text.ts";
import type { Api, ApiAnswer, ApiCall } from "./api-answer.ts";
import { bearerToken, headerText, json, randomId, serverSentEvent } from "./api-answer.ts";
import { asCount, asList, asObject, asText } from "./json-fields.ts";

const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  404: "not_found_error",
  429: "rate_limit_error",
  529: "overloaded_error",
};

function answer(call: ApiCall): ApiAnswer {
  if (headerText(call.headers, "anthropic-version") === "") return json(400, error(400, "anthropic-version: header is required"));
  if (call.method === "POST" && call.path === "/v1/messages") return answerMessages(call);
  if (call.method === "POST" && call.path === "/v1/messages/count_tokens") return json(200, { input_tokens: countInput(call) });
  if (call.method === "GET" && call.path === "/v1/models") {
    const data = [{ type: "model", id: "claude-demo-5", display_name: `Claude Demo 5 at ${call.provider.name}`, created_at: "2026-09-01T00:00:00Z" }];
    return json(200, { data, has_more: false, first_id: "claude-demo-5", last_id: "claude-demo-5" });
  }
  return json(404, error(404, `Not found: ${call.method} ${call.path}`));
}

function answerMessages(call: ApiCall): ApiAnswer {
  const body = asObject(call.body);
  const limit = asCount(body["max_tokens"]);
  const model = asText(body["model"]);
  if (model === null) return json(400, error(400, "model: Field required"));
  if (limit === null) return json(400, error(400, "max_tokens: Field required"));
  const written = writeAnswer(lastQuestion(asList(body["messages"])), call.provider, limit);
  const stop = { stop_reason: written.cut ? "max_tokens" : "end_turn", stop_sequence: null };
  const usage = { input_tokens: countInput(call), cache_creation_input_tokens: 0, cache_read_input_tokens: 0, service_tier: "standard" };
  const frame = { id: randomId("msg_01"), type: "message", role: "assistant", model };
  if (body["stream"] !== true) {
    return json(200, { ...frame, content: [{ type: "text", text: written.text }], ...stop, usage: { ...usage, output_tokens: written.pieces.length } });
  }
  // Input tokens come in the first event and the final count of output tokens in the last but one, as Anthropic sends them.
  const message = { ...frame, content: [], stop_reason: null, stop_sequence: null, usage: { ...usage, output_tokens: 1 } };
  const steps: readonly (readonly [string, object])[] = [
    ["message_start", { message }],
    ["content_block_start", { index: 0, content_block: { type: "text", text: "" } }],
    ["ping", {}],
    ...written.pieces.map((text) => ["content_block_delta", { index: 0, delta: { type: "text_delta", text } }] as const),
    ["content_block_stop", { index: 0 }],
    ["message_delta", { delta: stop, usage: { output_tokens: written.pieces.length } }],
    ["message_stop", {}],
  ];
  return { kind: "stream", events: steps.map(([type, data]) => serverSentEvent(type, { type, ...data })) };
}

function countInput(call: ApiCall): number {
  const body = asObject(call.body);
  return countMessages(asList(body["messages"])) + piecesOf(textOf(body["system"])).length;
}

function error(status: number, message: string): unknown {
  return { type: "error", error: { type: ERROR_TYPES[status] ?? "api_error", message }, request_id: randomId("req_01") };
}

/** Messages, token counting and models, as the official `@anthropic-ai/sdk` calls them. */
export const anthropicApi: Api = {
  name: "anthropic",
  claims: ({ path, headers }) => path.startsWith("/v1/messages") || (path === "/v1/models" && headerText(headers, "anthropic-version") !== ""),
  credential: ({ headers }) => {
    const key = headerText(headers, "x-api-key");
    if (key !== "") return { slot: "x-api-key", value: key };
    // The SDK can also send its key as a bearer token.
    const token = bearerToken(headers);
    return token === null ? null : { slot: "authorization", value: token };
  },
  answer,
  error,
  requestIdHeader: "request-id",
};
