import { describe, expect, it } from "vitest";
import { CALLER_TOKEN } from "../fakes/manifests.ts";
import { bedrockFrame, streamedAnswer, type Told, wholeAnswer } from "../fakes/wire-answers.ts";
import { chat, type Installation, install, JSON_HEADERS, STREAM_HEADERS } from "./installation.ts";

/** Claude at Amazon Bedrock and Vertex AI, in Anthropic's own words and the cloud's wrapping (edge case 43). */

const TOLD: Told = {
  thought: { text: "Hm.", signature: "c2ln" },
  text: "Grüße 🌍",
  calls: [{ id: "toolu_1", name: "look", input: { at: "x" } }],
  usage: { input: 12, cached: 2, output: 3 },
  ends: "tool_calls",
};
const FRAME_HEADERS = ["content-type", "application/vnd.amazon.eventstream"] as const;
const SSE = new TextDecoder().decode(streamedAnswer("anthropic", TOLD));
/** The data of each event, as Bedrock has it in its frames. */
const CHUNKS = [...SSE.matchAll(/^data: (.*)$/gm)].map(([, data = ""]) => data);
const chunk = (data: string): Uint8Array => bedrockFrame("chunk", { bytes: Buffer.from(data).toString("base64") });
const FRAMES = Buffer.concat(CHUNKS.map(chunk));
/** What Anthropic's event streams say, however they are spaced. */
const events = (body: string | undefined): unknown[] =>
  [...(body ?? "").replaceAll("\r\n", "\n").matchAll(/^event: (.*)\ndata: (.*)\n\n/gm)].map(([, name, data = ""]) => [name, JSON.parse(data)]);

const MODEL = { AWSAnthropic: "eu.anthropic.claude-sonnet-4-6-v1:0", GCPAnthropic: "claude-sonnet-4-6@20260101" } as const;
type Cloud = keyof typeof MODEL;

function world(cloud: Cloud, models = `[{name: smart, upstream: "${MODEL[cloud]}"}]`): Installation {
  const schema = cloud === "GCPAnthropic" ? { schema: "project: acme, location: europe-west1" } : {};
  return install({ backends: [{ name: "first", port: 8001, key: "first-key-value", api: cloud, models, timeouts: "{firstByte: 2s}", ...schema }] });
}

function message(body: object | string, target = "/v1/messages?beta=true") {
  const text = typeof body === "string" ? body : JSON.stringify({ model: "smart", max_tokens: 50, messages: [{ role: "user", content: "Hi" }], ...body });
  const headers = ["Authorization", `Bearer ${CALLER_TOKEN}`, "Content-Type", "application/json", "anthropic-version", "2023-06-01", "x-stainless-lang", "js"];
  return { target, headers: [...headers, "anthropic-beta", "one-2025-01-01, two-2025-01-01", "accept", "application/json"], body: text };
}

const namesOf = (one: Installation): readonly string[] =>
  (one.transport.sent[0]?.request.headers ?? []).filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());

