import type { Vector, VectorRequest } from "./vector.ts";

/** A call that this rule must serve. */
const served = (name: string, rule: string, request: VectorRequest, upstream: Vector["expect"]["upstream"] = ["plain"]): Vector => ({
  name,
  area: "routing",
  request,
  expect: { status: 200, headers: { "x-rule": rule }, body: '{"well":true}', upstream },
});

const missed = (name: string, request: VectorRequest): Vector => ({
  name,
  area: "routing",
  request,
  expect: { status: 404, headers: { "x-egress-error": "route_not_found", "x-rule": null }, upstream: [] },
});

/** A redirect of the rule itself; nothing is called. */
const sentTo = (name: string, status: number, target: string, location: string): Vector => ({
  name,
  area: "routing",
  request: { target },
  expect: { status, headers: { location, "x-egress-error": null }, body: "", upstream: [] },
});

export const ROUTING: readonly Vector[] = [
  served("an exact path beats an expression and a prefix", "exact", { target: "/precedence/longer/exact" }),
  served("an expression beats a prefix", "expression", { target: "/precedence/longer/extra" }),
  served("an expression must match the whole path", "longer", { target: "/precedence/longer/no-ex" }),
  served("the longer prefix beats the shorter", "longer", { target: "/precedence/longer" }),
  served("a prefix ends at a segment", "root", { target: "/precedence/longerer" }),
  missed("a prefix does not match the middle of a segment", { target: "/precedences" }),
  missed("paths are compared with case", { target: "/Precedence" }),
  served("a trailing slash belongs to the prefix", "root", { target: "/precedence/" }),
  served("a method beats none", "patch", { target: "/precedence/method", method: "PATCH" }),
  served("another method falls to the rule without one", "any-method", { target: "/precedence/method", method: "DELETE" }),
  served("more headers beat fewer", "two-headers", { target: "/precedence/headers", headers: ["X-TIER", "gold", "x-zone", "a1"] }),
  served("one header beats none", "one-header", { target: "/precedence/headers", headers: ["x-tier", "gold", "x-zone", "b"] }),
  served("a header's value is compared with case", "no-header", { target: "/precedence/headers", headers: ["x-tier", "Gold"] }),
  served("a header sent twice is one value with a comma", "no-header", { target: "/precedence/headers", headers: ["x-tier", "gold", "x-tier", "gold"] }),
  served("a query parameter beats none", "one-query", { target: "/precedence/query?other=1&tier=gold" }),
  served("query parameters are decoded, and + is a space", "query-beside", { target: "/precedence/query?zone=a+b&ti%65r=go%6Cd" }),
  served("of a query parameter that stands twice the first counts", "root", { target: "/precedence/query?tier=iron&tier=gold" }),
  served("a method beats headers", "method-before-headers", { target: "/precedence/both?tier=gold", headers: ["x-tier", "gold"] }),
  served("headers beat query parameters", "headers-before-query", { target: "/precedence/both?tier=gold", method: "PUT", headers: ["x-tier", "gold"] }),
  served("a query parameter is enough where nothing else matches", "query-last", { target: "/precedence/both?tier=gold", method: "PUT" }),
  served("of two equal routes the first by name wins", "tie-a", { target: "/tie" }),
  served("any match of a rule is enough: the first", "two-matches", { target: "/either" }),
  served("any match of a rule is enough: the second", "two-matches", { target: "/or/this/too" }),
  served("an escape is compared as it is written", "encoded", { target: "/enc%20oded" }),
  missed("another spelling of an escape is another path", { target: "/%65nc%20oded" }),
  served("a backend of weight 0 gets nothing", "weighted", { target: "/weighted" }),
  served(
    "the model of the body chooses the rule",
    "gold-model",
    { target: "/models-of/v1/chat/completions", body: { json: { model: "gpt-gold", messages: [] } } },
    ["openai"],
  ),
  served(
    "an expression on the model chooses the rule",
    "claude-models",
    { target: "/models-of/v1/messages", body: { json: { model: "claude-x", messages: [] } } },
    ["anthropic"],
  ),
  served("a forged model header chooses nothing", "other-models", {
    target: "/models-of/v1/chat/completions",
    headers: ["X-Gateway-Model-Name", "gpt-gold"],
    body: { json: { model: "gpt-other", messages: [] } },
  }),
  served("the model of plain JSON chooses too", "gold-model", { target: "/models-of/batch", body: { json: { input: 1, model: "gpt-gold" } } }, ["openai"]),
  served("a body that is not JSON has no model", "other-models", {
    target: "/models-of/batch",
    headers: ["content-type", "text/plain"],
    body: '{"model":"gpt-gold"}',
  }),
  served("a caller sees the routes of its own namespace first", "of-team-b", { target: "/precedence/longer/exact", as: "b" }, ["of-team-b"]),
  served("a caller sees the Gateway's routes", "common", { target: "/common/x", as: "b" }, ["common"]),
  served("precedence is over own and common routes together", "common-precedence", { target: "/common/mine" }, ["common"]),
  served("an own route beats a less exact common one", "own-common", { target: "/common/mine/too" }),
  missed("a caller does not see another namespace's routes", { target: "/plain", as: "b" }),
  served("with scope Shared everybody sees all routes", "of-team-b", { target: "/of-team-b", host: "shared.example" }, ["of-team-b"]),
  missed("a route of another Gateway is not there", { target: "/plain/x", host: "nowhere.egress.example", as: "b" }),
  served("a wildcard listener takes a subdomain", "any-tenant", { target: "/x", host: "two.egress.example" }),
  served("a wildcard takes several labels", "any-tenant", { target: "/x", host: "a.b.egress.example" }),
  served("the longer wildcard wins", "deep-tenant", { target: "/x", host: "a.deep.egress.example" }),
  served("an exact host beats a wildcard", "exact-tenant", { target: "/only", host: "one.egress.example" }),
  served("where the exact host's rules do not match, the wildcard's do", "any-tenant", { target: "/elsewhere", host: "one.egress.example" }),
  served("hosts are compared without case, port and last dot", "any-tenant", { target: "/x", host: "TWO.Egress.Example.:80" }),
  {
    ...served(
      "a target in absolute form is read as its path",
      "plain",
      {
        target: "/",
        raw: "GET http://egress.example/plain/x?y HTTP/1.1\r\nhost: egress.example\r\nx-case: {{case}}\r\nauthorization: Bearer caller-token-of-team-a\r\nconnection: close\r\n\r\n",
      },
      [{ backend: "plain", target: "/plain/x?y" }],
    ),
    differs: {
      lambda: {
        why: "The tests' front door hands a target on as it came, and an event whose path is none is refused; AWS's own never make such an event.",
        expect: { status: 400, headers: { "x-egress-error": "request_malformed" }, body: "The path cannot be read.\n", upstream: [] },
      },
    },
  },
  missed("the listener of the exact host keeps its own routes", { target: "/only" }),
  missed("no listener takes an unknown host", { target: "/plain", host: "unknown.example" }),
  missed("a wildcard does not take the name below which it stands", { target: "/x", host: "deep.egress.examples" }),
  served("a full path is exchanged, the query stays", "full", { target: "/rewrite/full/x?a=%2F&b" }, [{ backend: "plain", target: "/always/this?a=%2F&b" }]),
  served("a prefix is exchanged", "inside", { target: "/rewrite/inside/x/y" }, [{ backend: "plain", target: "/v2/x/y" }]),
  served("a prefix is exchanged where nothing follows it", "inside", { target: "/rewrite/inside" }, [{ backend: "plain", target: "/v2" }]),
  served("a prefix is taken away", "away", { target: "/rewrite/away/x" }, [{ backend: "plain", target: "/x" }]),
  served("a prefix is taken away and a slash remains", "away", { target: "/rewrite/away" }, [{ backend: "plain", target: "/" }]),
  served("no authority comes of slashes after a prefix that is taken away", "away", { target: "/rewrite/away//evil.example/x" }, [
    { backend: "plain", target: "/evil.example/x" },
  ]),
  served("the backendRef's rewrite stands in for the rule's", "at-backend", { target: "/rewrite/at-backend/x" }, [
    { backend: "plain", target: "/from-backend/x" },
  ]),
  served("without a rewrite the target goes on as it came", "plain", { target: "/plain/a%2Fb//c;d=1/?x=%41&x=&&y" }, [
    { backend: "plain", target: "/plain/a%2Fb//c;d=1/?x=%41&x=&&y" },
  ]),
  {
    ...served("Host may be another name where the rule says so", "other-host", { target: "/rewrite/host" }),
    expect: {
      status: 200,
      headers: { "x-rule": "other-host" },
      upstream: [{ backend: "front", target: "/rewrite/host", headers: { host: "front.provider.example" } }],
    },
    differs: {
      workers: {
        why: "A Worker's fetch writes Host from the URL, so a rule that asks for another one is refused when it is compiled.",
        expect: { status: 500, headers: { "x-egress-error": "route_rejected" }, upstream: [] },
      },
    },
  },
  sentTo("a redirect is 302 to the same place by default", 302, "/redirect/plain/x?y=1", "http://egress.example/redirect/plain/x?y=1"),
  ...[301, 303, 307, 308].map((status) => sentTo(`a redirect may be ${status}`, status, `/redirect/${status}/x`, `http://egress.example/redirect/${status}/x`)),
  sentTo("a redirect to https has https's port", 302, "/redirect/https", "https://egress.example/redirect/https"),
  sentTo("a redirect to another host and port", 302, "/redirect/host/x", "http://elsewhere.example:8443/redirect/host/x"),
  sentTo("a redirect to a full path keeps the query", 302, "/redirect/full/x?a=b", "http://egress.example/moved/here?a=b"),
  sentTo("a redirect exchanges the prefix", 302, "/redirect/prefix/x", "http://egress.example/new/x"),
];
