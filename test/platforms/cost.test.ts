import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { ADMIN_TOKEN, CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type Provider, startProvider } from "../fakes/provider.ts";

const more = `apiVersion: spillway.dev/v1alpha1
kind: UsageLimitPolicy
metadata: {name: p, namespace: egress-system}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}]
  limits:
  - {name: usd, unit: Cost, limit: "0.006", window: {duration: 1h}, reserveTokens: 10}
`;

let provider: Provider;
let broker: BrokerProcess;

beforeAll(async () => {
  provider = await startProvider({
    behaviour: (seen, response) => {
      const { model } = JSON.parse(seen.body) as { readonly model: string }; // the SDK's own body
      const usage = { prompt_tokens: 1_000, completion_tokens: 100, total_tokens: 1_100, prompt_tokens_details: { cached_tokens: 400 } };
      const choices = [{ index: 0, message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }];
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ id: "c", object: "chat.completion", model, choices, usage }));
    },
  });
  const backends = [{ name: "openai", port: provider.port, hostname: "api.openai.com", api: "OpenAI" as const }];
  broker = await startBroker({ manifests: testManifests({ backends, more }) });
});
afterAll(async () => {
  await broker.stop();
  await provider.close();
});

describe("the built broker", () => {
  const ask = (model: string) =>
    new OpenAI({ apiKey: CALLER_TOKEN, baseURL: `${broker.url}/v1`, maxRetries: 0 }).chat.completions.create({
      model,
      messages: [{ role: "user", content: "Hi" }],
    });

  it("knows list prices, in the log and in its metrics, and holds a budget by them", async () => {
    expect((await ask("gpt-5")).choices[0]?.message.content).toBe("Hello");
    // 600 at $1.25, 400 at $0.125, 100 at $10 per million.
    const nanos = 600 * 1_250 + 400 * 125 + 100 * 10_000;
    const line = await broker.call(({ model }) => model === "gpt-5");
    expect(line).toMatchObject({ cost: nanos / 1e9, cost_currency: "USD", cost_estimated: false });
    expect(line["cost_source"]).toMatch(/^genai-prices@/);
    const metrics = await fetch(`${broker.url}/-/metrics`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    expect(await metrics.text()).toMatch(/^egress_cost_total\{[^}]*\} 0\.0018$/m);
    // 0.0018 each of 0.006: after the third there is room to begin one more, which is held for less than it turns out to cost.
    const statuses: number[] = [];
    for (let call = 0; call < 5; call += 1)
      statuses.push(
        await ask("gpt-5").then(
          () => 200,
          (error: { readonly status: number }) => error.status,
        ),
      );
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
  });

  it("refuses under a limit of money what it knows no price of", async () => {
    await expect(ask("gpt-oracle-9")).rejects.toMatchObject({ status: 429 });
  });
});