describe("#43 a message at Claude on Bedrock", () => {
  it("has its model in the path, its version and features in the body, and else its own bytes", async () => {
    const one = world("AWSAnthropic");
    one.transport.script("first", { status: 200, headers: JSON_HEADERS, body: JSON.stringify(wholeAnswer("anthropic", TOLD)) });
    const caller = await one.call(message('{"model":"smart","max_tokens":50,"new_thing":{"id":12345678901234567890},"stream":false,"messages":[]}'));
    expect(one.transport.sent[0]?.request.path).toBe("/model/eu.anthropic.claude-sonnet-4-6-v1%3A0/invoke");
    expect(one.transport.sent[0]?.body).toBe(
      '{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["one-2025-01-01","two-2025-01-01"],"max_tokens":50,"new_thing":{"id":12345678901234567890},"messages":[]}',
    );
    for (const name of ["anthropic-version", "anthropic-beta", "x-stainless-lang"]) expect(namesOf(one)).not.toContain(name);
    expect(caller.received()?.status).toBe(200);
    expect(caller.received()?.body).toBe(JSON.stringify(wholeAnswer("anthropic", TOLD)));
    expect(JSON.stringify(one.log.at(-1))).toMatch(/"input_?[tT]okens":12/);
  });

  it("is streamed in frames and comes as Anthropic's own events, wherever they are cut", async () => {
    const one = world("AWSAnthropic");
    for (const size of [1, 7, 64, FRAMES.length]) {
      const cut = Array.from({ length: Math.ceil(FRAMES.length / size) }, (_, at) => FRAMES.subarray(at * size, (at + 1) * size));
      one.transport.script("first", { status: 200, headers: FRAME_HEADERS, body: cut });
      const caller = await one.call(message({ stream: true }));
      expect(caller.header("content-type")).toEqual(["text/event-stream; charset=utf-8"]);
      expect(events(caller.received()?.body)).toEqual(events(SSE));
      expect(one.log.at(-1)).toMatchObject({ outcome: "ok" });
    }
    expect(one.transport.sent[0]?.request.path).toBe("/model/eu.anthropic.claude-sonnet-4-6-v1%3A0/invoke-with-response-stream");
    expect(JSON.parse(one.transport.sent[0]?.body ?? "")).not.toHaveProperty("stream");
    expect(JSON.stringify(one.log.at(-1))).toMatch(/"input_?[tT]okens":12/);
  });

  it.each([
    ["an exception in the middle", bedrockFrame("throttlingException", { message: "slow down" }, "exception"), "rate_limit_error"],
    ["a frame with a bad checksum", chunk('{"type":"ping"}').map((byte, at) => (at === 40 ? byte ^ 1 : byte)), "api_error"],
    ["a chunk without an event", bedrockFrame("chunk", { bytes: "%%%" }), "api_error"],
  ])("%s is Anthropic's error event, and nothing follows", async (_, bad, type) => {
    const one = world("AWSAnthropic");
    one.transport.script("first", { status: 200, headers: FRAME_HEADERS, body: [...CHUNKS.slice(0, 3).map(chunk), bad, ...CHUNKS.slice(3).map(chunk)] });
    const caller = await one.call(message({ stream: true }));
    const read = events(caller.received()?.body);
    expect(read).toHaveLength(4);
    expect(read.at(-1)).toMatchObject(["error", { type: "error", error: { type } }]);
    expect(one.log.at(-1)).toMatchObject({ outcome: "truncated" });
  });

  it("a stream that ends too soon ends with an error event", async () => {
    const one = world("AWSAnthropic");
    one.transport.script("first", { status: 200, headers: FRAME_HEADERS, body: [FRAMES.subarray(0, FRAMES.length - 30)] });
    const caller = await one.call(message({ stream: true }));
    expect(events(caller.received()?.body).at(-1)).toMatchObject(["error", {}]);
  });

  it("a stream that opens with an exception is tried again elsewhere", async () => {
    const backend = (name: string, port: number) => ({ name, port, key: `${name}-key`, api: "AWSAnthropic" as const, timeouts: "{firstByte: 2s}" });
    const one = install({ backends: [backend("first", 8001), backend("second", 8002)], group: ["first", "second"] });
    one.transport.script("first", {
      status: 200,
      headers: FRAME_HEADERS,
      body: [bedrockFrame("serviceUnavailableException", { message: "no" }, "exception")],
    });
    one.transport.script("second", { status: 200, headers: FRAME_HEADERS, body: [FRAMES] });
    const caller = await one.call(message({ stream: true }));
    expect(one.transport.sent.map((sent) => sent.to)).toEqual(["first", "second"]);
    expect(events(caller.received()?.body)).toEqual(events(SSE));
  });

  it("errors come in Anthropic's words", async () => {
    const one = world("AWSAnthropic");
    const headers = [...JSON_HEADERS, "x-amzn-errortype", "ThrottlingException:http://internal/", "x-amzn-requestid", "aws-1"];
    one.transport.script("first", { status: 429, headers, body: '{"message":"Too many requests"}' });
    const caller = await one.call(message({}));
    expect(caller.received()?.status).toBe(429);
    expect(JSON.parse(caller.received()?.body ?? "")).toMatchObject({ type: "error", error: { type: "rate_limit_error", message: "Too many requests" } });
  });

  it("a wish for a place is refused, a tier of service is a loss that is told", async () => {
    const one = world("AWSAnthropic");
    one.transport.script("first", { status: 200, headers: JSON_HEADERS, body: JSON.stringify(wholeAnswer("anthropic", TOLD)) });
    const refused = await one.call(message({ inference_geo: "us" }));
    expect(refused.received()?.status).toBe(400);
    expect(refused.received()?.body).toContain("inference_geo");
    expect(one.transport.sent).toHaveLength(0);
    const lossy = await one.call(message({ service_tier: "auto" }));
    expect(lossy.header("x-egress-translation-loss")).toEqual(["service_tier"]);
    expect(one.transport.sent[0]?.body).not.toContain("service_tier");
  });

  it("a caller of Bedrock's own API passes", async () => {
    const one = world("AWSAnthropic", "[]");
    one.transport.script("first", { status: 200, headers: JSON_HEADERS, body: "{}" });
    const body = '{"anthropic_version":"bedrock-2023-05-31","max_tokens":1,"messages":[]}';
    await one.call({ ...message(body), target: "/model/anthropic.claude-x/invoke" });
    expect(one.transport.sent[0]).toMatchObject({ body, request: { path: "/model/anthropic.claude-x/invoke" } });
  });
});

