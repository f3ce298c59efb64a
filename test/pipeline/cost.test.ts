import { describe, expect, it } from "vitest";
import { genaiPrices } from "../../adapters/prices/genai-prices.ts";
import type { PriceBook } from "../../src/index.ts";
import type { TestBackend } from "../fakes/manifests.ts";
import { createScriptedDesk } from "../fakes/scripted-desk.ts";
import { streamedAnswer, type Told, wholeAnswer } from "../fakes/wire-answers.ts";
import { chat, type Installation, install, JSON_HEADERS, STREAM_HEADERS } from "./installation.ts";

const openai: TestBackend = { name: "openai", port: 8001, hostname: "api.openai.com", api: "OpenAI" };
const own: TestBackend = { name: "own", port: 8002, api: "OpenAI", models: '[{name: "*", price: {inputPerMTok: "1", outputPerMTok: "2", currency: EUR}}]' };

const answer = (model: string, more: object = {}) => ({
  status: 200,
  headers: JSON_HEADERS,
  body: JSON.stringify({ model, choices: [{ finish_reason: "stop" }], usage: { prompt_tokens: 1_000, completion_tokens: 100, total_tokens: 1_100 }, ...more }),
});

interface Book {
  readonly load: () => Promise<PriceBook>;
  loads: number;
}

function book(): Book {
  const counted: Book = {
    loads: 0,
    load: async () => {
      counted.loads += 1;
      return genaiPrices;
    },
  };
  return counted;
}

const costs = (one: Installation) => one.log.map((line) => [line["cost"], line["cost_currency"], line["cost_source"], line["cost_estimated"]]);
const LIST = "genai-prices@0.1.8";

