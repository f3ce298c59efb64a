import { describe, expect, it } from "vitest";
import { find } from "../../src/lib/header-list.ts";
import { CALLER_TOKEN, type TestManifests } from "../fakes/manifests.ts";
import { chat, type Installation, install, JSON_HEADERS } from "./installation.ts";

const to = (one: Installation) => one.transport.sent.map((sent) => sent.to);
const models = (one: Installation) => one.transport.sent.map((sent) => (JSON.parse(sent.body ?? "{}") as { model?: string }).model);
const ref = (name: string, more = "") => `{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}${more}}`;
const two = [
  { name: "first", port: 8001 },
  { name: "second", port: 8002 },
];

describe("the model of the body", () => {
  const BY_MODEL: TestManifests = {
    backends: two,
    rules: [
      "  - name: fast",
      '    matches: [{headers: [{name: X-Gateway-Model-Name, value: "fast"}]}]',
      `    backendRefs: [${ref("first")}]`,
      "  - name: rest",
      `    backendRefs: [${ref("second")}]`,
    ].join("\n"),
  };

  it("chooses the rule", async () => {
    const one = install(BY_MODEL);
    await one.call(chat({ model: "fast" }));
    await one.call(chat({ model: "slow" }));
    expect(to(one)).toEqual(["first", "second"]);
    expect(one.log.map((line) => line["rule"])).toEqual(["team-a/route/fast", "team-a/route/rest"]);
  });

  it("and not the header that the client sends, which does not go upstream either", async () => {
    const one = install(BY_MODEL);
    await one.call(chat({ model: "slow" }, ["X-Gateway-Model-Name", "fast"]));
    await one.call({ target: "/plain", headers: ["authorization", `Bearer ${CALLER_TOKEN}`, "x-gateway-model-name", "fast"] });
    expect(to(one)).toEqual(["second", "second"]);
    for (const sent of one.transport.sent) expect(find(sent.request.headers, "x-gateway-model-name")).toBeNull();
  });

  it("a body that names it twice is refused: we would read one, the destination the other", async () => {
    const one = install(BY_MODEL);
    const caller = await one.call({ ...chat(), body: '{"model":"fast","model":"slow"}' });
    expect(caller.received()?.status).toBe(400);
    expect(one.transport.sent).toEqual([]);
  });
});

describe("the model that goes upstream", () => {
  const ai = (name: string, spec: string) =>
    `apiVersion: spillway.dev/v1alpha1\nkind: AIBackendPolicy\nmetadata: {name: ${name}, namespace: team-a}\nspec:\n  targetRefs: [${ref(name)}]\n${spec}`;

  it("is the backend's alias, per candidate", async () => {
    const one = install({
      backends: two,
      group: ["first", "second"],
      more: [
        ai("first", "  schema: {name: OpenAI}\n  models: [{name: gpt-test, upstream: first-name}]"),
        ai("second", "  schema: {name: OpenAI, prefix: /openai/v1}\n  models: [{name: gpt-*, upstream: second-name}]"),
      ].join("\n---\n"),
    });
    one.transport.script("first", { status: 500 });
    await one.call(chat());
    expect(models(one)).toEqual(["first-name", "second-name"]);
    expect(one.transport.sent.map(({ request }) => request.path)).toEqual(["/v1/chat/completions", "/openai/v1/chat/completions"]);
    expect(one.log[0]).toMatchObject({ model: "gpt-test", attempts: [{ model: "first-name" }, { model: "second-name" }] });
  });

  it("is the group's override where it has one", async () => {
    const one = install({
      backends: two,
      rules: "  - backendRefs: [{group: spillway.dev, kind: BackendGroup, name: mixed}]",
      more: `apiVersion: spillway.dev/v1alpha1\nkind: BackendGroup\nmetadata: {name: mixed, namespace: team-a}\nspec:\n  tiers:\n  - {name: a, backends: [{backendRef: ${ref("first")}}]}\n  - {name: b, backends: [{backendRef: ${ref("second")}, model: local-model}]}`,
    });
    one.transport.script("first", { status: 503 });
    await one.call(chat());
    expect(models(one)).toEqual(["gpt-test", "local-model"]);
  });

  it("one that no backend offers: 404 model_unknown, in OpenAI's envelope", async () => {
    const one = install({ backends: two, more: ai("first", "  schema: {name: OpenAI}\n  models: [{name: only-this}]") });
    const caller = await one.call(chat());
    expect(caller.received()?.status).toBe(404);
    expect(caller.header("x-egress-error")).toEqual(["model_unknown"]);
    expect(JSON.parse(caller.received()?.body ?? "")).toHaveProperty("error.message");
  });

  it("a backend that cannot do what is asked is passed over; if it is the only one: 400, in Anthropic's envelope", async () => {
    const one = install({ backends: two, more: ai("first", "  schema: {name: OpenAI}") });
    const caller = await one.call({ ...chat(), target: "/v1/messages/count_tokens" });
    expect(caller.received()?.status).toBe(400);
    expect(caller.header("x-egress-error")).toEqual(["translation_unsupported"]);
    expect(JSON.parse(caller.received()?.body ?? "")).toMatchObject({ type: "error", error: { message: expect.any(String) } });
  });
});