describe("#43 a message at Claude on Vertex AI", () => {
  it("has project, location and model in the path, and its features in the header", async () => {
    const one = world("GCPAnthropic");
    one.transport.script("first", { status: 200, headers: STREAM_HEADERS, body: [SSE] });
    const caller = await one.call(message({ stream: true }));
    expect(one.transport.sent[0]?.request.path).toBe(
      "/v1/projects/acme/locations/europe-west1/publishers/anthropic/models/claude-sonnet-4-6@20260101:streamRawPredict",
    );
    const sent = JSON.parse(one.transport.sent[0]?.body ?? "");
    expect(sent).toMatchObject({ anthropic_version: "vertex-2023-10-16", stream: true, max_tokens: 50 });
    expect(sent).not.toHaveProperty("model");
    expect(namesOf(one)).toContain("anthropic-beta");
    expect(namesOf(one)).not.toContain("anthropic-version");
    expect(caller.received()?.body).toBe(SSE);
    expect(JSON.stringify(one.log.at(-1))).toMatch(/"input_?[tT]okens":12/);
  });

  it("errors of Google and of Anthropic both come in Anthropic's words", async () => {
    const one = world("GCPAnthropic");
    one.transport.script("first", { status: 404, headers: JSON_HEADERS, body: '[{"error":{"code":404,"message":"none","status":"NOT_FOUND"}}]' });
    expect(JSON.parse((await one.call(message({}))).received()?.body ?? "")).toMatchObject({ error: { type: "not_found_error", message: "none" } });
    one.transport.script("first", { status: 400, headers: JSON_HEADERS, body: '{"type":"error","error":{"type":"invalid_request_error","message":"bad"}}' });
    expect(JSON.parse((await one.call(message({}))).received()?.body ?? "")).toMatchObject({ error: { type: "invalid_request_error", message: "bad" } });
  });
});