describe("what a call cost", () => {
  it("stands in the log, in events and in the metrics, by list prices", async () => {
    const { load } = book();
    const one = install({ backends: [openai] }, { prices: load });
    one.transport.script("api", answer("gpt-5-2025-08-07"));
    await one.call(chat({ model: "gpt-5" }));
    // 1 000 * $1.25 and 100 * $10 per million.
    expect(costs(one)).toEqual([[0.00225, "USD", LIST, false]]);
    expect(one.events.find(({ type }) => type === "egress.completed")?.data).toMatchObject({
      cost: 0.00225,
      costCurrency: "USD",
      costSource: LIST,
      costEstimated: false,
    });
    expect(one.broker.metricsText()).toMatch(/^egress_cost_total\{.*\} 0\.00225$/m);
  });

  it("is known for a stream too, with the tier that served it", async () => {
    const one = install({ backends: [openai] }, { prices: book().load });
    const chunk = (more: object) => `data: ${JSON.stringify({ id: "c", model: "gpt-5", service_tier: "flex", ...more })}\n\n`;
    const body = [
      chunk({ choices: [{ index: 0, delta: { content: "Hello" } }], usage: null }),
      chunk({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }], usage: null }),
      chunk({ choices: [], usage: { prompt_tokens: 1_000, completion_tokens: 100 } }),
      "data: [DONE]\n\n",
    ];
    one.transport.script("api", { status: 200, headers: STREAM_HEADERS, body });
    await one.call(chat({ model: "gpt-5", stream: true }));
    expect(costs(one)).toEqual([[0.001125, "USD", LIST, false]]);
  });

  it("is known for embeddings, which have no output", async () => {
    const one = install({ backends: [openai] }, { prices: book().load });
    const usage = { prompt_tokens: 1_000, total_tokens: 1_000 };
    one.transport.script("api", { status: 200, headers: JSON_HEADERS, body: JSON.stringify({ model: "text-embedding-3-small", data: [], usage }) });
    await one.call({ ...chat({ model: "text-embedding-3-small", input: "x" }), target: "/v1/embeddings" });
    expect(costs(one)).toEqual([[0.00002, "USD", LIST, false]]);
  });

  it("is that of the destination that served, in the currency of its policy, and then not in dollars", async () => {
    const { load } = book();
    const one = install({ backends: [openai, own], group: ["openai", "own"] }, { prices: load });
    one.transport.script("api", { status: 503, headers: JSON_HEADERS, body: "{}" });
    one.transport.script("own", answer("llama"));
    await one.call(chat({ model: "gpt-5" }));
    expect(costs(one)).toEqual([[0.0012, "EUR", "policy", false]]);
    const metrics = one.broker.metricsText();
    expect(metrics).not.toContain("egress_cost_total");
    expect(metrics).toMatch(/^egress_cost_unknown_total\{.*\} 1$/m);
  });

  it("is unknown, not nothing, for a model without a price", async () => {
    const one = install({ backends: [openai] }, { prices: book().load });
    one.transport.script("api", answer("gpt-oracle-9"));
    await one.call(chat({ model: "gpt-oracle-9" }));
    expect(costs(one)).toEqual([[null, null, null, null]]);
    expect(one.broker.metricsText()).toMatch(/^egress_cost_unknown_total\{.*\} 1$/m);
  });

  it("is an estimate where the answer broke off before it told what it used", async () => {
    const one = install({ backends: [openai] }, { prices: book().load });
    const body = ['data: {"model":"gpt-5","choices":[{"delta":{"content":"Hello, world"}}]}\n\n'];
    one.transport.script("api", {
      status: 200,
      headers: STREAM_HEADERS,
      body,
      ending: { kind: "reset", sent: true, message: "gone" },
    });
    await one.call(chat({ model: "gpt-5", stream: true }));
    const [[cost, currency, , estimated] = []] = costs(one);
    expect(cost).toBeGreaterThan(0);
    expect([currency, estimated]).toEqual(["USD", true]);
  });

  it("is not asked for calls that use no tokens, nor for errors", async () => {
    const counted = book();
    const one = install({ backends: [openai] }, { prices: counted.load });
    one.transport.script("api", { status: 200, headers: JSON_HEADERS, body: "{}" });
    await one.call({ ...chat(), target: "/v1/files" });
    one.transport.script("api", { status: 400, headers: JSON_HEADERS, body: "{}" });
    await one.call(chat({ model: "gpt-5" }));
    expect(counted.loads).toBe(0);
    expect(costs(one)).toEqual([
      [null, null, null, null],
      [null, null, null, null],
    ]);
  });
});

describe("an API that passes untouched", () => {
  const bedrock: TestBackend = { name: "bedrock", port: 8001, hostname: "bedrock-runtime.eu-central-1.amazonaws.com" };
  const vertex: TestBackend = { name: "vertex", port: 8001, hostname: "europe-west4-aiplatform.googleapis.com" };
  const told: Told = { thought: null, text: "Hello", calls: [], usage: { input: 1_000, cached: 400, output: 100 }, ends: "stop" };
  const post = (target: string) => ({ ...chat(), target, body: "{}" });

  it("costs what its answer tells, as frames of Bedrock", async () => {
    const one = install({ backends: [bedrock] }, { prices: book().load });
    const frames = streamedAnswer("bedrock", told);
    const headers = ["content-type", "application/vnd.amazon.eventstream"];
    one.transport.script("bedrock-runtime", { status: 200, headers, body: [frames.subarray(0, 70), frames.subarray(70)] });
    const fake = await one.call(post("/model/eu.amazon.nova-pro-v1%3A0/converse-stream"));
    expect(fake.received()?.whole).toBe(true);
    expect(one.log[0]).toMatchObject({ input_tokens: 1_000, output_tokens: 100, cache_read_tokens: 400, finish_reasons: ["end_turn"] });
    // 600 at $0.80, 400 at $0.20, 100 at $3.20 per million.
    expect(costs(one)).toEqual([[0.00088, "USD", LIST, false]]);
  });

  it("costs what its answer tells, as JSON of Gemini, which is asked for as it is", async () => {
    const one = install({ backends: [vertex] }, { prices: book().load });
    one.transport.script("europe-west4-aiplatform", { status: 200, headers: JSON_HEADERS, body: JSON.stringify(wholeAnswer("gemini", told)) });
    const target = "/v1/projects/p/locations/europe-west4/publishers/google/models/gemini-2.5-flash:generateContent";
    await one.call({ ...post(target), headers: [...(chat().headers ?? []), "Accept-Encoding", "gzip"] });
    expect(one.transport.sent[0]?.request.headers.join("\n").toLowerCase()).toContain("accept-encoding\nidentity");
    // 600 at $0.30, 400 at $0.03, 100 at $2.50 per million.
    expect(costs(one)).toEqual([[0.000442, "USD", LIST, false]]);
  });

  it("has no cost where the answer is compressed all the same, and passes", async () => {
    const one = install({ backends: [vertex] }, { prices: book().load });
    const body = JSON.stringify(wholeAnswer("gemini", told));
    one.transport.script("europe-west4-aiplatform", { status: 200, headers: [...JSON_HEADERS, "content-encoding", "br"], body });
    const fake = await one.call(post("/v1/projects/p/locations/europe-west4/publishers/google/models/gemini-2.5-flash:generateContent"));
    expect(fake.received()?.body).toBe(body);
    expect(costs(one)).toEqual([[null, null, null, null]]);
  });
});

