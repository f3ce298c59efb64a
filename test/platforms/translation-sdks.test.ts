import { createOpenAI } from "@ai-sdk/openai";
import Anthropic from "@anthropic-ai/sdk";
import { BedrockRuntimeClient, ConverseCommand, ConverseStreamCommand } from "@aws-sdk/client-bedrock-runtime";
import { GoogleGenAI } from "@google/genai";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { generateText, jsonSchema, streamText, type ToolSet, tool } from "ai";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import type { ApiSchema } from "../../src/index.ts";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type Provider, startProvider } from "../fakes/provider.ts";
import { streamedAnswer, type Told, UPSTREAMS, type Upstream, wholeAnswer } from "../fakes/wire-answers.ts";

/**
 * Official SDKs of one API against the built broker, whose destination speaks another, over sockets. What they read must be what the destination's own
 * official SDK reads when it calls the same destination without a broker.
 */

const TOLD: Told = {
  thought: { text: "Größe zählt 🙂", signature: "c2lnbmF0dXJl" },
  text: "Grüße aus Köln — 你好 🌍\nzweite Zeile",
  calls: [
    { id: "call_a", name: "weather", input: { city: "Zürich", days: [1, 2] } },
    { id: "call_b", name: "now", input: {} },
  ],
  usage: { input: 120, cached: 20, output: 33 },
  ends: "tool_calls",
};
const SCHEMAS: Readonly<Record<Upstream, ApiSchema>> = {
  "openai-chat": "OpenAI",
  "openai-responses": "OpenAIResponses",
  anthropic: "Anthropic",
  bedrock: "AWSBedrock",
  gemini: "Gemini",
};
const MODEL: Readonly<Record<Upstream, string>> = {
  "openai-chat": "gpt-6",
  "openai-responses": "gpt-6",
  anthropic: "claude-opus-4-6",
  bedrock: "anthropic.claude-opus-4-6-v1:0",
  gemini: "gemini-3-pro",
};
const PICTURE = "data:image/png;base64,aGk=";

let provider: Provider;
let broker: BrokerProcess;
let told = TOLD;

beforeAll(async () => {
  provider = await startProvider({
    behaviour: (seen, response) => {
      const path = seen.url.split("?")[0] ?? "";
      const upstream: Upstream = path.startsWith("/model/")
        ? "bedrock"
        : path.includes("/models/")
          ? "gemini"
          : path.endsWith("/messages")
            ? "anthropic"
            : path.endsWith("/responses")
              ? "openai-responses"
              : "openai-chat";
      const streams = /stream/i.test(path) || seen.body.includes('"stream":true');
      if (!streams) return void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(wholeAnswer(upstream, told)));
      response.writeHead(200, { "content-type": upstream === "bedrock" ? "application/vnd.amazon.eventstream" : "text/event-stream" });
      const bytes = streamedAnswer(upstream, told);
      // Cut where no event ends.
      for (let at = 0; at < bytes.length; at += 97) response.write(bytes.slice(at, at + 97));
      response.end();
    },
  });
  broker = await startBroker({
    manifests: testManifests({
      backends: UPSTREAMS.map((name) => ({ name, port: provider.port, key: `${name}-key-value`, api: SCHEMAS[name] })),
      rules: UPSTREAMS.map(
        (name) =>
          `  - name: ${name}\n    matches: [{headers: [{name: x-to, value: ${name}}]}]\n    backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}]\n`,
      ).join(""),
    }),
  });
});
afterAll(async () => {
  await broker?.stop();
  await provider?.close();
});

/** What a client makes of an answer. */
interface Meaning {
  readonly text: string;
  readonly calls: readonly { readonly name: string; readonly input: unknown }[];
  readonly thought: string;
  readonly input: number;
  readonly output: number;
}

const messages = [
  { role: "system" as const, content: "Be kind." },
  {
    role: "user" as const,
    content: [
      { type: "text" as const, text: "What is this?" },
      { type: "image_url" as const, image_url: { url: PICTURE } },
    ],
  },
];
const parameters = { type: "object" as const, properties: { city: { type: "string" } } };
const tools = ["weather", "now"].map((name) => ({ type: "function" as const, function: { name, parameters } }));
const openai = (upstream: Upstream): OpenAI =>
  new OpenAI({ apiKey: CALLER_TOKEN, baseURL: `${broker.url}/v1`, defaultHeaders: { "x-to": upstream }, maxRetries: 0 });
