import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Provider, startProvider } from "../../examples/providers/provider-server.ts";

const KEY = "sk-demo-0123456789abcdef";
let provider: Provider;

beforeEach(async () => {
  provider = await startProvider({
    name: "both-eu",
    region: "eu",
    speaks: ["openai", "anthropic"],
    port: 0,
    controlPort: 0,
    tls: null,
    acceptedKeys: [KEY],
    paceMs: 0,
  });
});
afterEach(() => provider.close());

const openai = (apiKey = KEY) => new OpenAI({ apiKey, baseURL: `http://127.0.0.1:${provider.port}/v1`, maxRetries: 0 });
const anthropic = (apiKey = KEY) => new Anthropic({ apiKey, baseURL: `http://127.0.0.1:${provider.port}`, maxRetries: 0 });
const messages = [{ role: "user" as const, content: "how are you today" }];

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function control(path: string, body?: unknown): Promise<Record<string, unknown>> {
  const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const response = await fetch(`http://127.0.0.1:${provider.controlPort}${path}`, init);
  // The control port answers JSON objects.
  return (await response.json()) as Record<string, unknown>;
}

describe("the demo provider as OpenAI", () => {
  it("answers a chat call and counts its tokens", async () => {
    const answer = await openai().chat.completions.create({ model: "gpt-5.5", messages });
    expect(answer.choices[0]?.message.content).toContain("You asked: how are you today");
    expect(answer.usage).toMatchObject({ prompt_tokens: 11, completion_tokens: answer.choices[0]?.message.content?.split(" ").length });
  });

  it("streams, and sends usage only to a caller that asks", async () => {
    const plain = await openai().chat.completions.create({ model: "gpt-5.5", messages, stream: true });
    for await (const chunk of plain) expect(chunk).not.toHaveProperty("usage");
    const asked = await openai().chat.completions.create({ model: "gpt-5.5", messages, stream: true, stream_options: { include_usage: true } });
    const chunks = await collect(asked);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 11 } });
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe("stop");
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
  });

  it("stops at max_tokens", async () => {
    const answer = await openai().chat.completions.create({ model: "gpt-5.5", messages, max_completion_tokens: 3 });
    expect(answer.choices[0]?.finish_reason).toBe("length");
    expect(answer.usage?.completion_tokens).toBe(3);
  });

  it("speaks completions, models and both forms of responses", async () => {
    const completion = await openai().completions.create({ model: "gpt-5.5", prompt: "one two", max_tokens: 5 });
    expect(completion.usage).toMatchObject({ prompt_tokens: 2, completion_tokens: 5 });
    expect((await openai().models.list()).data.map((model) => model.id)).toContain("gpt-5.5");
    const whole = await openai().responses.create({ model: "gpt-5.5", input: "how are you" });
    expect(whole.output_text).toContain("You asked: how are you");
    const events = await collect(await openai().responses.create({ model: "gpt-5.5", input: "how are you", stream: true }));
    expect(events[0]?.type).toBe("response.created");
    expect(events.at(-1)).toMatchObject({ type: "response.completed", response: { usage: { output_tokens: whole.usage?.output_tokens } } });
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index));
  });

  it("gives the same embedding as base64 and as numbers", async () => {
    const input = "a text";
    const packed = await openai().embeddings.create({ model: "text-embedding-3-small", input });
    const plain = await openai().embeddings.create({ model: "text-embedding-3-small", input, encoding_format: "float" });
    expect(packed.data[0]?.embedding).toHaveLength(1536);
    expect(Math.hypot(...(plain.data[0]?.embedding ?? []))).toBeCloseTo(1, 4);
    expect(packed.data[0]?.embedding[7]).toBeCloseTo(plain.data[0]?.embedding[7] ?? Number.NaN, 6);
  });
});

describe("the demo provider as Anthropic", () => {
  it("answers whole, streamed and counted, with the same numbers", async () => {
    const request = { model: "claude-demo-5", max_tokens: 500, system: "be kind", messages };
    const whole = await anthropic().messages.create(request);
    expect(whole.usage.input_tokens).toBe(10);
    const streamed = await anthropic().messages.stream(request).finalMessage();
    expect(streamed.content).toEqual(whole.content);
    expect(streamed.usage).toMatchObject({ input_tokens: 10, output_tokens: whole.usage.output_tokens });
    expect((await anthropic().messages.countTokens({ model: "claude-demo-5", system: "be kind", messages })).input_tokens).toBe(10);
  });
});

describe("the demo provider's fault desk", () => {
  it("refuses unknown keys, and takes a new one at run time", async () => {
    const call = (key: string) => openai(key).chat.completions.create({ model: "gpt-5.5", messages });
    await expect(call("sk-wrong")).rejects.toMatchObject({ status: 401 });
    await control("/keys", { accepted: ["sk-second"] });
    await expect(call(KEY)).rejects.toMatchObject({ status: 401 });
    await expect(call("sk-second")).resolves.toHaveProperty("id");
  });

  it.each(["401", "429", "500", "503", "529"])("fails with %s for as many calls as told, in both dialects", async (mode) => {
    await control("/control", { mode, count: 2 });
    await expect(openai().chat.completions.create({ model: "gpt-5.5", messages })).rejects.toMatchObject({ status: Number(mode) });
    await expect(anthropic().messages.create({ model: "c", max_tokens: 9, messages })).rejects.toMatchObject({ status: Number(mode) });
    await expect(openai().chat.completions.create({ model: "gpt-5.5", messages })).resolves.toHaveProperty("id");
  });

  it("dies in the middle of a stream and of a document", async () => {
    await control("/control", { mode: "die-mid-stream", count: null });
    const stream = await openai().chat.completions.create({ model: "gpt-5.5", messages, stream: true });
    let chunks = 0;
    const read = async () => {
      for await (const _ of stream) chunks += 1;
    };
    await expect(read()).rejects.toThrow();
    expect(chunks).toBeGreaterThan(3);
    await expect(openai().chat.completions.create({ model: "gpt-5.5", messages })).rejects.toThrow();
  });

  it("hangs until the caller leaves", async () => {
    await control("/control", { mode: "hang", count: 1 });
    const leaving = new AbortController();
    const hanging = expect(openai().chat.completions.create({ model: "gpt-5.5", messages }, { signal: leaving.signal })).rejects.toThrow();
    await expect.poll(() => control("/control")).toMatchObject({ calls: [{ end: "hung" }] });
    leaving.abort();
    await hanging;
    expect(await control("/control")).toMatchObject({ mode: "ok", calls: [{ mode: "hang", end: "hung", status: 0 }] });
  });

  it("shows the calls that it saw without any key", async () => {
    await openai().chat.completions.create({ model: "gpt-5.5", messages });
    await anthropic().messages.create({ model: "claude-demo-5", max_tokens: 9, messages });
    const seen = await control("/control");
    expect(JSON.stringify(seen)).not.toContain(KEY);
    expect(seen).toMatchObject({
      total: 2,
      calls: [
        { path: "/v1/chat/completions", status: 200, credential: { slot: "authorization", accepted: true } },
        { path: "/v1/messages", status: 200, credential: { accepted: true } },
      ],
    });
  });

  it("answers advice to what it does not understand, and nothing to browsers", async () => {
    expect(await control("/control", { mode: "explode" })).toMatchObject({ error: "unknown mode" });
    const page = await fetch(`http://127.0.0.1:${provider.controlPort}/control`, { headers: { origin: "https://evil.example" } });
    expect(page.status).toBe(403);
  });
});
