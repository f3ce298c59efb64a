import { createHash } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createAuditCheck } from "../../src/offline.ts";
import { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, type FakeAwsSecretsManager, startFakeAwsSecretsManager } from "../fakes/aws-secrets-manager.ts";
import { forwardTo } from "../fakes/forward.ts";
import { type FakeGoogleRest, startFakeGoogleRest } from "../fakes/google-secret-manager-rest.ts";
import { type FakeNamespace, startFakeNamespace } from "../fakes/kv-namespace.ts";
import { answerWell, type Behaviour, fail, type Provider, startProvider } from "../fakes/provider.ts";
import { bundleText, bundleWorker, startWorkerBroker, type WorkerBroker, type WorkerBundle } from "../fakes/worker-broker.ts";

const TOKEN = "caller-token-of-team-a";
const OPERATOR = "token-of-an-operator";
const digest = (text: string) => createHash("sha256").update(text).digest("hex");
const CALLERS = JSON.stringify({
  keys: [
    { sha256: digest(TOKEN), namespace: "team-a", serviceAccount: "assistant" },
    { sha256: digest(OPERATOR), namespace: "egress-system", serviceAccount: "operator" },
  ],
});

const SOURCES: Readonly<Record<string, string>> = {
  bound: "binding: {name: KEY}",
  aws: "awsSecretsManager: {secretId: prod/key, region: eu-central-1, jsonKey: apiKey}",
  google: "googleSecretManager: {name: projects/p/secrets/key}",
};

function backend(name: string, source: string): string[] {
  const hostname = `${name}.provider.example`;
  return [
    `apiVersion: gateway.networking.x-k8s.io/v1alpha1\nkind: XBackend\nmetadata: {name: ${name}, namespace: team-a, labels: {topology.kubernetes.io/region: eu-central-1}}\nspec:\n  type: ExternalHostname\n  externalHostname: {hostname: ${hostname}}\n  port: {port: 443}\n  protocol: HTTP\n  tls: {mode: ServerOnly, validation: {hostname: ${hostname}, wellKnownCACertificates: System}}`,
    `apiVersion: spillway.dev/v1alpha1\nkind: SecretSource\nmetadata: {name: ${name}-key, namespace: team-a}\nspec: {${source}}`,
    `apiVersion: spillway.dev/v1alpha1\nkind: BackendCredentialPolicy\nmetadata: {name: ${name}, namespace: team-a}\nspec:\n  targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}]\n  type: Bearer\n  bearer: {secretRef: {group: spillway.dev, kind: SecretSource, name: ${name}-key}}`,
    `apiVersion: spillway.dev/v1alpha1\nkind: AIBackendPolicy\nmetadata: {name: ${name}, namespace: team-a}\nspec:\n  targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}]\n  schema: {name: OpenAI}`,
  ];
}

/** Routes /NAME to the backend NAME; `/here` is locked to Europe, the broker too. */
function manifests(names: readonly string[] = Object.keys(SOURCES)): string {
  const rules = [...names.map((name) => [name, name]), ["here", names[0] ?? ""]].map(
    ([path, name]) =>
      `  - name: ${path}\n    matches: [{path: {type: PathPrefix, value: /${path}}}, {path: {type: RegularExpression, value: "/v[0-9]+/${path}/.*"}}]\n    filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: /v1/chat/completions}}}]\n    backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}]`,
  );
  return [
    "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: spillway}\nspec: {controllerName: spillway.dev/broker}",
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: egress-system}",
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: team-a}",
    "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: egress, namespace: egress-system}\nspec:\n  gatewayClassName: spillway\n  infrastructure: {parametersRef: {group: spillway.dev, kind: BrokerConfig, name: default}}\n  listeners:\n  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}",
    "apiVersion: spillway.dev/v1alpha1\nkind: BrokerConfig\nmetadata: {name: default, namespace: egress-system}\nspec:\n  identity:\n    apiKeys: {secretRef: {group: spillway.dev, kind: SecretSource, name: callers}}\n    principals: [{type: CloudflareQueue, name: spillway-calls, namespace: team-a, serviceAccount: queue}]\n  routing: {scope: Shared}",
    "apiVersion: spillway.dev/v1alpha1\nkind: SecretSource\nmetadata: {name: callers, namespace: egress-system}\nspec: {binding: {name: CALLERS}}",
    `apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: route, namespace: team-a}\nspec:\n  parentRefs: [{name: egress, namespace: egress-system}]\n  rules:\n${rules.join("\n")}`,
    "apiVersion: spillway.dev/v1alpha1\nkind: RegionPolicy\nmetadata: {name: europe, namespace: team-a}\nspec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route, sectionName: here}]\n  allow: {jurisdictions: [EU]}\n  also: {brokerRegion: true}",
    ...names.flatMap((name) => backend(name, SOURCES[name] ?? SOURCES["bound"] ?? "")),
  ].join("\n---\n");
}

