import { describe, expect, it } from "vitest";
import { compile } from "../../src/compiler.ts";
import { explain } from "../../src/offline.ts";
import { createFakeClock } from "../fakes/clock.ts";
import type { ExchangeOptions } from "../fakes/exchange.ts";
import { CALLER_TOKEN, type TestManifests, testManifests } from "../fakes/manifests.ts";
import { NODE } from "../unit/config/compile-text.ts";
import { install, JSON_HEADERS } from "./installation.ts";

const ref = (name: string) => `{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}`;
const MANIFESTS: TestManifests = {
  backends: [
    { name: "openai", port: 8001, api: "OpenAI" },
    { name: "anthropic", port: 8002, api: "Anthropic" },
    { name: "plain", port: 8003 },
  ],
  rules: [
    "  - name: fast",
    '    matches: [{headers: [{name: X-Gateway-Model-Name, value: "fast"}]}]',
    `    backendRefs: [${ref("plain")}]`,
    "  - name: claude",
    "    matches: [{path: {type: PathPrefix, value: /claude}}]",
    `    backendRefs: [${ref("anthropic")}]`,
    "  - name: old",
    "    matches: [{path: {type: PathPrefix, value: /old}}]",
    "    filters: [{type: RequestRedirect, requestRedirect: {hostname: new.example, statusCode: 302}}]",
    "  - name: chat",
    "    matches: [{path: {type: PathPrefix, value: /v1}}]",
    `    backendRefs: [${ref("openai")}]`,
  ].join("\n"),
};

const CALLS: readonly [string, ExchangeOptions][] = [
  ["a chat", { target: "/v1/chat/completions", body: '{"model":"m"}' }],
  ["a chat with a model that a rule names", { target: "/v1/chat/completions", body: '{"model":"fast"}' }],
  ["JSON of an unknown API with that model", { target: "/v1/things", body: '{"model":"fast"}', headers: JSON_HEADERS }],
  ["the same bytes, not said to be JSON", { target: "/v1/things", body: '{"model":"fast"}', headers: ["content-type", "text/plain"] }],
  ["compressed JSON", { target: "/v1/things", body: "\u001f", headers: [...JSON_HEADERS, "content-encoding", "gzip"] }],
  ["a list of models from a backend of the other API", { target: "/claude/v1/models" }],
  ["embeddings of a backend that has none", { target: "/claude/v1/embeddings", body: '{"model":"m"}' }],
  ["a redirect", { target: "/old/things" }],
  ["no route", { target: "/nowhere" }],
  ["a body with a key twice", { target: "/v1/chat/completions", body: '{"model":"a","model":"fast"}' }],
  ["a target that cannot be routed", { target: "/v1/../old" }],
  ["TRACE", { target: "/v1/things", method: "TRACE" }],
];

describe("what `explain` says is what a call does", () => {
  it.each(CALLS)("%s", async (_name, call) => {
    const { snapshot } = compile([{ path: "test.yaml", text: testManifests(MANIFESTS) }], { name: "knative", features: install(null).transport.features });
    if (snapshot === null) throw new Error("the manifests of this test do not compile");
    const one = install(MANIFESTS);
    const caller = await one.call({ ...call, headers: ["authorization", `Bearer ${CALLER_TOKEN}`, ...(call.headers ?? [])] });
    const said = explain(
      snapshot,
      {
        caller: { namespace: "team-a", serviceAccount: "assistant" },
        method: call.method ?? (call.body === undefined ? "GET" : "POST"),
        authority: "egress.example",
        target: call.target ?? "/",
        headers: call.headers ?? [],
        body: call.body ?? null,
      },
      createFakeClock(),
      () => 0,
    );
    const line = one.log[0] ?? {};
    expect(said.refusal?.code ?? null).toBe(line["refusal"]);
    expect(said.rule?.id ?? "").toBe(line["rule"]);
    expect(said.model).toBe(line["model"]);
    expect(said.redirect ?? said.refusal?.status ?? 200).toBe(caller.received()?.status);
    expect(said.candidates.map((candidate) => candidate.backend).slice(0, 1)).toEqual(
      (line["attempts"] as { backend: string }[]).map(({ backend }) => backend),
    );
  });
});

describe("what a rule does beside", () => {
  const RULES = [
    "  - name: watched",
    "    filters:",
    `    - {type: RequestMirror, requestMirror: {backendRef: ${ref("plain")}, percent: 5}}`,
    `    - {type: RequestMirror, requestMirror: {backendRef: ${ref("anthropic")}}}`,
    `    - {type: CORS, cors: {allowOrigins: ["https://app.example"], allowMethods: [POST], maxAge: 60}}`,
    "    timeouts: {request: 30s, backendRequest: 10s}",
    "    retry: {codes: [503, 502], attempts: 2, backoff: 50ms}",
    `    backendRefs: [${ref("openai")}]`,
  ].join("\n");
  const compiled = compile([{ path: "test.yaml", text: testManifests({ ...MANIFESTS, rules: RULES }) }], NODE);
  const said = (method: string, headers: readonly string[]) => {
    if (compiled.snapshot === null) throw new Error("not compiled");
    const request = {
      caller: { namespace: "team-a", serviceAccount: "assistant" },
      method,
      authority: "x.example",
      target: "/v1/chat/completions",
      headers,
      body: method === "POST" ? '{"model":"m"}' : null,
    };
    return explain(compiled.snapshot, request, createFakeClock(), () => 0);
  };

  it("is told: mirrors with their share, limits, retry, and what a page may do", () => {
    const found = said("POST", [...JSON_HEADERS, "origin", "https://app.example"]);
    expect(found.mirrors).toEqual([
      { backend: "XBackend/team-a/plain", share: 0.05, why: null },
      { backend: "XBackend/team-a/anthropic", share: 1, why: null },
    ]);
    expect(found.limits).toEqual({ requestMs: 30_000, backendRequestMs: 10_000, retry: { codes: [502, 503], attempts: 2, backoffMs: 50 } });
    expect(found.cors).toMatchObject({ origin: "https://app.example", allowed: true });
    expect(said("POST", [...JSON_HEADERS, "origin", "https://evil.example"]).cors).toMatchObject({ allowed: false });
    expect(said("POST", JSON_HEADERS).cors).toBeNull();
  });

  it("is told of a preflight, which nobody has to prove anything for", () => {
    const asks = (origin: string) => said("OPTIONS", ["origin", origin, "access-control-request-method", "POST"]);
    const found = asks("https://app.example");
    expect(found.preflight).toMatchObject({ rule: "team-a/route/watched", allowed: true });
    expect(found.preflight?.headers).toContainEqual(["access-control-max-age", "60"]);
    expect([found.candidates, found.refusal]).toEqual([[], null]);
    expect(asks("https://evil.example").preflight).toMatchObject({ allowed: false });
  });
});
