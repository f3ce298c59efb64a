import { streamedAnswer, type Told, type Upstream, wholeAnswer } from "../fakes/wire-answers.ts";
import type { Answer, Vector } from "./vector.ts";

/** Calls whose destination speaks another API: the codecs load with the first of them, on every platform. */
const TOLD: Told = {
  thought: null,
  text: "Once – ünï ✓",
  calls: [{ id: "call_1", name: "weather", input: { city: "Köln" } }],
  usage: { input: 12, cached: 2, output: 5 },
  ends: "tool_calls",
};
const HELLO = [{ role: "user", content: "Hi" }];
const JSON_TYPE = ["content-type", "application/json"];
const SSE = ["content-type", "text/event-stream"];

const whole = (upstream: Upstream): Answer => ({ headers: JSON_TYPE, chunks: [JSON.stringify(wholeAnswer(upstream, TOLD))] });
/** Cut where no event ends. */
const streamed = (upstream: Upstream): Answer => ({
  headers: SSE,
  chunks: new TextDecoder().decode(streamedAnswer(upstream, TOLD)).match(/[\s\S]{1,97}/g) ?? [],
});

function translated(name: string, parts: Pick<Vector, "request" | "world" | "expect">): Vector {
  return { name: `translation: ${name}`, area: "body", ...parts };
}

export const TRANSLATION: readonly Vector[] = [
  translated("a chat is served by Messages", {
    request: { target: "/anthropic/v1/chat/completions", body: { json: { model: "m", max_tokens: 9, seed: 1, messages: HELLO } } },
    world: { anthropic: [whole("anthropic")] },
    expect: {
      status: 200,
      headers: { "content-type": "application/json", "x-egress-translation-loss": "seed" },
      body: {
        json: {
          object: "chat.completion",
          choices: [{ message: { content: TOLD.text, tool_calls: [{ id: "call_1", function: { name: "weather" } }] }, finish_reason: "tool_calls" }],
          usage: { prompt_tokens: 12, completion_tokens: 5 },
        },
      },
      upstream: [
        { backend: "anthropic", target: "/v1/messages", body: { json: { model: "m", max_tokens: 9, messages: [{ role: "user" }] }, lacks: ["seed"] } },
      ],
    },
  }),
  translated("a streamed chat is served by Messages", {
    request: { target: "/anthropic/v1/chat/completions", body: { json: { model: "m", stream: true, messages: HELLO } } },
    world: { anthropic: [streamed("anthropic")] },
    expect: {
      status: 200,
      headers: { "content-type": "text/event-stream; charset=utf-8" },
      body: { has: ['"object":"chat.completion.chunk"', '"finish_reason":"tool_calls"', "data: [DONE]"], lacks: ["message_stop", '"error"'] },
      upstream: ["anthropic"],
    },
  }),
  translated("a streamed message is served by chat completions", {
    request: { target: "/openai/v1/messages", body: { json: { model: "m", max_tokens: 9, stream: true, messages: HELLO } } },
    world: { openai: [streamed("openai-chat")] },
    expect: {
      status: 200,
      headers: { "content-type": "text/event-stream; charset=utf-8" },
      body: {
        has: ["event: message_start", "event: content_block_stop", '"stop_reason":"tool_use"', "event: message_stop"],
        lacks: ["[DONE]", "event: error"],
      },
      upstream: ["openai"],
    },
  }),
  translated("a response is served by Messages", {
    request: { target: "/anthropic/v1/responses", body: { json: { model: "m", input: "Hi", store: false } } },
    world: { anthropic: [whole("anthropic")] },
    expect: {
      status: 200,
      body: { json: { object: "response", status: "completed", usage: { input_tokens: 12, output_tokens: 5 } } },
      upstream: [{ backend: "anthropic", target: "/v1/messages" }],
    },
  }),
  translated("what cannot be said is refused, and nothing is sent", {
    request: { target: "/anthropic/v1/chat/completions", body: { json: { model: "m", n: 2, messages: HELLO } } },
    expect: {
      status: 400,
      headers: { "x-egress-error": "translation_unsupported" },
      body: { json: { error: { code: "translation_unsupported" } }, has: ['\\"n\\"'] },
      upstream: [],
    },
  }),
  translated("an error comes in the caller's words", {
    request: { target: "/anthropic/v1/chat/completions", body: { json: { model: "m", messages: HELLO } } },
    world: { anthropic: [{ status: 400, headers: JSON_TYPE, chunks: ['{"type":"error","error":{"type":"invalid_request_error","message":"too warm"}}'] }] },
    expect: { status: 400, body: { json: { error: { type: "invalid_request_error", message: "too warm" } } }, upstream: ["anthropic"] },
  }),
  translated("a stream that breaks off ends with the caller's own error event", {
    request: { target: "/openai/v1/messages", body: { json: { model: "m", max_tokens: 9, stream: true, messages: HELLO } } },
    world: { openai: [{ ...streamed("openai-chat"), chunks: streamed("openai-chat").chunks?.slice(0, 5) ?? [], end: "break" }] },
    expect: { status: 200, whole: false, body: { has: ["event: message_start", "event: error"], lacks: ["message_stop"] }, upstream: ["openai"] },
  }),
];