const anthropic = (upstream: Upstream): Anthropic =>
  new Anthropic({ authToken: CALLER_TOKEN, apiKey: null, baseURL: broker.url, defaultHeaders: { "x-to": upstream }, maxRetries: 0 });

function ofMessage(message: Anthropic.Message): Meaning {
  const { usage } = message;
  return {
    text: message.content.map((block) => (block.type === "text" ? block.text : "")).join(""),
    calls: message.content.flatMap((block) => (block.type === "tool_use" ? [{ name: block.name, input: block.input }] : [])),
    thought: message.content.map((block) => (block.type === "thinking" ? block.thinking : "")).join(""),
    input: usage.input_tokens + (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0),
    output: usage.output_tokens,
  };
}

function ofCompletion(completion: OpenAI.ChatCompletion): Meaning {
  const said = completion.choices[0]?.message;
  return {
    text: said?.content ?? "",
    calls: (said?.tool_calls ?? []).flatMap((call) =>
      call.type === "function" ? [{ name: call.function.name, input: JSON.parse(call.function.arguments) as unknown }] : [],
    ),
    // The member that compatible servers have, which no type names.
    thought: (said as { reasoning_content?: string } | undefined)?.reasoning_content ?? "",
    input: completion.usage?.prompt_tokens ?? -1,
    output: completion.usage?.completion_tokens ?? -1,
  };
}

function ofResponse(response: OpenAI.Responses.Response): Meaning {
  const { output, usage } = response;
  return {
    text: response.output_text,
    calls: output.flatMap((item) => (item.type === "function_call" ? [{ name: item.name, input: JSON.parse(item.arguments) as unknown }] : [])),
    thought: output.flatMap((item) => (item.type === "reasoning" ? item.summary.map((part) => part.text) : [])).join(""),
    input: usage?.input_tokens ?? -1,
    output: usage?.output_tokens ?? -1,
  };
}

/** The destination's own SDK, without a broker. */
async function direct(upstream: Upstream, streamed: boolean): Promise<Meaning> {
  const url = `http://127.0.0.1:${provider.port}`;
  switch (upstream) {
    case "openai-chat": {
      const client = new OpenAI({ apiKey: "none", baseURL: `${url}/v1`, maxRetries: 0 });
      const params = { model: "m", messages: [{ role: "user" as const, content: "Hi" }] };
      return ofCompletion(streamed ? await client.chat.completions.stream(params).finalChatCompletion() : await client.chat.completions.create(params));
    }
    case "openai-responses": {
      const client = new OpenAI({ apiKey: "none", baseURL: `${url}/v1`, maxRetries: 0 });
      const params = { model: "m", input: "Hi" };
      return ofResponse(streamed ? await client.responses.stream(params).finalResponse() : await client.responses.create(params));
    }
    case "anthropic": {
      const client = new Anthropic({ apiKey: "none", baseURL: url, maxRetries: 0 });
      const params = { model: "m", max_tokens: 9, messages: [{ role: "user" as const, content: "Hi" }] };
      return ofMessage(streamed ? await client.messages.stream(params).finalMessage() : await client.messages.create(params));
    }
    case "gemini": {
      const client = new GoogleGenAI({ apiKey: "none", httpOptions: { baseUrl: url } });
      const params = { model: "m", contents: "Hi" };
      const all = [];
      if (streamed) for await (const one of await client.models.generateContentStream(params)) all.push(one);
      else all.push(await client.models.generateContent(params));
      const parts = all.flatMap((one) => one.candidates?.[0]?.content?.parts ?? []);
      const usage = all.at(-1)?.usageMetadata;
      return {
        text: parts.map((part) => (part.thought === true ? "" : (part.text ?? ""))).join(""),
        calls: parts.flatMap(({ functionCall }) => (functionCall === undefined ? [] : [{ name: functionCall.name ?? "", input: functionCall.args }])),
        thought: parts.map((part) => (part.thought === true ? (part.text ?? "") : "")).join(""),
        input: usage?.promptTokenCount ?? -1,
        output: (usage?.candidatesTokenCount ?? 0) + (usage?.thoughtsTokenCount ?? 0),
      };
    }
    case "bedrock":
      return converse(url, streamed);
  }
}