interface Told {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly correlationid?: string;
  readonly data: { readonly status?: number; readonly body?: { readonly json?: { readonly choices: readonly { message: { content: string } }[] } } };
}

interface SpanTold {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: object }[];
}

const spans: SpanTold[] = [];
const behaviours = new Map<string, Behaviour>();
const told: Told[] = [];
let aws: FakeAwsSecretsManager;
let google: FakeGoogleRest;
let namespace: FakeNamespace;
let provider: Provider;
let bundle: WorkerBundle;
let broker: WorkerBroker;

/** Everything that leaves a Worker arrives here, by host. */
const world: Behaviour = (seen, response, request) => {
  const host = seen.headers.host ?? "";
  if (host === "secretsmanager.eu-central-1.amazonaws.com") return forwardTo(Number(new URL(aws.url).port))(seen, response, request);
  if (host === "secretmanager.googleapis.com" || host === "oauth2.googleapis.com") return forwardTo(Number(new URL(google.url).port))(seen, response, request);
  if (host === "sink.example") {
    told.push(JSON.parse(seen.body) as Told); // what the broker itself writes
    return void response.writeHead(202).end();
  }
  if (host === "collector.example") {
    const { resourceSpans } = JSON.parse(seen.body) as { resourceSpans: { scopeSpans: { spans: SpanTold[] }[] }[] }; // OTLP/JSON
    if (seen.url === "/v1/traces" && seen.headers.authorization === "Bearer collector-key")
      for (const { scopeSpans } of resourceSpans) for (const scope of scopeSpans) spans.push(...scope.spans);
    return void response.writeHead(200).end("{}");
  }
  return (behaviours.get(host.split(".")[0] ?? "") ?? answerWell)(seen, response, request);
};

const secrets = () => ({
  CALLERS,
  KEY: "key-of-the-binding",
  AWS_ACCESS_KEY_ID,
  AWS_SECRET_ACCESS_KEY,
  GOOGLE_SERVICE_ACCOUNT_KEY: google.key,
  SPILLWAY_SINK: "https://sink.example/",
  OTEL_EXPORTER_OTLP_ENDPOINT: "https://collector.example",
  OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20collector-key",
});

beforeAll(async () => {
  [provider, bundle, aws, google, namespace] = await Promise.all([
    startProvider({ behaviour: world }),
    bundleWorker(),
    startFakeAwsSecretsManager("eu-central-1"),
    startFakeGoogleRest(),
    startFakeNamespace(),
  ]);
  aws.put("prod/key", '{"apiKey": "key-of-aws"}');
  google.put("projects/p/secrets/key", "key-of-google");
  broker = await startWorkerBroker({ bundle, manifests: manifests(), secrets: secrets(), worldPort: provider.port, state: true });
});
afterAll(async () => {
  await broker?.stop();
  await Promise.all([provider?.close(), bundle?.remove(), aws?.close(), google?.close(), namespace?.close()]);
});
beforeEach(() => {
  behaviours.clear();
  provider.seen.length = 0;
  told.length = 0;
  spans.length = 0;
});

