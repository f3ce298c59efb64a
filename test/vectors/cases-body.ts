import type { Vector, VectorRequest } from "./vector.ts";

const passes = (name: string, request: VectorRequest, seen: object, backend = "plain"): Vector => ({
  name,
  area: "body",
  request,
  expect: { status: 200, upstream: [{ backend, ...seen }] },
});

const gives = (name: string, answer: object, expect: Partial<Vector["expect"]>, request: Partial<VectorRequest> = {}): Vector => ({
  name,
  area: "body",
  request: { target: "/plain/x", ...request },
  world: { plain: [answer] },
  expect: { status: 200, upstream: ["plain"], ...expect },
});

const ODD_JSON = '{"model" : "m", "messages":[ {"role":"user","content":"\\u00e9 – ü"} ], "model_extra": 1e3, "unknown": {"a":[null]}}';

export const BODY: readonly Vector[] = [
  passes("a GET has no body", { target: "/plain/x" }, { method: "GET", headers: { "content-length": null, "transfer-encoding": null }, body: "" }),
  passes("a body goes on with its length", { target: "/plain/x", body: "hello ✓" }, { method: "POST", headers: { "content-length": "9" }, body: "hello ✓" }),
  passes(
    "an empty body goes on as one",
    { target: "/plain/x", method: "POST", body: "" },
    { headers: { "content-length": "0", "transfer-encoding": null }, body: "" },
  ),
  passes("a body in chunks arrives whole", { target: "/plain/x", body: "in three chunks", chunked: 5 }, { body: "in three chunks" }),
  passes("a DELETE may have a body", { target: "/plain/x", method: "DELETE", body: "which" }, { method: "DELETE", body: "which" }),
  passes("methods that the standard does not list go on", { target: "/plain/x", method: "PROPFIND" }, { method: "PROPFIND" }),
  passes("a request of 200 KB", { target: "/plain/x", body: { fill: 200_000 } }, { headers: { "content-length": "200000" }, body: { bytes: 200_000 } }),
  passes("a request of 200 KB in chunks", { target: "/plain/x", body: { fill: 200_000 }, chunked: 16_000 }, { body: { bytes: 200_000 } }),
  passes(
    "a chat of 200 KB",
    { target: "/openai/v1/chat/completions", body: { json: { model: "m", messages: [{ role: "user", content: "z".repeat(200_000) }] } } },
    {
      body: { has: ['{"model":"m","messages":[{"role":"user","content":"zzz'], bytes: 200_055 },
    },
    "openai",
  ),
  passes(
    "a caller that asks before it sends is asked for its body",
    { target: "/plain/x", headers: ["expect", "100-continue"], body: "asked for" },
    { headers: { expect: null }, body: "asked for" },
  ),
  passes(
    "a form goes on as it is",
    { target: "/plain/x", headers: ["content-type", "application/x-www-form-urlencoded"], body: "a=1&b=%20" },
    {
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "a=1&b=%20",
    },
  ),
  passes(
    "JSON that needs no change goes on byte for byte",
    { target: "/openai/v1/chat/completions", headers: ["content-type", "application/json"], body: ODD_JSON },
    {
      body: ODD_JSON,
    },
    "openai",
  ),
  passes(
    "the model's name upstream is exchanged, and no other byte",
    {
      target: "/listed/v1/chat/completions",
      headers: ["content-type", "application/json"],
      body: ODD_JSON.replace('"m"', '"smart"'),
    },
    { body: ODD_JSON.replace('"m"', '"gpt-real"') },
    "listed",
  ),
  passes(
    "a model that a pattern lists goes on",
    { target: "/listed/v1/chat/completions", body: { json: { model: "gpt-9", messages: [] } } },
    {
      body: '{"model":"gpt-9","messages":[]}',
    },
    "listed",
  ),
  passes(
    "the group's model stands in for the caller's",
    { target: "/renamed-model/v1/chat/completions", body: { json: { n: 1, model: "m", messages: [] } } },
    {
      body: '{"n":1,"model":"gpt-in-place","messages":[]}',
    },
    "openai",
  ),
  passes(
    "the group's model stands in where the caller names none",
    { target: "/renamed-model/v1/chat/completions", body: { json: { messages: [] } } },
    {
      body: { json: { model: "gpt-in-place", messages: [] } },
    },
    "openai",
  ),
  passes(
    "a stream of a chat is asked for its usage",
    { target: "/openai/v1/chat/completions", body: { json: { model: "m", stream: true } } },
    {
      body: { json: { model: "m", stream: true, stream_options: { include_usage: true } } },
    },
    "openai",
  ),
  passes(
    "options of a stream are kept",
    { target: "/openai/v1/chat/completions", body: { json: { stream_options: { x: 1 }, model: "m", stream: true } } },
    {
      body: { json: { stream_options: { x: 1, include_usage: true } } },
    },
    "openai",
  ),
  passes(
    "a message is not asked for what its API does not know",
    { target: "/anthropic/v1/messages", body: { json: { model: "m", stream: true } } },
    {
      body: '{"model":"m","stream":true}',
    },
    "anthropic",
  ),
  passes(
    "the API's place at the destination",
    { target: "/moved/v1/chat/completions?api-version=1", body: { json: { model: "m", messages: [] } } },
    {
      target: "/v1beta/openai/chat/completions?api-version=1",
    },
    "moved",
  ),
  passes("the list of models has its place too", { target: "/moved/v1/models" }, { target: "/v1beta/openai/models" }, "moved"),
  passes(
    "a member that stands twice below is one under a lock",
    {
      target: "/homewards/v1/chat/completions",
      headers: ["content-type", "application/json"],
      body: '{"model":"b","messages":[],"shape":{"to":"a","to":"b"}}',
    },
    { body: '{"model":"b","messages":[],"shape":{"to":"b"}}' },
    "european",
  ),
  passes(
    "a compressed request goes on as it is",
    { target: "/openai/v1/chat/completions", headers: ["content-encoding", "gzip"], body: "not really gzip" },
    {
      headers: { "content-encoding": "gzip" },
      body: "not really gzip",
    },
    "openai",
  ),
  gives("an answer of 1 MB", { headers: ["content-type", "application/octet-stream"], fill: 1_000_000 }, { body: { bytes: 1_000_000 } }),
  {
    ...gives(
      "an answer with its length",
      { headers: ["content-type", "text/plain"], length: 5, chunks: ["hello"] },
      { headers: { "content-length": "5", "transfer-encoding": null }, body: "hello" },
    ),
    differs: {
      workers: {
        why: "A Worker's answer is a stream whose length its runtime is not told, so it is sent in chunks.",
        expect: { headers: { "content-length": null, "transfer-encoding": "chunked" } },
      },
      lambda: {
        why: "A streamed answer of a function has no length of its own, so its front door sends it in chunks.",
        expect: { headers: { "content-length": null, "transfer-encoding": "chunked" } },
      },
    },
  },
  gives("an empty answer", { length: 0 }, { body: "" }),
  gives("204 has no body", { status: 204, headers: ["x-here", "yes"] }, { status: 204, headers: { "x-here": "yes" }, body: "" }),
  gives("304 has no body and keeps its validator", { status: 304, headers: ["etag", '"v1"'] }, { status: 304, headers: { etag: '"v1"' }, body: "" }),
  gives(
    "HEAD has no body",
    { headers: ["content-type", "text/plain", "x-here", "yes"], length: 5 },
    {
      headers: { "x-here": "yes", "content-type": "text/plain" },
      body: "",
      upstream: [{ backend: "plain", method: "HEAD" }],
    },
    { method: "HEAD" },
  ),
  gives(
    "206 comes as a part",
    { status: 206, headers: ["content-range", "bytes 0-1/9"], chunks: ["ab"] },
    {
      status: 206,
      headers: { "content-range": "bytes 0-1/9" },
      body: "ab",
    },
  ),
  gives(
    "201 keeps its location",
    { status: 201, headers: ["location", "/files/1"], chunks: ["made"] },
    { status: 201, headers: { location: "/files/1" }, body: "made" },
  ),
  gives(
    "a compressed answer passes as it is",
    { headers: ["content-encoding", "gzip", "content-type", "text/plain"], gzip: true, chunks: ["small"] },
    {
      headers: { "content-encoding": "gzip" },
      body: { inflated: "small" },
    },
    { headers: ["accept-encoding", "gzip"] },
  ),
  gives(
    "an answer that ends with the connection",
    { raw: "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\nuntil the end" },
    {
      headers: { "content-type": "text/plain" },
      body: "until the end",
    },
  ),
  gives(
    "trailers of an answer stay behind",
    {
      raw: "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 9\r\n\r\n",
    },
    { headers: { trailer: null, "x-sum": null }, body: "hello" },
  ),
  gives(
    "interim answers are passed over",
    { raw: "HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok" },
    {
      headers: { link: null },
      body: "ok",
    },
  ),
  gives(
    "bytes that are no text pass as they are",
    { raw: "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\n\x00\xff\xfe\x80" },
    { body: { bytes: 4 } },
  ),
];

