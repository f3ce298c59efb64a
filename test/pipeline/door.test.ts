import { describe, expect, it } from "vitest";
import type { TestManifests } from "../fakes/manifests.ts";
import type { AnswerStep } from "../fakes/scripted-transport.ts";
import { chat, type Installation, install, JSON_HEADERS, STREAM_HEADERS } from "./installation.ts";

const ROUTE = "{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route}";
const lock = (allow: string, more = "") =>
  `apiVersion: spillway.dev/v1alpha1\nkind: RegionPolicy\nmetadata: {name: locked, namespace: team-a}\nspec:\n  targetRefs: [${ROUTE}]\n  allow: ${allow}\n${more}`;
const attestation = (backend: string, body: string, namespace = "egress-system", checkedAt = "1970-01-01") =>
  `apiVersion: spillway.dev/v1alpha1\nkind: RegionAttestation\nmetadata: {name: attested-${backend}, namespace: ${namespace}}\nspec:\n  targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, namespace: team-a, name: ${backend}}]\n  checkedAt: "${checkedAt}"\n  source: a test\n${body}`;

const sentBody = (one: Installation, index = 0): Record<string, unknown> => JSON.parse(one.transport.sent[index]?.body ?? "null");
const attempts = (one: Installation) => one.log[0]?.["attempts"] as readonly Record<string, unknown>[];