const seenBy = (name: string) => provider.seen.filter((seen) => seen.headers.host === `${name}.provider.example`);
const ask = { model: "gpt-test", messages: [{ role: "user", content: "hi" }] };

function call(to: WorkerBroker, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { "x-api-key": TOKEN, "content-type": "application/json", ...(init.headers as Record<string, string> | undefined) }; // always a plain object here
  return fetch(`${to.url}${path}`, { method: "POST", body: JSON.stringify(ask), ...init, headers });
}

async function statusOf(response: Response): Promise<number> {
  await response.body?.cancel();
  return response.status;
}

const requestEvent = (id: string, path = "/bound/chat", more: object = {}) => ({
  specversion: "1.0",
  id,
  source: "/orders",
  type: "dev.spillway.egress.request.v1",
  data: { method: "POST", route: "team-a/route", path, body: { json: ask }, ...more },
});

function post(event: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${broker.url}/-/events`, {
    method: "POST",
    headers: { "content-type": "application/cloudevents+json", "x-api-key": TOKEN, ...headers },
    body: JSON.stringify(event),
  });
}

describe("secrets of the clouds", () => {
  it.each([
    ["AWS Secrets Manager", "/aws/chat", "aws", "key-of-aws"],
    ["Google Secret Manager", "/google/chat", "google", "key-of-google"],
  ])("%s by signed requests, for many first calls at once", async (_store, path, name, key) => {
    expect(await Promise.all(Array.from({ length: 12 }, async () => statusOf(await call(broker, path))))).toEqual(Array(12).fill(200));
    expect(new Set(seenBy(name).map((seen) => seen.headers.authorization))).toEqual(new Set([`Bearer ${key}`]));
    expect(aws.counts.signed).toBeGreaterThan(0);
  });

  it("a rotation that an event tells of is used by the next call", async () => {
    aws.put("prod/key", '{"apiKey": "key-after-rotation"}');
    const rotated = {
      specversion: "1.0",
      id: "r1",
      source: "/ops",
      type: "dev.spillway.secret.rotated.v1",
      data: { provider: "awsSecretsManager", secretId: "prod/key" },
    };
    expect(await statusOf(await post(rotated))).toBe(403);
    expect(await statusOf(await post(rotated, { "x-api-key": OPERATOR }))).toBe(202);
    expect(await statusOf(await call(broker, "/aws/chat"))).toBe(200);
    expect(seenBy("aws").map((seen) => seen.headers.authorization)).toEqual(["Bearer key-after-rotation"]);
  });

  it("without the cloud's credentials the call is refused, and the log says what is missing", async () => {
    const { AWS_ACCESS_KEY_ID: _id, GOOGLE_SERVICE_ACCOUNT_KEY: _key, ...rest } = secrets();
    const bare = await startWorkerBroker({ bundle, manifests: manifests(), secrets: rest, worldPort: provider.port });
    try {
      for (const path of ["/aws/chat", "/google/chat"]) {
        const response = await call(bare, path);
        expect([response.status, response.headers.get("x-egress-error")]).toEqual([503, "credential_unavailable"]);
        await response.body?.cancel();
      }
      expect(seenBy("aws")).toEqual([]);
    } finally {
      await bare.stop();
    }
  });
});

describe("calls as events", () => {
  it("over HTTP with Prefer: reply, answered from the record when it comes again", async () => {
    const answers = await Promise.all([0, 1].map(async () => (await post(requestEvent("reply-1"), { prefer: "reply" })).status));
    expect(answers).toContain(200);
    const again = await post(requestEvent("reply-1"), { prefer: "reply" });
    expect(await again.json()).toMatchObject({ type: "dev.spillway.egress.response.v1", causationid: "reply-1", data: { status: 200 } });
    expect(seenBy("bound")).toHaveLength(1);
  });

  it("of nobody is refused", async () => {
    expect(await statusOf(await post(requestEvent("nobody"), { "x-api-key": "unknown" }))).toBe(401);
    expect(seenBy("bound")).toEqual([]);
  });

  it("of a queue: acknowledged when the answer is with the sink, called for once however often it is delivered", async () => {
    const messages = Array.from({ length: 5 }, (_, index) => ({ id: `m${index}`, body: requestEvent(`queued-${index}`) }));
    const first = await broker.queue("spillway-calls", [...messages, { id: "text", body: JSON.stringify(requestEvent("queued-text")) }]);
    expect(first).toMatchObject({ outcome: "ok", retryMessages: [] });
    expect([...first.explicitAcks].sort()).toEqual(["m0", "m1", "m2", "m3", "m4", "text"]);
    const again = await broker.queue("spillway-calls", messages);
    expect(again.explicitAcks).toHaveLength(5);
    expect(seenBy("bound")).toHaveLength(6);
    const responses = told.filter(({ type }) => type === "dev.spillway.egress.response.v1");
    expect(new Set(responses.map(({ id }) => id)).size).toBe(6);
    expect(responses).toHaveLength(6);
    expect(responses[0]?.data).toMatchObject({ status: 200 });
  });

  it("delivered a second time while the first is at work: called for once, and the second waits in the queue", async () => {
    let release = () => {};
    behaviours.set("bound", (seen, response, request) => {
      release = () => void answerWell(seen, response, request);
    });
    const message = [{ id: "twice", body: requestEvent("at-work") }];
    const first = broker.queue("spillway-calls", message);
    await expect.poll(() => seenBy("bound").length).toBe(1);
    const second = await broker.queue("spillway-calls", message);
    expect([second.explicitAcks, second.retryMessages.map(({ msgId }) => msgId)]).toEqual([[], ["twice"]]);
    expect(second.retryMessages[0]?.delaySeconds).toBeGreaterThan(0);
    release();
    expect((await first).explicitAcks).toEqual(["twice"]);
    expect((await broker.queue("spillway-calls", message)).explicitAcks).toEqual(["twice"]);
    expect(seenBy("bound")).toHaveLength(1);
  });

  it("that cannot be made now are left to the queue, later each time; poison goes to its dead letters", async () => {
    behaviours.set("bound", fail(503));
    const result = await broker.queue("spillway-calls", [
      { id: "busy", body: requestEvent("busy"), attempts: 3 },
      { id: "poison", body: "no event at all" },
      { id: "unknown", body: { specversion: "1.0", id: "x", source: "/x", type: "somebody.elses" } },
    ]);
    expect(result.explicitAcks).toEqual([]);
    const delays = new Map(result.retryMessages.map(({ msgId, delaySeconds }) => [msgId, delaySeconds]));
    expect(delays).toEqual(
      new Map([
        ["busy", 20],
        ["poison", 0],
        ["unknown", 0],
      ]),
    );
    expect(broker.stderr()).toMatch(/left to spillway-calls: poison: poison/);
  });

  it("of a queue that nobody is named for calls nobody", async () => {
    const result = await broker.queue("another-queue", [{ id: "m", body: requestEvent("other") }]);
    expect([result.explicitAcks, result.retryMessages.length]).toEqual([[], 1]);
    expect(seenBy("bound")).toEqual([]);
  });
});

describe("events out", () => {
  it("each call tells the sink of itself behind its answer", async () => {
    const ids = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const response = await call(broker, "/bound/chat");
        await response.arrayBuffer();
        return response.headers.get("x-request-id");
      }),
    );
    const completed = () => told.filter(({ type }) => type === "dev.spillway.egress.completed.v1").map((event) => JSON.stringify(event));
    // By their ids: what an earlier test has left behind may still arrive.
    const found = () => ids.filter((id) => completed().filter((event) => event.includes(id ?? "no id")).length === 1);
    await expect.poll(() => found().length).toBe(10);
    expect(JSON.stringify(told)).not.toMatch(/key-of|caller-token/);
  });
});

describe("traces", () => {
  it("each call sends its span and one for each attempt to the collector, in the caller's trace, behind its answer", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const responses = await Promise.all(Array.from({ length: 5 }, () => call(broker, "/bound/chat", { headers: { traceparent } })));
    for (const response of responses) await response.arrayBuffer();
    const own = () => spans.filter(({ traceId }) => traceId === traceparent.split("-")[1]);
    await expect.poll(() => own().length).toBe(10);
    const roots = own().filter(({ kind }) => kind === 2);
    expect(roots).toHaveLength(5);
    for (const root of roots) {
      expect(root.parentSpanId).toBe("b7ad6b7169203331");
      expect(Math.abs(Number(BigInt(root.startTimeUnixNano) / 1_000_000n) - Date.now())).toBeLessThan(60_000);
      expect(spans.filter(({ kind, parentSpanId }) => kind === 3 && parentSpanId === root.spanId)).toHaveLength(1);
    }
    expect(roots[0]?.attributes).toContainEqual({ key: "http.response.status_code", value: { intValue: "200" } });
    expect(JSON.stringify(spans)).not.toMatch(/key-of|caller-token/);
  });
});

describe("where the Worker runs", () => {
  const start = (more: Record<string, string>) =>
    startWorkerBroker({ bundle, manifests: manifests(["bound"]), secrets: { ...secrets(), ...more }, worldPort: provider.port });
  const colo = (name: string) => ({ headers: { "test-cf": JSON.stringify({ colo: name }) } });

  it("is the data centre that took the call: inside the lock it is served, outside and unknown it is refused", async () => {
    expect(await statusOf(await call(broker, "/here/chat", colo("FRA")))).toBe(200);
    for (const place of ["IAD", "XXX", "fra"]) {
      const response = await call(broker, "/here/chat", colo(place));
      expect([place, response.status, response.headers.get("x-egress-error")]).toEqual([place, 403, "region_locked"]);
      await response.body?.cancel();
    }
    expect(await statusOf(await call(broker, "/here/chat"))).toBe(403);
    expect(seenBy("bound")).toHaveLength(1);
  });

  it("writes one whole audit chain to its log, and the same records to the sink, for calls at the same time too", async () => {
    const audited = await start({ SPILLWAY_REGION: "eu-central-1", SPILLWAY_AUDIT: "locked", SPILLWAY_AUDIT_LOG: "-" });
    try {
      await Promise.all(Array.from({ length: 12 }, async () => expect(await statusOf(await call(audited, "/here/chat"))).toBe(200)));
      const lines = () => audited.stdout().split("\n");
      const records = () => lines().filter((line) => line.includes('"kind":"call"'));
      await expect.poll(() => records().length).toBe(12);
      const check = createAuditCheck({ mixed: true, heads: [] });
      for (const [index, line] of lines().entries()) check.line(line, `stdout:${index + 1}`);
      const report = check.end();
      expect(report.faults).toEqual([]);
      expect(report.chains).toMatchObject([{ calls: 12, lost: 0 }]);
      expect(audited.stdout()).not.toContain(TOKEN);
      const hashes = new Set(records().map((line) => (JSON.parse(line) as { readonly hash: string }).hash));
      const atSink = () => told.filter(({ type, data }) => type === "dev.spillway.audit.v1" && hashes.has((data as { readonly hash?: string }).hash ?? ""));
      await expect.poll(() => atSink().length).toBe(12);
    } finally {
      await audited.stop();
    }
  });

  it("is what the deployer says, and unknown under smart placement", async () => {
    const [declared, smart] = await Promise.all([start({ SPILLWAY_REGION: "eu-central-1" }), start({ SPILLWAY_PLACEMENT: "smart" })]);
    try {
      expect(await statusOf(await call(declared, "/here/chat", colo("IAD")))).toBe(200);
      expect(await statusOf(await call(smart, "/here/chat", colo("FRA")))).toBe(403);
    } finally {
      await Promise.all([declared.stop(), smart.stop()]);
    }
  });
});

describe("manifests in KV", () => {
  it("serve from the first call, change by revision and by an event, and a bad bundle changes nothing", async () => {
    namespace.put("bundle", bundleText(manifests(["bound"])), { revision: "1" });
    const served = await startWorkerBroker({
      bundle,
      manifests: manifests(["other"]),
      secrets: secrets(),
      worldPort: provider.port,
      namespacePort: namespace.port,
      state: true,
    });
    const changed = () =>
      fetch(`${served.url}/-/events`, {
        method: "POST",
        headers: { "content-type": "application/cloudevents+json", "x-api-key": OPERATOR },
        body: JSON.stringify({ specversion: "1.0", id: crypto.randomUUID(), source: "/ops", type: "dev.spillway.config.changed.v1" }),
      });
    try {
      expect(await Promise.all(Array.from({ length: 8 }, async () => statusOf(await call(served, "/bound/chat"))))).toEqual(Array(8).fill(200));
      expect(await statusOf(await call(served, "/v2/bound/chat"))).toBe(200);
      expect(await statusOf(await call(served, "/other/chat"))).toBe(404);
      const asked = namespace.asked.length;
      expect(await statusOf(await call(served, "/bound/chat"))).toBe(200);
      expect(namespace.asked.length).toBe(asked);

      namespace.put("bundle", "no bundle", { revision: "2" });
      expect(await statusOf(await changed())).toBe(202);
      expect(served.stderr()).toMatch(/SPILLWAY_MANIFESTS\/bundle.*not a bundle/);
      expect(await statusOf(await call(served, "/bound/chat"))).toBe(200);

      namespace.put("bundle", bundleText(manifests(["bound", "aws"])), { revision: "3" });
      expect(await statusOf(await changed())).toBe(202);
      expect(await statusOf(await call(served, "/aws/chat"))).toBe(200);

      namespace.down = true;
      expect(await statusOf(await changed())).toBe(503);
      expect(await statusOf(await call(served, "/aws/chat"))).toBe(200);
      expect(await served.cron()).toMatchObject({ outcome: "ok" });
      expect(served.stderr()).toMatch(/SPILLWAY_MANIFESTS could not be read/);
    } finally {
      namespace.down = false;
      await served.stop();
    }
  });

  it("that cannot be read leave a new isolate not ready: what was built in may allow more", async () => {
    namespace.down = true;
    const fresh = await startWorkerBroker({
      bundle,
      manifests: manifests(["bound"]),
      secrets: secrets(),
      worldPort: provider.port,
      namespacePort: namespace.port,
    });
    try {
      expect(await statusOf(await call(fresh, "/bound/chat"))).toBe(503);
      expect(await statusOf(await fetch(`${fresh.url}/-/readyz`))).toBe(503);
      namespace.down = false;
      namespace.put("bundle", bundleText(manifests(["bound"])));
      await expect.poll(async () => statusOf(await call(fresh, "/bound/chat")), { interval: 200 }).toBe(200);
    } finally {
      namespace.down = false;
      await fresh.stop();
    }
  });

  it("that were never put there leave what was built in", async () => {
    const empty = await startFakeNamespace();
    const fresh = await startWorkerBroker({ bundle, manifests: manifests(["bound"]), secrets: secrets(), worldPort: provider.port, namespacePort: empty.port });
    try {
      expect(await statusOf(await call(fresh, "/bound/chat"))).toBe(200);
      expect(fresh.stderr()).toContain("SPILLWAY_MANIFESTS has no key bundle");
    } finally {
      await fresh.stop();
      await empty.close();
    }
  });
});
