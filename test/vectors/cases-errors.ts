import type { Vector, VectorRequest } from "./vector.ts";

const CHAT = { json: { model: "m", messages: [] } } as const;

const failing = (name: string, request: VectorRequest, world: Vector["world"], expect: Vector["expect"]): Vector => ({
  name,
  area: "errors",
  request,
  ...(world === undefined ? {} : { world }),
  expect,
});

const RATE = '{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}';
const JSON_TYPE = ["content-type", "application/json"];

export const ERRORS: readonly Vector[] = [
  failing(
    "a destination that cuts the connection",
    { target: "/plain", body: "x" },
    { plain: ["break"] },
    {
      status: 502,
      headers: { "x-egress-error": "upstream_unavailable", "content-type": "application/problem+json", "x-egress-backend": null },
      upstream: ["plain"],
    },
  ),
  failing(
    "a chat whose destination cuts the connection",
    { target: "/openai/v1/chat/completions", body: CHAT },
    { openai: ["break"] },
    {
      status: 502,
      headers: { "x-egress-error": "upstream_unavailable", "content-type": "application/json" },
      body: { json: { error: { type: "server_error", code: "upstream_unavailable" } } },
      upstream: ["openai"],
    },
  ),
  failing(
    "a message whose destination cuts the connection",
    { target: "/anthropic/v1/messages", body: CHAT },
    { anthropic: ["break"] },
    {
      status: 502,
      headers: { "x-egress-error": "upstream_unavailable" },
      body: { json: { type: "error", error: { type: "api_error" } } },
      upstream: ["anthropic"],
    },
  ),
  failing(
    "a destination that does not answer in time",
    { target: "/hasty" },
    { hasty: ["hang"] },
    {
      status: 504,
      headers: { "x-egress-error": "upstream_timeout" },
      body: { json: { status: 504 } },
      upstream: ["hasty"],
    },
  ),
  failing(
    "a chat that is not answered in time",
    { target: "/hasty-ai/v1/chat/completions", body: CHAT },
    { "hasty-ai": ["hang"] },
    {
      status: 504,
      headers: { "x-egress-error": "upstream_timeout" },
      body: { json: { error: { type: "timeout_error", code: "upstream_timeout" } } },
      upstream: ["hasty-ai"],
    },
  ),
  failing(
    "a head without a body is no answer in time",
    { target: "/hasty" },
    { hasty: [{ end: "silence" }] },
    {
      status: 504,
      headers: { "x-egress-error": "upstream_timeout" },
      upstream: ["hasty"],
    },
  ),
  failing(
    "a destination that does not speak HTTP",
    { target: "/plain" },
    { plain: [{ raw: "220 mail.example ESMTP key-of-plain\r\n" }] },
    {
      status: 502,
      headers: { "x-egress-error": "upstream_unavailable" },
      body: { lacks: ["ESMTP"] },
      upstream: ["plain"],
    },
  ),
  failing(
    "an error of the destination comes as it is",
    { target: "/plain" },
    { plain: [{ status: 500, headers: ["content-type", "text/html"], chunks: ["<h1>no</h1>"] }] },
    {
      status: 500,
      headers: { "content-type": "text/html", "x-egress-error": null, "x-egress-backend": "XBackend/team-a/plain" },
      body: "<h1>no</h1>",
      upstream: ["plain"],
    },
  ),
  failing(
    "a rate limit of the destination comes as it is",
    { target: "/rate-limited/v1/chat/completions", body: CHAT },
    {
      "rate-limited": [
        { status: 429, headers: [...JSON_TYPE, "retry-after-ms", "90000", "retry-after", "90", "x-ratelimit-limit-requests", "60"], chunks: [RATE] },
      ],
    },
    {
      status: 429,
      headers: { "retry-after": "90", "retry-after-ms": "90000", "x-ratelimit-limit-requests": "60", "x-egress-error": null },
      body: RATE,
      upstream: ["rate-limited"],
    },
  ),
  failing(
    "an error without a body",
    { target: "/plain" },
    { plain: [{ status: 404 }] },
    { status: 404, headers: { "x-egress-error": null }, body: "", upstream: ["plain"] },
  ),
  failing("a status that no list has", { target: "/plain" }, { plain: [{ status: 299, chunks: ["odd"] }] }, { status: 299, body: "odd", upstream: ["plain"] }),
  failing(
    "a stream that opens with an error and has no other",
    { target: "/openai/v1/chat/completions", body: CHAT },
    {
      openai: [{ headers: ["content-type", "text/event-stream"], chunks: ['data: {"error":{"message":"overloaded"}}\n\n'], paced: true }],
    },
    { status: 200, body: 'data: {"error":{"message":"overloaded"}}\n\n', whole: false, upstream: ["openai"] },
  ),
  failing(
    "a stream that is nothing but an error, in one piece with its end",
    { target: "/openai/v1/chat/completions", body: CHAT },
    {
      openai: [
        {
          raw: 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\ncontent-length: 42\r\n\r\ndata: {"error":{"message":"overloaded"}}\n\n',
        },
      ],
    },
    { status: 200, body: 'data: {"error":{"message":"overloaded"}}\n\n', whole: false, upstream: ["openai"] },
  ),
  failing("a chat whose body is no JSON", { target: "/openai/v1/chat/completions", headers: JSON_TYPE, body: "{not json" }, undefined, {
    status: 400,
    headers: { "x-egress-error": "request_malformed" },
    body: { json: { error: { type: "invalid_request_error", code: "request_malformed" } } },
    upstream: [],
  }),
  failing("a message whose body is a list", { target: "/anthropic/v1/messages", headers: JSON_TYPE, body: "[1]" }, undefined, {
    status: 400,
    headers: { "x-egress-error": "request_malformed" },
    body: { json: { type: "error", error: { type: "invalid_request_error" } } },
    upstream: [],
  }),
  failing(
    "Retry-After of a busy destination that is the only one",
    { target: "/resting" },
    { resting: [{ status: 503, headers: ["retry-after", "120"], chunks: ["later"] }] },
    {
      status: 503,
      headers: { "retry-after": "120", "x-egress-attempts": "1" },
      body: "later",
      upstream: ["resting"],
    },
  ),
];