async function converse(url: string, streamed: boolean): Promise<Meaning> {
  const client = new BedrockRuntimeClient({
    region: "eu-central-1",
    endpoint: url,
    credentials: { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "none" },
    requestHandler: new NodeHttpHandler(),
    maxAttempts: 1,
  });
  const params = { modelId: "m", messages: [{ role: "user" as const, content: [{ text: "Hi" }] }] };
  const sum = (usage: { inputTokens?: number | undefined; cacheReadInputTokens?: number | undefined } | undefined): number =>
    (usage?.inputTokens ?? 0) + (usage?.cacheReadInputTokens ?? 0);
  if (!streamed) {
    const { output, usage } = await client.send(new ConverseCommand(params));
    const blocks = output?.message?.content ?? [];
    return {
      text: blocks.map((block) => block.text ?? "").join(""),
      calls: blocks.flatMap(({ toolUse }) => (toolUse === undefined ? [] : [{ name: toolUse.name ?? "", input: toolUse.input }])),
      thought: blocks.map((block) => block.reasoningContent?.reasoningText?.text ?? "").join(""),
      input: sum(usage),
      output: usage?.outputTokens ?? -1,
    };
  }
  const { stream } = await client.send(new ConverseStreamCommand(params));
  let text = "";
  let thought = "";
  let usage = { input: -1, output: -1 };
  const calls: { name: string; json: string }[] = [];
  for await (const event of stream ?? []) {
    const { delta } = event.contentBlockDelta ?? {};
    text += delta?.text ?? "";
    thought += delta?.reasoningContent?.text ?? "";
    const call = calls.at(-1);
    if (delta?.toolUse?.input !== undefined && call !== undefined) call.json += delta.toolUse.input;
    const start = event.contentBlockStart?.start?.toolUse;
    if (start !== undefined) calls.push({ name: start.name ?? "", json: "" });
    if (event.metadata !== undefined) usage = { input: sum(event.metadata.usage), output: event.metadata.usage?.outputTokens ?? -1 };
  }
  return { text, thought, calls: calls.map(({ name, json }) => ({ name, input: JSON.parse(json) as unknown })), ...usage };
}

