import { createOpenAI } from "@ai-sdk/openai";
import { generateText, streamText } from "ai";
import OpenAI, { APIError } from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { createAuthority } from "../fakes/certificates.ts";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type Provider, startProvider, WORDS } from "../fakes/provider.ts";

const KEY = "sk-real-provider-key-of-the-test";
const TEXT = WORDS.join("");
let provider: Provider;
let broker: BrokerProcess;
let client: OpenAI;

/** The official SDK against the built broker, which calls `api.openai.com` by real TLS, pinned to loopback. */
beforeAll(async () => {
  const authority = createAuthority();
  provider = await startProvider({ tls: authority.issue({ dnsNames: ["api.openai.com"] }) });
  broker = await startBroker({
    manifests: testManifests({
      backends: [{ name: "openai", port: provider.port, hostname: "api.openai.com", key: KEY, api: "OpenAI", caPem: authority.caPem }],
    }),
  });
  client = new OpenAI({ apiKey: CALLER_TOKEN, baseURL: `${broker.url}/v1`, maxRetries: 0 });
});
afterAll(async () => {
  await broker?.stop();
  await provider?.close();
});

const messages = [{ role: "user" as const, content: "Tell me a story about a canary-prompt" }];

describe("the openai SDK", () => {
  it("gets a chat completion, and the provider sees its own key and host only", async () => {
    const { data, response } = await client.chat.completions.create({ model: "gpt-test", messages }).withResponse();
    expect(data.choices[0]?.message.content).toBe(TEXT);
    expect(response.headers.get("x-request-id")).toBeTruthy();
    const seen = provider.seen.at(-1);
    expect(seen?.headers.authorization).toBe(`Bearer ${KEY}`);
    expect(seen?.headers.host).toMatch(/^api\.openai\.com(:\d+)?$/);
    expect(JSON.stringify(seen?.rawHeaders)).not.toContain(CALLER_TOKEN);
  });

  it("streams, and the usage that the broker asked for stays hidden from a caller that did not", async () => {
    const stream = await client.chat.completions.create({ model: "gpt-test", messages, stream: true });
    let text = "";
    let usageChunks = 0;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      if (chunk.choices.length === 0) usageChunks += 1;
    }
    expect(text).toBe(TEXT);
    expect(usageChunks).toBe(0);
    expect(JSON.parse(provider.seen.at(-1)?.body ?? "{}")).toMatchObject({ stream_options: { include_usage: true } });
    const line = await broker.call((call) => call["streaming"] === true || JSON.stringify(call).includes('"stream":true'));
    expect(JSON.stringify(line)).toMatch(/"(?:input_tokens|inputTokens)":11/);
    expect(JSON.stringify(line)).toContain("team-a");
  });

  it("hands the usage chunk to a caller that asked", async () => {
    const stream = await client.chat.completions.create({ model: "gpt-test", messages, stream: true, stream_options: { include_usage: true } });
    const usages: unknown[] = [];
    for await (const chunk of stream) if (chunk.usage) usages.push(chunk.usage);
    expect(usages).toEqual([expect.objectContaining({ prompt_tokens: 11, completion_tokens: 5 })]);
  });

  it("gets responses, streamed and not, embeddings and models", async () => {
    expect((await client.responses.create({ model: "gpt-test", input: "hi" })).output_text).toBe(TEXT);
    const stream = await client.responses.create({ model: "gpt-test", input: "hi", stream: true });
    let text = "";
    for await (const event of stream) if (event.type === "response.output_text.delta") text += event.delta;
    expect(text).toBe(TEXT);
    const embedding = await client.embeddings.create({ model: "text-embedding-test", input: "hi" });
    expect(embedding.data[0]?.embedding).toEqual([0.5, -0.5]);
    expect((await client.models.list()).data[0]?.id).toBe("gpt-test");
  });

  it("raises the SDK's own error for a refusal of the broker", async () => {
    const stranger = new OpenAI({ apiKey: "nobody", baseURL: `${broker.url}/v1`, maxRetries: 0 });
    const error = await stranger.chat.completions.create({ model: "gpt-test", messages }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ status: 401, code: "identity_rejected" });
  });

  it("uploads and downloads what is no JSON at all", async () => {
    const bytes = new Uint8Array(300_000).fill(65);
    const response = await fetch(`${broker.url}/v1/files`, {
      method: "POST",
      headers: { authorization: `Bearer ${CALLER_TOKEN}`, "content-type": "application/octet-stream" },
      body: bytes,
    });
    expect(response.status).toBe(200);
    expect(response.headers.get("x-echo-length")).toBe("300000");
    const picture = await fetch(`${broker.url}/v1/files/file-1/content?part=2`, { headers: { "x-api-key": CALLER_TOKEN } });
    expect(await picture.text()).toBe("echo GET /v1/files/file-1/content?part=2");
  });

  it("never writes the prompt or a key", () => {
    const written = broker.stdout() + broker.stderr();
    expect(written.length).toBeGreaterThan(100);
    for (const canary of ["canary-prompt", KEY, CALLER_TOKEN]) expect(written).not.toContain(canary);
  });
});

describe("the AI SDK", () => {
  it("generates by its default path, responses, and streams chat", async () => {
    const openai = createOpenAI({ apiKey: CALLER_TOKEN, baseURL: `${broker.url}/v1` });
    const generated = await generateText({ model: openai("gpt-test"), prompt: "hi", maxRetries: 0 });
    expect(generated.text).toBe(TEXT);
    const streamed = streamText({ model: openai.chat("gpt-test"), prompt: "hi", maxRetries: 0 });
    expect(await streamed.text).toBe(TEXT);
  });
});