const limited = (name: string, request: VectorRequest, expect: Vector["expect"]): Vector => ({ name, area: "limits", request, expect });
const TOO_LARGE = { status: 413, headers: { "x-egress-error": "request_too_large" }, upstream: [] } as const;

export const LIMITS: readonly Vector[] = [
  limited("a body that declares too much", { target: "/x", host: "small.example", body: { fill: 200_001 } }, TOO_LARGE),
  limited(
    "a body that is just small enough",
    { target: "/x", host: "small.example", body: { fill: 200_000 } },
    {
      status: 200,
      upstream: [{ backend: "plain", body: { bytes: 200_000 } }],
    },
  ),
  limited(
    "a body in chunks that becomes too much",
    { target: "/v1/chat/completions", host: "small.example", body: { fill: 200_001 }, chunked: 50_000 },
    {
      ...TOO_LARGE,
      headers: { "x-egress-error": "request_too_large", "content-type": "application/json" },
    },
  ),
  limited(
    "a message that is too large",
    { target: "/v1/messages", host: "small.example", body: { fill: 250_000 } },
    {
      ...TOO_LARGE,
      body: { json: { type: "error", error: { type: "request_too_large" } } },
    },
  ),
  limited(
    "a target of 8,000 characters",
    { target: `/plain/${"a".repeat(8_000)}` },
    { status: 200, upstream: [{ backend: "plain", target: `/plain/${"a".repeat(8_000)}` }] },
  ),
  limited(
    "a header of 7,000 characters",
    { target: "/plain/x", headers: ["x-long", "b".repeat(7_000)] },
    {
      status: 200,
      upstream: [{ backend: "plain", headers: { "x-long": "b".repeat(7_000) } }],
    },
  ),
  limited(
    "ninety headers",
    { target: "/plain/x", headers: Array.from({ length: 90 }, (_, index) => [`x-h${index}`, String(index)]).flat() },
    {
      status: 200,
      upstream: [{ backend: "plain", headers: { "x-h0": "0", "x-h89": "89" } }],
    },
  ),
];
