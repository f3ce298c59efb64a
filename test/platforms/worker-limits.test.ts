import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answerWell, type Provider, startProvider } from "../fakes/provider.ts";
import { bundleWorker, startWorkerBroker, type WorkerBroker, type WorkerBundle } from "../fakes/worker-broker.ts";

const keyOf = (token: string, namespace: string) => ({ sha256: createHash("sha256").update(token).digest("hex"), namespace, serviceAccount: "assistant" });
const CALLERS = JSON.stringify({ keys: [keyOf("token-a", "team-a"), keyOf("token-b", "team-b"), keyOf("token-of-the-admin", "egress-system")] });

const manifests = (limits: string, store: string) => `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: spillway}
spec: {controllerName: spillway.dev/broker}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: egress, namespace: egress-system}
spec:
  gatewayClassName: spillway
  infrastructure: {parametersRef: {group: spillway.dev, kind: BrokerConfig, name: default}}
  listeners:
  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
---
apiVersion: spillway.dev/v1alpha1
kind: BrokerConfig
metadata: {name: default, namespace: egress-system}
spec:
  identity: {apiKeys: {secretRef: {group: spillway.dev, kind: SecretSource, name: callers}}}
  routing: {scope: Shared}
${store}
---
apiVersion: spillway.dev/v1alpha1
kind: SecretSource
metadata: {name: callers, namespace: egress-system}
spec: {env: {name: CALLERS}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: llm, namespace: egress-system}
spec:
  parentRefs: [{name: egress}]
  rules:
  - matches: [{path: {type: PathPrefix, value: /v1}}]
    backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: openai}]
---
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackend
metadata: {name: openai, namespace: egress-system}
spec:
  type: ExternalHostname
  externalHostname: {hostname: api.openai.example}
  port: {port: 80}
  protocol: HTTP
  tls: {mode: None}
---
apiVersion: spillway.dev/v1alpha1
kind: AIBackendPolicy
metadata: {name: openai, namespace: egress-system}
spec:
  targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: openai}]
  schema: {name: OpenAI}
---
apiVersion: spillway.dev/v1alpha1
kind: UsageLimitPolicy
metadata: {name: fair-use, namespace: egress-system}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}]
  limits:
${limits}
`;

/** In workerd, with the Durable Objects of the Worker's own class. */
describe("limits and usage in a Worker", () => {
  let world: Provider;
  let bundle: WorkerBundle;
  const running: WorkerBroker[] = [];

  beforeAll(async () => {
    [world, bundle] = await Promise.all([startProvider(), bundleWorker()]);
    world.behave(answerWell);
  });
  afterAll(async () => {
    for (const broker of running) await broker.stop();
    await world?.close();
    await bundle?.remove();
  });

  async function serving(limits: string, store = "", usage = true): Promise<WorkerBroker> {
    const broker = await startWorkerBroker({ bundle, manifests: manifests(limits, store), secrets: { CALLERS }, worldPort: world.port, usage });
    running.push(broker);
    return broker;
  }
  async function call(broker: WorkerBroker, token = "token-a"): Promise<{ readonly status: number; readonly headers: Headers; readonly text: string }> {
    const body = JSON.stringify({ model: "gpt-test", max_tokens: 50, messages: [{ role: "user", content: "Tell me a story" }] });
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const answer = await fetch(`${broker.url}/v1/chat/completions`, { method: "POST", headers, body });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  }
  const page = async (broker: WorkerBroker, path: string): Promise<Readonly<Record<string, unknown>>> =>
    (await (await fetch(`${broker.url}/-/${path}`, { headers: { authorization: "Bearer token-of-the-admin" } })).json()) as Readonly<Record<string, unknown>>; // our own pages

  it("lets exactly the limit through when more come at once, each namespace for itself, and tells what was used", async () => {
    const broker = await serving("  - {name: rpm, unit: Requests, limit: 7, window: {duration: 1h}, per: [Namespace]}");
    const answers = await Promise.all(Array.from({ length: 24 }, () => call(broker)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([...Array<number>(7).fill(200), ...Array<number>(17).fill(429)]);
    const refused = answers.find(({ status }) => status === 429);
    expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(refused?.headers.get("x-egress-error")).toBe("limit_exceeded");
    expect((await call(broker, "token-b")).status).toBe(200);
    expect(world.seen).toHaveLength(8);
    // Behind the answers.
    await expect.poll(async () => await page(broker, "usage?by=namespace")).toMatchObject({ total: { requests: 25, limited: 17 } });
    await expect
      .poll(async () => (await page(broker, "limits"))["limits"])
      .toEqual(expect.arrayContaining([expect.objectContaining({ used: 7, held: 0 }), expect.objectContaining({ used: 1, held: 0 })]));
    expect(broker.stderr()).not.toContain("by this instance alone");
    expect(broker.stderr()).not.toMatch(/Cannot perform I\/O|hang|uncaught/i);
  });

  it("counts several limits at once, all or none, to the token", async () => {
    const broker = await serving(
      "  - {name: rpm, unit: Requests, limit: 100, window: {duration: 1h}}\n  - {name: at-once, unit: Concurrency, limit: 50, per: [Namespace]}\n  - {name: tokens, unit: Tokens, limit: 100000, window: {duration: 1h}, per: [Namespace, Model]}",
    );
    const answers = await Promise.all(Array.from({ length: 5 }, () => call(broker)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    const { usage } = JSON.parse(answers[0]?.text ?? "") as { readonly usage: { readonly total_tokens: number } }; // the provider's own form
    await expect
      .poll(async () => (await page(broker, "limits"))["limits"])
      .toEqual(
        expect.arrayContaining([
          expect.objectContaining({ unit: "requests", used: 5, held: 0 }),
          expect.objectContaining({ unit: "tokens", used: 5 * usage.total_tokens, held: 0 }),
        ]),
      );
  });

  it("refuses where BrokerConfig names a binding that is not there, rather than counting alone", async () => {
    const broker = await serving(
      "  - {name: rpm, unit: Requests, limit: 7, window: {duration: 1h}}",
      "  limits: {store: {durableObject: {binding: ELSEWHERE}}}",
    );
    expect((await call(broker)).status).toBe(503);
  });

  it("counts in the isolate's own memory where there is no binding", async () => {
    const broker = await serving("  - {name: rpm, unit: Requests, limit: 2, window: {duration: 1h}}", "", false);
    expect([await call(broker), await call(broker), await call(broker)].map(({ status }) => status)).toEqual([200, 200, 429]);
    await expect.poll(broker.stderr).toContain("are counted by this instance alone");
  });
});
