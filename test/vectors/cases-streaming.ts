import type { Answer, Vector } from "./vector.ts";

const data = (event: object) => `data: ${JSON.stringify(event)}\n\n`;
const named = (type: string, event: object = {}) => `event: ${type}\n${data({ type, ...event })}`;
const word = (content: string) => data({ id: "c", object: "chat.completion.chunk", choices: [{ index: 0, delta: { content }, finish_reason: null }] });
const USAGE = data({ id: "c", object: "chat.completion.chunk", choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } });
const DONE = "data: [DONE]\n\n";

const GOOD_CHAT = [word("Once"), word(" – ünï ✓"), data({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }), DONE];
const GOOD_MESSAGE = [
  named("message_start", { message: { id: "m", usage: { input_tokens: 3, output_tokens: 1 } } }),
  named("ping"),
  named("content_block_delta", { index: 0, delta: { type: "text_delta", text: "Once – ✓" } }),
  named("message_delta", { usage: { output_tokens: 5 } }),
  named("message_stop"),
];
const GOOD_RESPONSE = [
  named("response.created", { response: { id: "r" } }),
  named("response.output_text.delta", { delta: "Once" }),
  named("response.completed", { response: { id: "r", status: "completed" } }),
];
const SSE = ["content-type", "text/event-stream; charset=utf-8", "cache-control", "no-cache"];

const APIS = {
  chat: { target: "/openai/v1/chat/completions", backend: "openai" },
  message: { target: "/anthropic/v1/messages", backend: "anthropic" },
  response: { target: "/openai/v1/responses", backend: "openai" },
} as const;

interface Streamed {
  readonly api: keyof typeof APIS;
  readonly answer: Answer;
  /** More of the request's JSON. */
  readonly asks?: object;
}

function streamed(name: string, { api, answer, asks = {} }: Streamed, expect: Omit<Vector["expect"], "status" | "upstream">): Vector {
  const { target, backend } = APIS[api];
  return {
    name,
    area: "streaming",
    request: { target, body: { json: { model: "m", stream: true, ...asks } } },
    world: { [backend]: [{ headers: SSE, ...answer }] },
    expect: { status: 200, ...expect, headers: { "content-type": SSE[1] ?? "", ...expect.headers }, upstream: [backend] },
  };
}

const whole = (name: string, api: Streamed["api"], chunks: readonly string[], more: Partial<Answer> = {}): Vector =>
  streamed(name, { api, answer: { chunks, ...more } }, { body: chunks.join("") });

/** What came before the break, and then the API's own error. */
const broken = (
  name: string,
  api: Streamed["api"],
  chunks: readonly string[],
  error: Vector["expect"]["body"],
  end: "break" | "whole" | "silence" = "break",
): Vector => streamed(name, { api, answer: { chunks, end } }, { ...(error === undefined ? {} : { body: error }), whole: false });

/** Cuts a text into pieces of so many bytes, in the middle of characters too. */
const inPieces = (text: string, size: number): readonly string[] => text.match(new RegExp(`[^]{1,${size}}`, "gu")) ?? [];

const CHAT_ERROR = {
  has: ['event: error\ndata: {"error":{"message":', '"type":"server_error","param":null,"code":"upstream_unavailable"}}\n\n'],
  lacks: ["[DONE]"],
};
const MESSAGE_ERROR = { has: ['event: error\ndata: {"type":"error","error":{"type":"api_error"'], lacks: ["message_stop"] };