describe.each(["anthropic", "bedrock", "gemini"] as const)("clients of OpenAI at a destination that speaks %s", (upstream) => {
  test.each([false, true])("the openai SDK's chat completions, with tools and an image (streamed: %s)", async (streamed) => {
    const params = { model: MODEL[upstream], messages, tools, reasoning_effort: "high" as const };
    const read = streamed
      ? await openai(upstream)
          .chat.completions.stream({ ...params, stream_options: { include_usage: true } })
          .finalChatCompletion()
      : await openai(upstream).chat.completions.create(params);
    const sent = provider.seen.at(-1);
    expect(sent?.headers.authorization).toBe(`Bearer ${upstream}-key-value`);
    for (const part of ["aGk=", "Be kind.", "weather"]) expect(sent?.body).toContain(part);
    expect(sent?.body).toMatch(/thinking/);
    const { thought, ...expected } = await direct(upstream, streamed);
    const { thought: shown, ...meaning } = ofCompletion(read);
    expect(meaning).toEqual(expected);
    // OpenAI's SDK joins no member of a stream that it does not know.
    if (!streamed) expect(shown).toBe(thought);
    expect(read.choices[0]?.finish_reason).toBe("tool_calls");
  });

  test.each([false, true])("the openai SDK's responses (streamed: %s)", async (streamed) => {
    const asked = {
      model: MODEL[upstream],
      instructions: "Be kind.",
      input: "Hi",
      store: false,
      tools: tools.map(({ function: { name } }) => ({ type: "function" as const, name, parameters, strict: false })),
    };
    const response = streamed ? await openai(upstream).responses.stream(asked).finalResponse() : await openai(upstream).responses.create(asked);
    expect(ofResponse(response)).toEqual(await direct(upstream, streamed));
  });

  test("the ai SDK, as chat completions and as responses", async () => {
    const one = tool({ inputSchema: jsonSchema<object>(parameters) });
    // `as`: its own type of sets is at odds with exactOptionalPropertyTypes.
    const given = { weather: one, now: one } as unknown as ToolSet;
    const models = createOpenAI({ apiKey: CALLER_TOKEN, baseURL: `${broker.url}/v1`, headers: { "x-to": upstream } });
    const expected = await direct(upstream, true);
    for (const model of [models.chat(MODEL[upstream]), models(MODEL[upstream])]) {
      const asked = { model, prompt: "Hi", tools: given, maxRetries: 0, providerOptions: { openai: { store: false } } };
      const whole = await generateText(asked);
      const result = streamText(asked);
      for (const read of [whole, { text: await result.text, toolCalls: await result.toolCalls, finishReason: await result.finishReason }]) {
        expect(read.text).toBe(expected.text);
        expect(read.toolCalls.map((call) => ({ name: call.toolName, input: call.input as unknown }))).toEqual(expected.calls);
        expect(read.finishReason).toBe("tool-calls");
      }
    }
  });

  test("an answer held to a schema of zod is parsed by the openai SDK", async () => {
    const shape = z.object({ city: z.string(), note: z.string().nullable(), kind: z.enum(["big", "small"]) });
    told = { ...TOLD, thought: null, calls: [], ends: "stop", text: JSON.stringify({ city: "Zürich", note: null, kind: "big" }) };
    try {
      const parsed = await openai(upstream).chat.completions.parse({ model: MODEL[upstream], messages, response_format: zodResponseFormat(shape, "place") });
      expect(parsed.choices[0]?.message.parsed).toEqual({ city: "Zürich", note: null, kind: "big" });
      expect(provider.seen.at(-1)?.body).toMatch(/schema/i);
      expect(provider.seen.at(-1)?.body).toContain("small");
    } finally {
      told = TOLD;
    }
  });
});

describe.each(["openai-chat", "openai-responses", "bedrock", "gemini"] as const)("a client of Anthropic at a destination that speaks %s", (upstream) => {
  test.each([false, true])("the Anthropic SDK (streamed: %s)", async (streamed) => {
    const params: Anthropic.MessageCreateParamsNonStreaming = {
      model: MODEL[upstream],
      max_tokens: 9_000,
      system: "Be kind.",
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "Hi" },
            { type: "image", source: { type: "base64", media_type: "image/png", data: "aGk=" } },
          ],
        },
      ],
      tools: tools.map(({ function: { name } }) => ({ name, input_schema: parameters })),
    };
    const client = anthropic(upstream);
    const message = streamed ? await client.messages.stream(params).finalMessage() : await client.messages.create(params);
    const expected = await direct(upstream, streamed);
    // OpenAI's SDK joins no member of a stream that it does not know, so what it read of the thought is one piece of it.
    expect(ofMessage(message)).toEqual(upstream === "openai-chat" ? { ...expected, thought: TOLD.thought?.text } : expected);
    expect(message.stop_reason).toBe("tool_use");
    expect(provider.seen.at(-2)?.body).toContain("aGk=");
  });
});

test("a conversation goes on: what the openai SDK got from one provider goes back to it with the results, thoughts and all", async () => {
  for (const upstream of ["anthropic", "bedrock", "gemini"] as const) {
    const client = openai(upstream);
    const first = await client.chat.completions.create({ model: MODEL[upstream], messages, tools, reasoning_effort: "high" });
    const said = first.choices[0]?.message;
    const results = (said?.tool_calls ?? []).map((call) => ({ role: "tool" as const, tool_call_id: call.id, content: "done" }));
    if (said === undefined) throw new Error("nothing was said");
    await client.chat.completions.create({ model: MODEL[upstream], messages: [...messages, said, ...results], tools, reasoning_effort: "high" });
    expect(results).toHaveLength(2);
    expect(provider.seen.at(-1)?.body, upstream).toContain("c2lnbmF0dXJl");
  }
});