describe("the book of prices", () => {
  it("loads with the first call that needs it, and once", async () => {
    const counted = book();
    const one = install({ backends: [openai, own], group: ["openai", "own"] }, { prices: counted.load });
    one.transport.script("api", { status: 503, headers: JSON_HEADERS, body: "{}" });
    one.transport.script("own", answer("llama"));
    await one.call(chat({ model: "llama" }));
    expect(counted.loads).toBe(0);
    one.transport.script("api", answer("gpt-5"));
    await one.call(chat({ model: "gpt-5" }));
    await one.call(chat({ model: "gpt-5" }));
    expect(counted.loads).toBe(1);
  });

  it("that cannot be loaded costs no call its answer", async () => {
    const one = install({ backends: [openai] }, { prices: () => Promise.reject(new Error("no such file")) });
    one.transport.script("api", answer("gpt-5"));
    expect((await one.call(chat({ model: "gpt-5" }))).received()?.status).toBe(200);
    expect(costs(one)).toEqual([[null, null, null, null]]);
  });

  it("is not needed: without one, policies alone say what calls cost", async () => {
    const one = install({ backends: [openai] });
    one.transport.script("api", answer("gpt-5"));
    await one.call(chat({ model: "gpt-5" }));
    expect(costs(one)).toEqual([[null, null, null, null]]);
  });
});

describe("a limit of money", () => {
  const more = `apiVersion: spillway.dev/v1alpha1
kind: UsageLimitPolicy
metadata: {name: p, namespace: egress-system}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}]
  limits:
  - {name: usd, unit: Cost, limit: "1.00", window: {duration: 1m}, reserveTokens: 100}
`;

  it("holds and settles list prices", async () => {
    const desk = createScriptedDesk();
    const one = install({ backends: [openai], more }, { prices: book().load, limits: desk });
    one.transport.script("api", answer("gpt-5"));
    expect((await one.call(chat({ model: "gpt-5" }))).received()?.status).toBe(200);
    expect(desk.used("usd")).toBe(1_000 * 1_250 + 100 * 10_000);
    expect(desk.open()).toBe(0);
  });

  it("refuses a call of which nobody knows what it may cost", async () => {
    const one = install({ backends: [openai], more }, { prices: book().load, limits: createScriptedDesk() });
    expect((await one.call(chat({ model: "gpt-oracle-9" }))).received()?.status).toBe(429);
    expect(one.transport.sent).toEqual([]);
  });
});