describe("Anthropic under a lock", () => {
  const MANIFESTS: TestManifests = {
    backends: [
      { name: "claude", port: 8001, hostname: "api.anthropic.com", region: "us", api: "Anthropic", key: "key-of-claude", keyHeader: "x-api-key" },
      { name: "spare", port: 8002, region: "us-east-1", api: "Anthropic" },
    ],
    group: ["claude", "spare"],
    more: lock("{jurisdictions: [US]}"),
  };
  const call = (body: object = {}, headers: readonly string[] = []) => ({
    ...chat(),
    target: "/v1/messages",
    headers: [...(chat().headers ?? []), ...headers],
    body: JSON.stringify({ model: "claude-opus-4-6", max_tokens: 5, messages: [], ...body }),
  });
  const message = (usage: object): AnswerStep => ({
    status: 200,
    headers: JSON_HEADERS,
    body: JSON.stringify({ id: "msg_1", type: "message", model: "claude-opus-4-6", content: [{ type: "text", text: "the secret plan" }], usage }),
  });
  const stream = (usage: object): AnswerStep => ({
    status: 200,
    headers: STREAM_HEADERS,
    body: [
      'event: ping\ndata: {"type":"ping"}\n\n',
      `event: message_start\ndata: ${JSON.stringify({ type: "message_start", message: { id: "msg_1", type: "message", usage } })}\n\n`,
      'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"the secret plan"}}\n\n',
      'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    ],
  });

  it("gets inference_geo from the broker, whatever the caller wrote, and none of the caller's own choices", async () => {
    const one = install(MANIFESTS);
    one.transport.script("api", message({ input_tokens: 1, output_tokens: 1, inference_geo: "us" }));
    const sent = ["anthropic-workspace-id", "w", "anthropic-beta", "interleaved-thinking-2025-05-14, code-execution-2025-08-25", "accept-encoding", "gzip"];
    const caller = await one.call(call({ inference_geo: "global", workspace_id: "w" }, sent));
    expect(caller.received()?.status).toBe(200);
    expect(caller.received()?.body).toContain("the secret plan");
    expect(sentBody(one)).toMatchObject({ inference_geo: "us" });
    expect(sentBody(one)).not.toHaveProperty("workspace_id");
    const headers = one.transport.sent[0]?.request.headers ?? [];
    expect(headers).not.toContain("anthropic-workspace-id");
    expect(headers[headers.indexOf("anthropic-beta") + 1]).toBe("interleaved-thinking-2025-05-14");
    expect(headers[headers.indexOf("accept-encoding") + 1]).toBe("identity");
    expect(one.log[0]).toMatchObject({ region: "us", region_decision: "allow" });
  });

  it("leaves an unlocked call alone", async () => {
    const one = install({ ...MANIFESTS, more: "apiVersion: v1\nkind: Namespace\nmetadata: {name: nobody}" });
    one.transport.script("api", message({ inference_geo: "global" }));
    const caller = await one.call(call({ inference_geo: "global" }, ["anthropic-workspace-id", "w"]));
    expect(caller.received()?.status).toBe(200);
    expect(sentBody(one)).toMatchObject({ inference_geo: "global" });
    expect(one.transport.sent[0]?.request.headers).toContain("anthropic-workspace-id");
  });

  it.each<readonly [string, AnswerStep]>([
    ["another place", message({ inference_geo: "global" })],
    ["no place", message({ input_tokens: 1 })],
    ["a place that is not available", message({ inference_geo: "not_available" })],
    ["another place, in a stream", stream({ inference_geo: "global" })],
    ["no place, in a stream", stream({})],
    ["a stream that begins with its content", { ...stream({}), body: 'event: content_block_delta\ndata: {"type":"content_block_delta"}\n\n' }],
    ["bytes that cannot be read", { ...message({ inference_geo: "us" }), headers: [...JSON_HEADERS, "content-encoding", "gzip"] }],
    ["no JSON", { status: 200, headers: JSON_HEADERS, body: "hello" }],
  ])("is violated by an answer that says %s: not one token of it is relayed", async (_name, step) => {
    const one = install(MANIFESTS);
    one.transport.script("api", step);
    const caller = await one.call(call());
    expect(caller.header("x-egress-error")).toEqual(["region_violated"]);
    expect(caller.received()?.status).toBe(502);
    expect(caller.received()?.body).not.toContain("the secret plan");
    expect(one.transport.sent).toHaveLength(1);
    expect(one.transport.sent[0]?.answer?.over).toBe(true);
    expect(one.log[0]).toMatchObject({ region_decision: "violated", refusal: "region_violated" });
    expect(one.events.find((event) => event.type === "backend.region_violated")).toMatchObject({
      data: { rule: "anthropic.inference-geo", policies: ["team-a/locked"] },
    });
    // Out at once: the next call goes to the spare.
    await one.call(call());
    expect(one.transport.sent.at(-1)?.to).toBe("spare");
  });

  it("passes a stream that says the place, whole and in order", async () => {
    const one = install(MANIFESTS);
    one.transport.script("api", stream({ inference_geo: "us" }));
    const caller = await one.call(call({ stream: true }));
    expect(caller.received()?.body).toMatch(/message_start[\s\S]*the secret plan[\s\S]*message_stop/);
  });

  it("takes an error for an error", async () => {
    const one = install(MANIFESTS);
    one.transport.script("api", { status: 400, headers: JSON_HEADERS, body: '{"type":"error","error":{"type":"invalid_request_error","message":"no"}}' });
    expect((await one.call(call())).received()?.status).toBe(400);
    expect(one.events.some((event) => event.type === "backend.region_violated")).toBe(false);
  });

  it("an answer that breaks off is a failure, not a violation", async () => {
    const one = install(MANIFESTS);
    one.transport.script("api", { status: 200, headers: JSON_HEADERS, body: '{"type":"mess', ending: { kind: "reset", sent: true, message: "" } });
    one.transport.script("spare", message({}));
    expect((await one.call(call())).received()?.status).toBe(200);
    expect(one.transport.sent.map((sent) => sent.to)).toEqual(["api", "spare"]);
    expect(one.events.some((event) => event.type === "backend.region_violated")).toBe(false);
  });
});

describe("a request that the last door denies", () => {
  const MANIFESTS: TestManifests = {
    backends: [
      { name: "first", port: 8001, hostname: "eu.api.openai.com", region: "eu", api: "OpenAI" },
      { name: "second", port: 8002, region: "eu-central-1", api: "OpenAI" },
    ],
    group: ["first", "second"],
    more: lock('{regions: [eu], jurisdictions: ["EEA+CH"]}'),
  };
  const known = { model: "gpt-4o" };

  it("goes to the next candidate, and the first is not to blame", async () => {
    const one = install(MANIFESTS);
    for (let round = 0; round < 5; round += 1) expect((await one.call(chat({ model: "gpt-99" }))).received()?.status).toBe(200);
    expect(new Set(one.transport.sent.map((sent) => sent.to))).toEqual(new Set(["second"]));
    expect(attempts(one).map(({ outcome }) => outcome)).toEqual(["region_locked", "answer"]);
    await one.call(chat(known));
    expect(one.transport.sent.at(-1)?.to).toBe("eu");
  });

  it("does not use up the tries that the rule allows", async () => {
    const third = { name: "third", port: 8003, region: "eu-west-1", api: "OpenAI" as const };
    const one = install({ ...MANIFESTS, backends: [...MANIFESTS.backends, third], group: ["first", "second", "third"], rule: "    retry: {attempts: 1}" });
    one.transport.script("second", { status: 503, body: "" });
    expect((await one.call(chat({ model: "gpt-99" }))).received()?.status).toBe(200);
    expect(one.transport.sent.map((sent) => sent.to)).toEqual(["second", "third"]);
  });

  it("is refused with 403 and the rule when nobody is left, and nothing has left the broker", async () => {
    const one = install(MANIFESTS);
    const caller = await one.call(chat({ ...known, tools: [{ type: "web_search" }] }));
    expect(caller.received()?.status).toBe(403);
    expect(caller.header("x-egress-error")).toEqual(["region_locked"]);
    expect(caller.received()?.body).toContain("content.tool");
    expect(one.transport.sent).toEqual([]);
    expect(one.log[0]).toMatchObject({ region_decision: "deny", refusal: "region_locked" });
  });

  it("the model is read after the manifest has changed it", async () => {
    const one = install({ ...MANIFESTS, backends: MANIFESTS.backends.slice(0, 1), group: ["first"] });
    expect((await one.call(chat({ model: "gpt-99" }))).received()?.status).toBe(403);
    expect((await one.call(chat(known))).received()?.status).toBe(200);
  });

  it("is not kept from the caller's own headers by forgetting to strip them", async () => {
    const one = install(MANIFESTS);
    await one.call(
      chat(known, ["openai-organization", "org-us", "OpenAI-Project", "proj-us", "x-goog-user-project", "p", "x-goog-request-params", "location=us"]),
    );
    const names = (one.transport.sent[0]?.request.headers ?? []).filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
    for (const name of ["openai-organization", "openai-project", "x-goog-user-project", "x-goog-request-params"]) expect(names).not.toContain(name);
  });

  it("says data_residency_mismatch: a violation, be it an error or an event of a stream", async () => {
    for (const step of [
      { status: 400, headers: JSON_HEADERS, body: '{"error":{"code":"data_residency_mismatch","message":"x"}}' },
      {
        status: 200,
        headers: STREAM_HEADERS,
        body: [
          'event: response.created\ndata: {"type":"response.created","response":{}}\n\n',
          'event: response.failed\ndata: {"type":"response.failed","response":{"error":{"code":"data_residency_mismatch"}}}\n\n',
        ],
      },
    ] satisfies AnswerStep[]) {
      const one = install(MANIFESTS);
      one.transport.script("eu", step);
      const caller = await one.call({ ...chat(), target: "/v1/responses", body: '{"model":"gpt-4.1","input":"x"}' });
      expect(caller.header("x-egress-error")).toEqual(["region_violated"]);
      expect(sentBody(one)).toMatchObject({ store: false });
    }
  });
});

describe("RegionAttestation", () => {
  const azure = (more: string, label?: string): TestManifests => ({
    backends: [{ name: "azure", port: 8001, hostname: "contoso.openai.azure.com", ...(label === undefined ? {} : { region: label }), api: "OpenAI" }],
    more: `${lock("{jurisdictions: [EU]}")}\n---\n${more}`,
  });
  const DEPLOYMENT = "  deployments: [{name: gpt-4o, sku: Standard, location: swedencentral}]\n  processing: {regions: [swedencentral]}";
  const call = { ...chat({ model: "gpt-4o" }), target: "/openai/v1/chat/completions" };

  it("lets a deployment be found by its SKU and location, and its answer must not contradict that", async () => {
    const one = install(azure(attestation("azure", DEPLOYMENT)));
    expect((await one.call(call)).received()?.status).toBe(200);
    expect((await one.call({ ...call, body: '{"model":"gpt-5","messages":[]}' })).received()?.status).toBe(403);
    one.transport.script("contoso", { status: 200, headers: [...JSON_HEADERS, "x-ms-region", "Sweden Central"], body: "{}" });
    expect((await one.call(call)).received()?.status).toBe(200);
    one.transport.script("contoso", { status: 200, headers: [...JSON_HEADERS, "x-ms-region", "East US 2"], body: "{}" });
    expect((await one.call(call)).header("x-egress-error")).toEqual(["region_violated"]);
  });

  it("counts only beside a Gateway: the owner of a route cannot attest himself out of a lock", async () => {
    const one = install(null);
    const compiled = one.load(azure(attestation("azure", DEPLOYMENT, "team-a")));
    expect(compiled.faults.some((fault) => fault.message.includes("only in the namespace of a Gateway"))).toBe(true);
    const caller = await one.call(call);
    expect(caller.header("x-egress-error")[0]).toMatch(/^(region_locked|route_rejected)$/);
    expect(one.transport.sent).toEqual([]);
  });

  it("a label does not make a provider's host another place", async () => {
    const one = install(azure("apiVersion: v1\nkind: Namespace\nmetadata: {name: nobody}", "swedencentral"));
    expect((await one.call(call)).header("x-egress-error")[0]).toMatch(/^(region_locked|route_rejected)$/);
    expect(one.transport.sent).toEqual([]);
  });

  it("may be asked for by the policy: then the owner's label is too weak", async () => {
    const backends = [{ name: "own", port: 8001, region: "eu-central-1", api: "OpenAI" as const }];
    const evidence = (minimum: string) => lock("{jurisdictions: [EU]}", `  evidence: {minimum: ${minimum}}`);
    expect((await install({ backends, more: evidence("Label") }).call(chat())).received()?.status).toBe(200);
    expect((await install({ backends, more: evidence("Attested") }).call(chat())).header("x-egress-error")[0]).toMatch(/^(region_locked|route_rejected)$/);
    const attested = attestation("own", "  processing: {regions: [eu-central-1]}");
    expect((await install({ backends, more: `${evidence("Attested")}\n---\n${attested}` }).call(chat())).received()?.status).toBe(200);
    expect((await install({ backends, more: `${evidence("ControlPlane")}\n---\n${attested}` }).call(chat())).received()?.status).not.toBe(200);
    const read = attestation("own", "  from: ControlPlane\n  processing: {regions: [eu-central-1]}");
    expect((await install({ backends, more: `${evidence("ControlPlane")}\n---\n${read}` }).call(chat())).received()?.status).toBe(200);
    expect((await install({ backends, more: `${evidence("Host")}\n---\n${read}` }).call(chat())).received()?.status).not.toBe(200);
  });

  it("grows old: facts beyond evidence.maxAge are denied from one call to the next", async () => {
    const backends = [{ name: "own", port: 8001, region: "eu-central-1", api: "OpenAI" as const }];
    const start = new Date(install(null).clock.now()).toISOString();
    const policy = lock("{jurisdictions: [EU]}", "  evidence: {maxAge: 1h}");
    const one = install({ backends, more: `${policy}\n---\n${attestation("own", "  processing: {regions: [eu-central-1]}", "egress-system", start)}` });
    expect((await one.call(chat())).received()?.status).toBe(200);
    await one.clock.advance(3_700_000);
    const late = await one.call(chat());
    expect(late.received()?.status).toBe(403);
    expect(late.received()?.body).toContain("evidence.maxAge");
    // A label is undated.
    expect((await install({ backends, more: policy }).call(chat())).received()?.status).not.toBe(200);
  });
});