describe("a streamed chat", () => {
  const usage = 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n';
  const stream = ['data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n', usage, "data: [DONE]\n\n"];
  const backends = [{ name: "only", port: 8001, api: "OpenAI" as const }];

  it("the broker asks for usage in the caller's place, counts it, and hides the extra event", async () => {
    const one = install({ backends });
    one.transport.script("only", { status: 200, headers: ["content-type", "text/event-stream"], body: stream });
    const caller = await one.call(chat({ stream: true }));
    expect(JSON.parse(one.transport.sent[0]?.body ?? "")).toMatchObject({ stream_options: { include_usage: true } });
    expect(caller.received()).toMatchObject({ body: `${stream[0]}${stream[2]}`, whole: true });
    expect(one.log[0]).toMatchObject({ input_tokens: 3, output_tokens: 4, outcome: "ok" });
  });

  it("a caller that asks itself gets every byte", async () => {
    const one = install({ backends });
    one.transport.script("only", { status: 200, headers: ["content-type", "text/event-stream"], body: stream });
    const caller = await one.call(chat({ stream: true, stream_options: { include_usage: true } }));
    expect(caller.received()?.body).toBe(stream.join(""));
    expect(one.log[0]).toMatchObject({ output_tokens: 4 });
  });
});

describe("a rule that was refused when it was compiled", () => {
  it("keeps its place: 500, and the broader rule does not get its traffic", async () => {
    const one = install({
      backends: two,
      rules: [
        "  - name: broken",
        "    matches: [{path: {type: PathPrefix, value: /private}}]",
        "    filters: [{type: ExternalAuth}]",
        `    backendRefs: [${ref("first")}]`,
        "  - name: broad",
        `    backendRefs: [${ref("second")}]`,
      ].join("\n"),
    });
    const caller = await one.call({ target: "/private/things" });
    expect(caller.received()?.status).toBe(500);
    expect(caller.header("x-egress-error")).toEqual(["route_rejected"]);
    expect(one.transport.sent).toEqual([]);
    expect((await one.call({ target: "/public" })).received()?.body).toBe("from second");
  });

  it("a backendRef that leads nowhere has its share answered 500", async () => {
    const one = install({ backends: two, rules: `  - backendRefs: [${ref("nobody")}]` });
    const caller = await one.call({ target: "/things" });
    expect(caller.received()?.status).toBe(500);
    expect(caller.header("x-egress-error")[0]).toMatch(/^(backend_invalid|route_rejected)$/);
  });
});

describe("a redirect rule", () => {
  it("is answered by the broker itself", async () => {
    const one = install({
      backends: two,
      rules: "  - filters: [{type: RequestRedirect, requestRedirect: {scheme: https, hostname: new.example, statusCode: 301}}]",
    });
    const caller = await one.call({ target: "/things?a=1" });
    expect(caller.received()).toMatchObject({ status: 301, body: "" });
    expect(caller.header("location")).toEqual(["https://new.example/things?a=1"]);
    expect(caller.header("x-request-id")).toHaveLength(1);
    expect(one.log).toMatchObject([{ status: 301, outcome: "ok", attempts: [] }]);
  });
});

describe("weights and filters", () => {
  it("a failed pick goes to the rule's other backends", async () => {
    const one = install({ backends: two, rules: `  - backendRefs: [${ref("first", ", weight: 1")}, ${ref("second", ", weight: 1")}]` });
    one.transport.script("first", { status: 503 });
    one.transport.script("second", { status: 200, body: "ok" });
    expect((await one.call({ target: "/" })).received()?.body).toBe("ok");
  });

  it("header filters and a rewrite are applied, and cannot touch the broker's credential", async () => {
    const one = install({
      backends: [{ name: "first", port: 8001, key: "first-key-value" }],
      rules: [
        "  - matches: [{path: {type: PathPrefix, value: /api}}]",
        "    filters:",
        "    - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: Authorization, value: fixed}, {name: X-Team, value: a}], remove: [x-gone]}}",
        "    - {type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: X-Answer, value: b}]}}",
        "    - {type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /v2}}}",
        `    backendRefs: [${ref("first")}]`,
      ].join("\n"),
    });
    const caller = await one.call({ target: "/api/things?q=1", headers: ["authorization", `Bearer ${CALLER_TOKEN}`, "x-gone", "1", ...JSON_HEADERS] });
    const request = one.transport.sent[0]?.request;
    expect(request?.path).toBe("/v2/things?q=1");
    expect(find(request?.headers ?? [], "x-team")).toBe("a");
    expect(find(request?.headers ?? [], "x-gone")).toBeNull();
    expect(find(request?.headers ?? [], "authorization")).toBe("Bearer first-key-value");
    expect(caller.header("x-answer")).toEqual(["b"]);
  });
});