export const STREAMING: readonly Vector[] = [
  whole("a chat passes byte for byte", "chat", GOOD_CHAT),
  whole("a message passes byte for byte", "message", GOOD_MESSAGE),
  whole("a response passes byte for byte", "response", GOOD_RESPONSE),
  whole("each event is handed on before the next one is made", "chat", GOOD_CHAT, { paced: true }),
  whole("each event of a message is handed on before the next one is made", "message", GOOD_MESSAGE, { paced: true }),
  whole("a chat cut into single characters", "chat", inPieces(GOOD_CHAT.join(""), 1)),
  whole("a message cut anywhere", "message", inPieces(GOOD_MESSAGE.join(""), 7)),
  whole("a chat in one piece", "chat", [GOOD_CHAT.join("")]),
  whole(
    "a chat whose lines end with CR LF",
    "chat",
    GOOD_CHAT.map((event) => event.replaceAll("\n", "\r\n")),
  ),
  whole("comments between the events", "chat", [": hello\n\n", ...GOOD_CHAT.slice(0, 2), ": still here\n\n", ...GOOD_CHAT.slice(2)]),
  whole("fields that the broker does not know", "chat", [`id: 7\nretry: 10\n${word("Once")}`, "data:no space\ndata: two lines\n\n", DONE]),
  whole("an end without its blank line", "chat", [word("Once"), "data: [DONE]"]),
  whole("what a provider says after the end", "chat", [...GOOD_CHAT, ": bye\n\n"]),
  whole("a response that ended without success", "response", [...GOOD_RESPONSE.slice(0, 2), named("response.incomplete", { response: { id: "r" } })]),
  whole("an error in the middle that the provider tells itself", "response", [GOOD_RESPONSE[0] ?? "", named("response.failed", { response: { id: "r" } })]),
  whole("an event of 300 KB", "chat", [word("x".repeat(300_000)), DONE]),
  streamed(
    "usage is asked for, and hidden from a caller that did not ask",
    { api: "chat", answer: { chunks: [...GOOD_CHAT.slice(0, 3), USAGE, DONE] } },
    {
      body: GOOD_CHAT.join(""),
    },
  ),
  streamed(
    "usage that the caller asked for is shown",
    { api: "chat", asks: { stream_options: { include_usage: true } }, answer: { chunks: [...GOOD_CHAT.slice(0, 3), USAGE, DONE] } },
    { body: [...GOOD_CHAT.slice(0, 3), USAGE, DONE].join("") },
  ),
  broken("a chat that breaks ends with an error", "chat", GOOD_CHAT.slice(0, 2), { ...CHAT_ERROR, has: [...GOOD_CHAT.slice(0, 2), ...CHAT_ERROR.has] }),
  broken("a message that breaks ends with an error", "message", GOOD_MESSAGE.slice(0, 3), MESSAGE_ERROR),
  broken("a response that breaks ends with an error", "response", GOOD_RESPONSE.slice(0, 2), {
    has: ['event: error\ndata: {"type":"error","code":"upstream_unavailable"'],
    lacks: ["response.completed"],
  }),
  broken("the torn half of an event stays behind", "chat", [word("Once"), 'data: {"torn'], { ...CHAT_ERROR, lacks: ["torn"] }),
  broken("a chat without [DONE] did not end well", "chat", GOOD_CHAT.slice(0, 2), CHAT_ERROR, "whole"),
  broken("a message without message_stop did not end well", "message", GOOD_MESSAGE.slice(0, 4), MESSAGE_ERROR, "whole"),
  {
    ...streamed(
      "a stream that falls silent ends with an error",
      { api: "chat", answer: { chunks: GOOD_CHAT.slice(0, 2), end: "silence" } },
      { body: CHAT_ERROR, whole: false },
    ),
    request: { target: "/hasty-ai/v1/chat/completions", body: { json: { model: "m", stream: true } } },
    world: { "hasty-ai": [{ headers: SSE, chunks: GOOD_CHAT.slice(0, 2), end: "silence" }] },
    expect: { status: 200, body: CHAT_ERROR, whole: false, upstream: ["hasty-ai"] },
  },
  {
    name: "a chat that breaks after its end is whole",
    area: "streaming",
    request: { target: "/openai/v1/chat/completions", body: { json: { model: "m", stream: true } } },
    world: { openai: [{ headers: SSE, chunks: GOOD_CHAT, end: "break" }] },
    expect: { status: 200, body: GOOD_CHAT.join(""), whole: false, upstream: ["openai"] },
  },
  streamed(
    "a compressed stream passes as it is",
    { api: "chat", answer: { headers: [...SSE, "content-encoding", "gzip"], chunks: GOOD_CHAT, gzip: true } },
    {
      headers: { "content-encoding": "gzip" },
      body: { inflated: GOOD_CHAT.join("") },
    },
  ),
  {
    name: "events of an API that nobody knows pass unseen",
    area: "streaming",
    request: { target: "/plain/events" },
    world: { plain: [{ headers: SSE, chunks: ["event: tick\ndata: 1\n\n", "data: torn"], paced: true }] },
    expect: { status: 200, body: "event: tick\ndata: 1\n\ndata: torn", upstream: ["plain"] },
  },
  {
    name: "lines of JSON are handed on as they come",
    area: "streaming",
    request: { target: "/plain/lines" },
    world: { plain: [{ headers: ["content-type", "application/x-ndjson"], chunks: ['{"n":1}\n', '{"n":2}\n', '{"n":3}\n'], paced: true }] },
    expect: { status: 200, headers: { "content-type": "application/x-ndjson" }, body: '{"n":1}\n{"n":2}\n{"n":3}\n', upstream: ["plain"] },
  },
  {
    name: "an answer that breaks is broken for the caller too",
    area: "streaming",
    request: { target: "/plain/file" },
    world: { plain: [{ headers: ["content-type", "application/octet-stream"], chunks: ["half of it"], end: "break" }] },
    expect: { status: 200, body: "half of it", whole: false, upstream: ["plain"] },
  },
  {
    name: "an answer that is shorter than it declared is broken",
    area: "streaming",
    request: { target: "/plain/file" },
    world: { plain: [{ raw: "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 100\r\n\r\nhalf of it" }] },
    expect: { status: 200, body: "half of it", whole: false, upstream: ["plain"] },
  },
  {
    name: "a refused stream is not a stream",
    area: "streaming",
    request: { target: "/openai/v1/chat/completions", body: { json: { model: "m", stream: true } } },
    world: { openai: [{ status: 400, headers: ["content-type", "application/json"], chunks: ['{"error":{"message":"no"}}'] }] },
    expect: { status: 400, headers: { "content-type": "application/json" }, body: '{"error":{"message":"no"}}', upstream: ["openai"] },
  },
];
