import type { WrittenAnswer } from "./answer-text.ts";
import { countMessages, lastQuestion, piecesOf, textOf, writeAnswer } from "./answer-text.ts";
import type { ApiAnswer, ApiCall } from "./api-answer.ts";
import { json, randomId, serverSentEvent } from "./api-answer.ts";
import { asCount, asList, asObject, asText } from "./json-fields.ts";

/** `POST /v1/chat/completions`. */
export function answerChat(call: ApiCall): ApiAnswer {
  const body = asObject(call.body);
  const messages = asList(body["messages"]);
  if (messages.length === 0) return missing("messages");
  const answer = writeAnswer(lastQuestion(messages), call.provider, asCount(body["max_completion_tokens"]) ?? asCount(body["max_tokens"]));
  return compose(call, {
    object: "chat.completion",
    id: randomId("chatcmpl-"),
    answer,
    promptTokens: countMessages(messages) + 3,
    whole: (text, finish) => ({ index: 0, message: { role: "assistant", content: text, refusal: null }, logprobs: null, finish_reason: finish }),
    opening: { index: 0, delta: { role: "assistant", content: "", refusal: null }, logprobs: null, finish_reason: null },
    piece: (text) => ({ index: 0, delta: { content: text }, logprobs: null, finish_reason: null }),
    closing: (finish) => ({ index: 0, delta: {}, logprobs: null, finish_reason: finish }),
  });
}

/** `POST /v1/completions`, the older form. */
export function answerCompletion(call: ApiCall): ApiAnswer {
  const body = asObject(call.body);
  const prompt = textOf(body["prompt"]);
  const answer = writeAnswer(prompt, call.provider, asCount(body["max_tokens"]) ?? 16);
  return compose(call, {
    object: "text_completion",
    id: randomId("cmpl-"),
    answer,
    promptTokens: piecesOf(prompt).length,
    whole: (text, finish) => ({ index: 0, text, logprobs: null, finish_reason: finish }),
    opening: null,
    piece: (text) => ({ index: 0, text, logprobs: null, finish_reason: null }),
    closing: (finish) => ({ index: 0, text: "", logprobs: null, finish_reason: finish }),
  });
}

/** The shapes in which chat completions and completions differ; the rest is one. */
interface Shape {
  readonly object: string;
  readonly id: string;
  readonly answer: WrittenAnswer;
  readonly promptTokens: number;
  whole(text: string, finish: string): unknown;
  readonly opening: unknown;
  piece(text: string): unknown;
  closing(finish: string): unknown;
}

function compose(call: ApiCall, shape: Shape): ApiAnswer {
  const body = asObject(call.body);
  const model = asText(body["model"]);
  if (model === null) return missing("model");
  const finish = shape.answer.cut ? "length" : "stop";
  const usage = usageOf(shape.promptTokens, shape.answer.pieces.length);
  const frame = { id: shape.id, created: call.now, model, service_tier: "default", system_fingerprint: "fp_demo" };
  if (body["stream"] !== true) {
    return json(200, { ...frame, object: shape.object, choices: [shape.whole(shape.answer.text, finish)], usage });
  }
  // With include_usage every chunk carries `usage: null` but the one before [DONE], which has the numbers and no choice.
  const asked = asObject(body["stream_options"])["include_usage"] === true;
  const object = shape.object === "chat.completion" ? "chat.completion.chunk" : shape.object;
  const chunk = (choices: readonly unknown[], counted: unknown = null) =>
    serverSentEvent(null, { ...frame, object, choices, ...(asked ? { usage: counted } : {}) });
  const events = shape.answer.pieces.map((text) => chunk([shape.piece(text)]));
  if (shape.opening !== null) events.unshift(chunk([shape.opening]));
  events.push(chunk([shape.closing(finish)]));
  if (asked) events.push(chunk([], usage));
  events.push(serverSentEvent(null, "[DONE]"));
  return { kind: "stream", events };
}

function usageOf(prompt: number, completion: number): unknown {
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
  };
}

function missing(parameter: string): ApiAnswer {
  return json(400, {
    error: { message: `Missing required parameter: '${parameter}'.`, type: "invalid_request_error", param: parameter, code: "missing_required_parameter" },
  });
}