describe("#43 a chat at Claude on a cloud", () => {
  it.each([
    ["AWSAnthropic", false, "/model/eu.anthropic.claude-sonnet-4-6-v1%3A0/invoke", { anthropic_version: "bedrock-2023-05-31" }],
    ["AWSAnthropic", true, "/model/eu.anthropic.claude-sonnet-4-6-v1%3A0/invoke-with-response-stream", { anthropic_version: "bedrock-2023-05-31" }],
    ["GCPAnthropic", false, "rawPredict", { anthropic_version: "vertex-2023-10-16" }],
    ["GCPAnthropic", true, "streamRawPredict", { anthropic_version: "vertex-2023-10-16", stream: true }],
  ] as const)("%s, stream %s", async (cloud, stream, path, more) => {
    const one = world(cloud);
    const streamed = cloud === "AWSAnthropic" ? { headers: FRAME_HEADERS, body: [FRAMES] } : { headers: STREAM_HEADERS, body: [SSE] };
    const whole = { headers: JSON_HEADERS, body: JSON.stringify(wholeAnswer("anthropic", TOLD)) };
    one.transport.script("first", { status: 200, ...(stream ? streamed : whole) });
    const caller = await one.call(chat({ model: "smart", max_tokens: 9, stream, messages: [{ role: "user", content: "Hi" }] }));
    expect(one.transport.sent[0]?.request.path).toContain(path);
    expect(JSON.parse(one.transport.sent[0]?.body ?? "")).toEqual({
      ...more,
      max_tokens: 9,
      messages: [{ role: "user", content: [{ type: "text", text: "Hi" }] }],
    });
    expect(namesOf(one)).not.toContain("anthropic-version");
    const body = caller.received()?.body ?? "";
    expect(body).toContain(stream ? '"finish_reason":"tool_calls"' : '"content":"Grüße 🌍"');
    if (stream) expect(body).toMatch(/data: \[DONE\]\n\n$/);
  });

  it("an image by address is refused: the clouds fetch nothing", async () => {
    const one = world("GCPAnthropic");
    const refused = await one.call(
      chat({ model: "smart", messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "https://example.com/a.png" } }] }] }),
    );
    expect(refused.received()?.status).toBe(400);
    expect(one.transport.sent).toHaveLength(0);
  });
});

describe("#47 counting tokens", () => {
  const count = (body: object) => ({ ...message(body, "/v1/messages/count_tokens"), body: JSON.stringify({ model: "smart", messages: [], ...body }) });

  it("Vertex AI counts by an address of its own, with the model in the body", async () => {
    const one = world("GCPAnthropic");
    one.transport.script("first", { status: 200, headers: JSON_HEADERS, body: '{"input_tokens":7}' });
    const caller = await one.call(count({}));
    expect(one.transport.sent[0]?.request.path).toBe("/v1/projects/acme/locations/europe-west1/publishers/anthropic/models/count-tokens:rawPredict");
    expect(JSON.parse(one.transport.sent[0]?.body ?? "")).toEqual({ anthropic_version: "vertex-2023-10-16", model: MODEL.GCPAnthropic, messages: [] });
    expect(caller.received()?.body).toBe('{"input_tokens":7}');
  });

  it.each(["OpenAI", "AzureOpenAI", "AWSBedrock", "AWSAnthropic", "Gemini"] as const)("%s has no such operation: refused, never guessed", async (api) => {
    const one = install({ backends: [{ name: "first", port: 8001, key: "k", api }] });
    const caller = await one.call(count({}));
    expect(caller.received()?.status).toBe(400);
    expect(caller.header("x-egress-error")).toEqual(["translation_unsupported"]);
    expect(JSON.parse(caller.received()?.body ?? "")).toMatchObject({ type: "error", error: { message: expect.stringContaining("count_tokens") } });
    expect(one.transport.sent).toHaveLength(0);
  });

  it("Anthropic's own counts, and Bedrock's for a caller of Bedrock's API", async () => {
    const one = install({ backends: [{ name: "first", port: 8001, key: "k", api: "Anthropic" }] });
    one.transport.script("first", { status: 200, headers: JSON_HEADERS, body: '{"input_tokens":7}' });
    expect((await one.call(count({}))).received()?.status).toBe(200);
    const other = world("AWSAnthropic", "[]");
    other.transport.script("first", { status: 200, headers: JSON_HEADERS, body: '{"inputTokens":7}' });
    expect((await other.call({ ...count({}), target: "/model/anthropic.claude-x/count-tokens" })).received()?.body).toBe('{"inputTokens":7}');
  });
});
