import type { HeaderExpectation, Vector } from "./vector.ts";

/** What the destination gets of the caller's headers. */
const onward = (name: string, headers: readonly string[], seen: Readonly<Record<string, HeaderExpectation>>, target = "/plain/x"): Vector => ({
  name,
  area: "headers",
  request: { target, headers },
  expect: { status: 200, upstream: [{ backend: "plain", headers: seen }] },
});

/** What the caller gets of the destination's headers. */
const back = (name: string, headers: readonly string[], got: Readonly<Record<string, HeaderExpectation>>, target = "/plain/x"): Vector => ({
  name,
  area: "headers",
  request: { target },
  world: { plain: [{ headers, chunks: ["x"] }] },
  expect: { status: 200, headers: got, body: "x", upstream: ["plain"] },
});

const gone = (...names: readonly string[]) => Object.fromEntries(names.map((name) => [name, null]));

export const HEADERS: readonly Vector[] = [
  onward("plain headers go on as they are", ["Accept", "text/html;q=0.5", "User-Agent", "client/1 (x)", "X-Custom", "a b  c", "content-language", "en"], {
    accept: "text/html;q=0.5",
    "user-agent": "client/1 (x)",
    "x-custom": "a b  c",
    "content-language": "en",
  }),
  onward("several fields of one name keep their order", ["x-list", "one", "accept-language", "de", "x-list", "two", "x-list", "three"], {
    "x-list": { like: "one, ?two, ?three" },
  }),
  onward("values beyond ASCII keep their bytes", ["x-name", "caf\u00c3\u00a9"], { "x-name": "caf\u00c3\u00a9" }),
  onward("an empty value stays a header", ["x-empty", ""], { "x-empty": "" }),
  {
    ...onward("what Connection nominates ends here", ["connection", "close, X-Hop", "x-hop", "1", "x-stay", "2"], { "x-hop": null, "x-stay": "2" }),
    differs: {
      lambda: {
        why: "The front door of a function takes Connection away before it makes an event, so nobody behind it can tell what was nominated.",
        expect: { upstream: [{ backend: "plain", headers: { connection: { like: "close|keep-alive" }, "x-stay": "2" } }] },
      },
    },
  },
  onward("hop-by-hop headers end here", ["te", "trailers", "trailer", "x-sum", "keep-alive", "timeout=5", "proxy-connection", "keep-alive", "upgrade", "h2c"], {
    ...gone("te", "trailer", "keep-alive", "proxy-connection", "upgrade"),
  }),
  onward("proxy headers end here", ["proxy-authorization", "Basic eDp5", "proxy-authenticate", "x"], gone("proxy-authorization", "proxy-authenticate")),
  onward(
    "who and where the caller is stays here",
    ["forwarded", "for=192.0.2.1", "x-forwarded-for", "192.0.2.1", "x-forwarded-host", "a", "x-real-ip", "192.0.2.1", "true-client-ip", "192.0.2.1"],
    gone("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "true-client-ip"),
  ),
  onward("what Cloudflare says of the caller is a lie when the caller says it", ["cf-connecting-ip", "192.0.2.1"], gone("cf-connecting-ip")),
  onward(
    "headers that servers obey instead of the request line end here",
    ["x-original-url", "/admin", "x-rewrite-url", "/admin", "x-http-method-override", "DELETE", "x-host", "evil.example", "x-original-host", "evil.example"],
    gone("x-original-url", "x-rewrite-url", "x-http-method-override", "x-host", "x-original-host"),
  ),
  onward("names with an underscore end here", ["x_api_key", "1", "x_forwarded_for", "192.0.2.1"], gone("x_api_key", "x_forwarded_for")),
  onward("cookies end here", ["cookie", "a=1; b=2"], gone("cookie")),
  onward("the broker's own headers cannot be forged", ["x-egress-backend", "mine", "egress-note", "1", "x-gateway-model-name", "m"], {
    ...gone("x-egress-backend", "egress-note", "x-gateway-model-name"),
  }),
  onward("traces and baggage end here", ["traceparent", `00-${"a".repeat(32)}-${"b".repeat(16)}-01`, "tracestate", "a=b", "baggage", "user=1"], {
    ...gone("traceparent", "tracestate", "baggage"),
  }),
  onward("the destination is told its own name", ["x-forwarded-host", "egress.example"], { host: "plain.provider.example:{{port}}" }),
  onward("the chain of brokers grows", ["via", "1.1 other", "cdn-loop", "other-cdn"], { via: "1.1 other, 1.1 egress-1", "cdn-loop": "other-cdn, egress-1" }),
  onward("a request id goes on", ["x-request-id", "caller-id-1"], { "x-request-id": "caller-id-1" }),
  onward("what CORS and conditions need goes on", ["origin", "https://app.example", "if-none-match", '"v1"', "range", "bytes=0-9"], {
    origin: "https://app.example",
    "if-none-match": '"v1"',
    range: "bytes=0-9",
  }),
  onward(
    "a rule sets, adds and removes",
    ["x-set", "mine", "x-add", "mine", "x-remove", "mine"],
    {
      "x-set": "by-rule",
      "x-add": "mine,by-rule",
      "x-new": "by-rule",
      "x-remove": null,
    },
    "/edit/request",
  ),
  onward("a backendRef's filter comes after the rule's", [], { "x-set": "by-backend", "x-new": null }, "/edit/both"),
  onward("a rule may say what a caller may not", ["x-forwarded-for", "203.0.113.9"], { "x-forwarded-for": "192.0.2.1" }, "/edit/stripped"),
  {
    name: "an AI call asks for an answer that can be read",
    area: "headers",
    request: { target: "/openai/v1/chat/completions", headers: ["accept-encoding", "gzip, br"], body: { json: { model: "m", messages: [] } } },
    expect: { status: 200, upstream: [{ backend: "openai", headers: { "accept-encoding": "identity" } }] },
  },
  onward("any other call asks for what the caller asked", ["accept-encoding", "gzip, br"], { "accept-encoding": "gzip, br" }),
  back("plain headers come back as they are", ["content-type", "text/x", "x-custom", "a  b", "etag", '"v1"', "cache-control", "max-age=5", "vary", "accept"], {
    "content-type": "text/x",
    "x-custom": "a  b",
    etag: '"v1"',
    "cache-control": "max-age=5",
    vary: "accept",
  }),
  back("several fields of one name come back in order", ["link", "<a>", "x-other", "1", "link", "<b>"], { link: "<a>, <b>" }),
  {
    name: "values beyond ASCII come back with their bytes",
    area: "headers",
    request: { target: "/plain/x" },
    world: { plain: [{ raw: "HTTP/1.1 200 OK\r\nx-name: caf\u00c3\u00a9\r\nconnection: close\r\n\r\nx" }] },
    expect: { status: 200, headers: { "x-name": "caf\u00c3\u00a9" }, body: "x", upstream: ["plain"] },
    differs: {
      lambda: {
        why: "The head of a streamed answer travels as JSON, and the tests' front door writes its texts as UTF-8; what AWS's own does is not known.",
        expect: { headers: { "x-name": { like: "caf.+" } } },
      },
    },
  },
  back(
    "what would bind the caller to the broker's own origin stays behind",
    [
      ...["set-cookie", "a=1", "set-cookie", "b=2", "alt-svc", 'h3=":443"', "strict-transport-security", "max-age=9"],
      ...["clear-site-data", '"*"', "server", "nginx"],
    ],
    gone("set-cookie", "alt-svc", "strict-transport-security", "clear-site-data", "server"),
  ),
  back("hop-by-hop headers of the answer stay behind", ["connection", "close, x-hop", "x-hop", "1", "proxy-authenticate", "Basic", "x-stay", "1"], {
    "x-hop": null,
    "proxy-authenticate": null,
    "x-stay": "1",
  }),
  back(
    "the broker's own headers cannot be forged by a destination",
    ["x-egress-error", "internal_error", "x-egress-backend", "other", "x-egress-attempts", "9"],
    {
      "x-egress-error": null,
      "x-egress-backend": "XBackend/team-a/plain",
      "x-egress-attempts": "1",
    },
  ),
  back("the destination's own request id has a name of its own", ["x-request-id", "req_upstream"], {
    "x-egress-upstream-request-id": "req_upstream",
    "x-request-id": { like: "[0-9a-f-]{36}" },
  }),
  back("CORS headers come back", ["access-control-allow-origin", "*", "access-control-expose-headers", "x-a"], {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "x-a",
  }),
  back(
    "limits of the destination come back",
    ["x-ratelimit-remaining-requests", "59", "anthropic-ratelimit-tokens-remaining", "7", "openai-processing-ms", "12"],
    {
      "x-ratelimit-remaining-requests": "59",
      "anthropic-ratelimit-tokens-remaining": "7",
      "openai-processing-ms": "12",
    },
  ),
  back(
    "a rule sets, adds and removes on the way back",
    ["x-set", "theirs", "x-add", "theirs", "x-remove", "theirs"],
    {
      "x-set": "by-rule",
      "x-add": "theirs,by-rule,by-backend",
      "x-remove": null,
    },
    "/edit/response",
  ),
  {
    name: "the caller's harmless request id is kept",
    area: "headers",
    request: { target: "/plain/x", headers: ["X-Request-Id", "caller-id:1/2+3=4"] },
    expect: { status: 200, headers: { "x-request-id": "caller-id:1/2+3=4" }, upstream: ["plain"] },
  },
  {
    name: "a request id that could harm a log is replaced",
    area: "headers",
    request: { target: "/plain/x", headers: ["x-request-id", 'a"b {injected}'] },
    expect: { status: 200, headers: { "x-request-id": { like: "[0-9a-f-]{36}" } }, upstream: ["plain"] },
  },
  {
    name: "a preflight is the destination's to answer",
    area: "headers",
    request: { target: "/plain/x", method: "OPTIONS", headers: ["origin", "https://app.example", "access-control-request-method", "PUT"] },
    world: { plain: [{ status: 204, headers: ["access-control-allow-methods", "PUT"] }] },
    expect: {
      status: 204,
      headers: { "access-control-allow-methods": "PUT" },
      body: "",
      upstream: [{ backend: "plain", method: "OPTIONS", headers: { "access-control-request-method": "PUT", origin: "https://app.example" } }],
    },
  },
  {
    name: "a redirect of the destination is handed back, not followed",
    area: "headers",
    request: { target: "/plain/x" },
    world: { plain: [{ status: 302, headers: ["location", "https://elsewhere.provider.example/x"] }] },
    expect: { status: 302, headers: { location: "https://elsewhere.provider.example/x", "x-egress-error": null }, upstream: ["plain"] },
  },
];
