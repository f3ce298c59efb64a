import { countMessages, lastQuestion, piecesOf, textOf, writeAnswer } from "./answer-text.ts";
import type { ApiAnswer, ApiCall } from "./api-answer.ts";
import { json, randomId, serverSentEvent } from "./api-answer.ts";
import { asCount, asList, asObject, asText } from "./json-fields.ts";

/** `POST /v1/responses`: one message of text, whole or as the typed events of the Responses API. */
export function answerResponse(call: ApiCall): ApiAnswer {
  const body = asObject(call.body);
  const model = asText(body["model"]);
  if (model === null) {
    return json(400, {
      error: { message: "Missing required parameter: 'model'.", type: "invalid_request_error", param: "model", code: "missing_required_parameter" },
    });
  }
  const plain = asText(body["input"]);
  const input = asList(body["input"]);
  const question = plain ?? lastQuestion(input);
  const inputTokens = (plain === null ? countMessages(input) : piecesOf(plain).length + 4) + piecesOf(textOf(body["instructions"])).length;
  const written = writeAnswer(question, call.provider, asCount(body["max_output_tokens"]));
  const outputTokens = written.pieces.length;
  const messageId = randomId("msg_");

  const part = (text: string) => ({ type: "output_text", text, annotations: [], logprobs: [] });
  const item = (status: string, content: readonly unknown[]) => ({ id: messageId, type: "message", status, role: "assistant", content });
  const frame = {
    id: randomId("resp_"),
    object: "response",
    created_at: call.now,
    background: false,
    error: null,
    incomplete_details: null,
    instructions: asText(body["instructions"]),
    max_output_tokens: asCount(body["max_output_tokens"]),
    metadata: {},
    model,
    parallel_tool_calls: true,
    previous_response_id: null,
    store: false,
    temperature: 1,
    text: { format: { type: "text" } },
    tool_choice: "auto",
    tools: [],
    top_p: 1,
    truncation: "disabled",
  };
  const started = { ...frame, status: "in_progress", output: [], usage: null };
  const finished = {
    ...frame,
    status: written.cut ? "incomplete" : "completed",
    incomplete_details: written.cut ? { reason: "max_output_tokens" } : null,
    output: [item(written.cut ? "incomplete" : "completed", [part(written.text)])],
    usage: {
      input_tokens: inputTokens,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: outputTokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: inputTokens + outputTokens,
    },
  };
  if (body["stream"] !== true) return json(200, finished);

  const place = { item_id: messageId, output_index: 0, content_index: 0 };
  const steps: readonly (readonly [string, object])[] = [
    ["response.created", { response: started }],
    ["response.in_progress", { response: started }],
    ["response.output_item.added", { output_index: 0, item: item("in_progress", []) }],
    ["response.content_part.added", { ...place, part: part("") }],
    ...written.pieces.map((delta) => ["response.output_text.delta", { ...place, delta, logprobs: [] }] as const),
    ["response.output_text.done", { ...place, text: written.text, logprobs: [] }],
    ["response.content_part.done", { ...place, part: part(written.text) }],
    ["response.output_item.done", { output_index: 0, item: item(written.cut ? "incomplete" : "completed", [part(written.text)]) }],
    [written.cut ? "response.incomplete" : "response.completed", { response: finished }],
  ];
  return { kind: "stream", events: steps.map(([type, data], index) => serverSentEvent(type, { type, sequence_number: index, ...data })) };
}
