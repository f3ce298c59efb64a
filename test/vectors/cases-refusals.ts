import type { Vector, VectorRequest } from "./vector.ts";

const CHAT = { json: { model: "m", messages: [] } } as const;

const refused = (name: string, status: number, code: string, request: VectorRequest, more: Partial<Vector["expect"]> = {}): Vector => ({
  name,
  area: "refusal",
  request,
  expect: { status, upstream: [], ...more, headers: { "x-egress-error": code, ...more.headers } },
});

const malformed = (name: string, request: VectorRequest, more: Partial<Vector["expect"]> = {}): Vector =>
  refused(name, 400, "request_malformed", request, more);

/** What a parser of the platform refuses before the broker hears of it: only the status and that nothing leaves are the same. */
const unreadable = (name: string, raw: string, differs: Vector["differs"] = {}): Vector => ({
  name,
  area: "refusal",
  request: { target: "/", raw },
  expect: { status: 400, upstream: [] },
  differs,
});

const HEAD = "host: egress.example\r\nx-case: {{case}}\r\nauthorization: Bearer caller-token-of-team-a\r\nconnection: close\r\n";

export const REFUSALS: readonly Vector[] = [
  malformed("a path that climbs", { target: "/plain/../openai/files" }),
  malformed("a path that climbs in escapes", { target: "/plain/%2e%2E/openai/files" }),
  malformed("a path that climbs for a server that decodes twice", { target: "/plain/%252e%252e/openai" }),
  malformed("a path that climbs behind an encoded slash", { target: "/plain/a%2f..%2fopenai" }),
  malformed("a path that climbs for a server that drops parameters", { target: "/plain/..;a=b/openai" }),
  malformed("a path that stays where it is", { target: "/plain/./x" }),
  malformed("a path with a backslash", { target: "/plain\\..\\openai" }),
  malformed("TRACE", { target: "/plain", method: "TRACE" }),
  unreadable("a control character in the target", `GET /plain/\x01x HTTP/1.1\r\n${HEAD}\r\n`),
  unreadable("a space in the target", `GET /plain/a b HTTP/1.1\r\n${HEAD}\r\n`),
  unreadable("no request line", `hello\r\n${HEAD}\r\n`),
  unreadable("a header without a colon", `GET /plain HTTP/1.1\r\n${HEAD}nonsense\r\n\r\n`),
  unreadable("two lengths", `POST /plain HTTP/1.1\r\n${HEAD}content-length: 1\r\ncontent-length: 2\r\n\r\nxx`),
  unreadable("a length and chunks", `POST /plain HTTP/1.1\r\n${HEAD}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`, {
    workers: {
      why: "The runtime reads chunks before a length, as RFC 9112 section 6.3 allows, and the request goes on in chunks.",
      expect: { status: 200, upstream: [{ backend: "plain", headers: { "content-length": null, "transfer-encoding": "chunked" }, body: "abc" }] },
    },
  }),
  unreadable("no Host", "GET /plain HTTP/1.1\r\nx-case: {{case}}\r\nauthorization: Bearer caller-token-of-team-a\r\nconnection: close\r\n\r\n"),
  unreadable("two Hosts", `GET /plain HTTP/1.1\r\nhost: shared.example\r\n${HEAD}\r\n`),
  unreadable("a target that names another host", `GET http://shared.example/plain HTTP/1.1\r\n${HEAD}\r\n`, {
    workers: {
      why: "The runtime shows an absolute target with the host of Host in it, so nobody behind it can see that the two differed.",
      expect: { status: 200, headers: { "x-rule": "plain" }, upstream: [{ backend: "plain", target: "/plain" }] },
    },
  }),
  unreadable("a target that is no path", `OPTIONS * HTTP/1.1\r\n${HEAD}\r\n`),
  unreadable("a target without its slash", `GET plain HTTP/1.1\r\n${HEAD}\r\n`, {
    workers: {
      why: "The runtime joins Host and target before anybody can look at them, its own Host header included: the host is then egress.exampleplain, which no listener has.",
      expect: { status: 404, headers: { "x-egress-error": "route_not_found" } },
    },
  }),
  unreadable(
    "a Host that is none",
    `GET /plain HTTP/1.1\r\nhost: egress.example/x\r\nx-case: {{case}}\r\nauthorization: Bearer caller-token-of-team-a\r\nconnection: close\r\n\r\n`,
  ),
  unreadable("a folded header", `GET /plain HTTP/1.1\r\n${HEAD}x-folded: a\r\n b\r\n\r\n`),
  refused("a host that nobody serves", 404, "route_not_found", { target: "/plain", host: "stranger.example" }, { body: { json: { code: "route_not_found" } } }),
  refused(
    "a path that nobody serves",
    404,
    "route_not_found",
    { target: "/nothing/here" },
    {
      headers: { "content-type": "application/problem+json", "cache-control": "no-store", "x-egress-backend": null },
      body: { json: { type: "https://spillway.dev/errors/route_not_found", status: 404, code: "route_not_found" } },
    },
  ),
  refused(
    "a chat for which there is no route",
    404,
    "route_not_found",
    { target: "/nothing/v1/chat/completions", body: CHAT },
    {
      headers: { "content-type": "application/json" },
      body: { json: { error: { type: "not_found_error", param: null, code: "route_not_found" } } },
    },
  ),
  refused(
    "a message for which there is no route",
    404,
    "route_not_found",
    { target: "/nothing/v1/messages", body: CHAT },
    {
      body: { json: { type: "error", error: { type: "not_found_error" } } },
    },
  ),
  refused("a rule with a filter that is not carried out keeps its place", 500, "route_rejected", { target: "/partly/extended/x" }),
  refused("a rule that would change Host by a filter", 500, "route_rejected", { target: "/host-edit" }),
  refused("a rule without any weight", 500, "route_rejected", { target: "/weightless" }),
  refused("a rule whose backend does not exist", 500, "backend_invalid", { target: "/no-such-backend" }),
  refused(
    "a chat whose rule is refused",
    500,
    "route_rejected",
    { target: "/partly/extended/v1/chat/completions", body: CHAT },
    {
      body: { json: { error: { type: "server_error", code: "route_rejected" } } },
    },
  ),
  refused("a destination outside the lock is refused when it is compiled", 500, "route_rejected", { target: "/american-only" }),
  refused("two locks that leave nothing", 500, "route_rejected", { target: "/narrow" }),
  refused(
    "a lock of the caller's namespace holds elsewhere",
    403,
    "region_locked",
    { target: "/american", host: "shared.example", as: "b" },
    {
      body: { json: { code: "region_locked" } },
    },
  ),
  refused("a destination without a region is outside every lock", 403, "region_locked", { target: "/plain", host: "shared.example", as: "b" }),
  refused(
    "a locked chat is refused in the API's own words",
    403,
    "region_locked",
    { target: "/american/v1/messages", host: "shared.example", as: "b", body: CHAT },
    {
      body: { json: { type: "error", error: { type: "permission_error" } } },
    },
  ),
  refused("a broker outside the lock", 403, "region_locked", { target: "/broker-at-home" }),
  {
    ...refused(
      "a redirect out of a locked region",
      502,
      "upstream_redirect",
      { target: "/european-only" },
      { headers: { location: null }, upstream: ["european"] },
    ),
    world: { european: [{ status: 307, headers: ["location", "https://american.provider.example/"] }] },
  },
  refused(
    "a model that is not offered",
    404,
    "model_unknown",
    { target: "/listed/v1/chat/completions", body: { json: { model: "llama", messages: [] } } },
    {
      body: { json: { error: { type: "not_found_error", code: "model_unknown" } } },
    },
  ),
  refused("a body without a model where models are listed", 404, "model_unknown", { target: "/listed/v1/chat/completions", body: { json: { messages: [] } } }),
  refused(
    "embeddings of a destination that has none",
    400,
    "translation_unsupported",
    { target: "/anthropic/v1/embeddings", body: CHAT },
    {
      body: { json: { error: { type: "invalid_request_error", code: "translation_unsupported" } } },
    },
  ),
  refused(
    "a count of tokens by a destination that has none",
    400,
    "translation_unsupported",
    { target: "/openai/v1/messages/count_tokens", body: CHAT },
    {
      body: { json: { type: "error", error: { type: "invalid_request_error" } } },
    },
  ),
  refused("a call that came through this broker", 508, "egress_loop", { target: "/plain", headers: ["cdn-loop", "other, egress-1;x=y"] }),
  refused("a call whose Via names this broker", 508, "egress_loop", { target: "/plain", headers: ["via", "1.1 other, HTTP/1.1 egress-1 (x)"] }),
  refused(
    "a chat that came through this broker",
    508,
    "egress_loop",
    { target: "/openai/v1/chat/completions", headers: ["cdn-loop", "egress-1"], body: CHAT },
    {
      body: { json: { error: { type: "server_error", code: "egress_loop" } } },
    },
  ),
  refused(
    "a chat without a token",
    401,
    "identity_missing",
    { target: "/openai/v1/chat/completions", as: "nobody", body: CHAT },
    {
      headers: { "content-type": "application/json", "www-authenticate": 'Bearer realm="spillway"' },
      body: { json: { error: { type: "authentication_error", code: "identity_missing" } } },
    },
  ),
  refused(
    "a message with a wrong token",
    401,
    "identity_rejected",
    { target: "/anthropic/v1/messages", as: "nobody", headers: ["x-api-key", "x"], body: CHAT },
    {
      body: { json: { type: "error", error: { type: "authentication_error" } } },
    },
  ),
  refused(
    "a refusal has the caller's request id",
    404,
    "route_not_found",
    { target: "/nothing", headers: ["x-request-id", "find-me-here"] },
    {
      headers: { "x-request-id": "find-me-here" },
      body: { json: { requestId: "find-me-here" } },
    },
  ),
];
