import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type ServedBroker, serveManifests } from "../fakes/served-broker.ts";
import { type Collector, startCollector } from "../unit/telemetry/collector.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const CHAT = {
  id: "c",
  object: "chat.completion",
  model: "m-1",
  choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 11, completion_tokens: 3, total_tokens: 14 },
};

/** An HTTP server that answers every POST with this JSON. */
async function answering(body: object): Promise<number> {
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(body));
    });
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  closing.push(async () => server.close());
  return (server.address() as AddressInfo).port;
}

async function world(environment: Readonly<Record<string, string>>): Promise<{ readonly broker: ServedBroker; readonly collector: Collector }> {
  const collector = await startCollector();
  closing.push(() => collector.close());
  const manifests = testManifests({
    backends: [
      { name: "model", port: await answering(CHAT), api: "OpenAI" },
      { name: "tools", port: await answering({ jsonrpc: "2.0", id: 1, result: {} }), protocol: "MCP" },
    ],
    rules: `
  - matches: [{path: {type: PathPrefix, value: /mcp}}]
    backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: tools, port: 443}]
  - matches: [{path: {type: PathPrefix, value: /}}]
    backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: model, port: 443}]`,
  });
  const broker = await serveManifests(manifests, { environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...environment } });
  closing.push(() => broker.stop());
  return { broker, collector };
}

const post = (broker: ServedBroker, path: string, body: object) =>
  fetch(`http://127.0.0.1:${broker.port}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${CALLER_TOKEN}`, "content-type": "application/json", "mcp-session-id": "session-9" },
    body: JSON.stringify(body),
  });

describe("what a broker sends to a collector", () => {
  it.each([
    ["1.41", {}, ["gen_ai.client.operation.duration", "gen_ai.client.token.usage"], ["gen_ai.client.inference.duration"]],
    [
      "newest",
      { OTEL_SEMCONV_STABILITY_OPT_IN: "gen_ai_latest_experimental" },
      ["gen_ai.client.inference.duration", "gen_ai.client.inference.usage.input_tokens", "gen_ai.client.inference.operation.output_tokens"],
      ["gen_ai.client.token.usage", "gen_ai.client.operation.duration"],
    ],
  ] as const)("are metrics of the conventions %s", async (_title, environment, there, absent) => {
    const { broker, collector } = await world({ ...environment });
    const answer = await post(broker, "/v1/chat/completions", { model: "m-1", messages: [{ role: "user", content: "hi" }] });
    expect(answer.status, await answer.text()).toBe(200);
    await broker.server.stop();
    const names = collector.metrics().map((metric) => metric.name);
    expect(names).toEqual(expect.arrayContaining([...there, "http.server.request.duration"]));
    for (const name of absent) expect(names).not.toContain(name);
    const duration = collector.metrics().find((metric) => metric.name === "http.server.request.duration");
    const labels = Object.fromEntries((duration?.histogram?.dataPoints[0]?.attributes ?? []).map(({ key, value }) => [key, value]));
    expect(labels).toMatchObject({ "http.request.method": { stringValue: "POST" }, "http.response.status_code": { stringValue: "200" } });
  });

  it("tells what a call to an MCP server asks for, and nothing of its arguments", async () => {
    const { broker, collector } = await world({});
    const params = { name: "search", arguments: { query: "the-canary-of-a-prompt" } };
    const answer = await post(broker, "/mcp?key=the-canary-of-a-query", { jsonrpc: "2.0", id: 1, method: "tools/call", params });
    expect(answer.status, await answer.text()).toBe(200);
    await broker.server.stop();
    const [root, attempt] = [2, 3].map((kind) => collector.spans().find((span) => span.kind === kind));
    const expected = { "mcp.method.name": "tools/call", "mcp.session.id": "session-9", "gen_ai.tool.name": "search", "jsonrpc.request.id": "1" };
    expect(root).toMatchObject({ name: "tools/call search", attributes: expected });
    expect(attempt).toMatchObject({
      name: "tools/call search",
      attributes: { ...expected, "url.full": expect.stringMatching(/^http:\/\/tools\.provider\.example:\d+\/mcp$/) },
    });
    expect(collector.metrics().map((metric) => metric.name)).toContain("mcp.client.operation.duration");
    expect(collector.received.map((one) => one.text).join("\n")).not.toContain("canary");
  });
});
