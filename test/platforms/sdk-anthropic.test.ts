import Anthropic, { APIError } from "@anthropic-ai/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { createAuthority } from "../fakes/certificates.ts";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type Provider, startProvider, WORDS } from "../fakes/provider.ts";

const KEY = "sk-ant-real-provider-key";
const TEXT = WORDS.join("");
let provider: Provider;
let broker: BrokerProcess;
let client: Anthropic;

beforeAll(async () => {
  const authority = createAuthority();
  provider = await startProvider({ tls: authority.issue({ dnsNames: ["api.anthropic.com"] }) });
  broker = await startBroker({
    manifests: testManifests({
      backends: [
        { name: "anthropic", port: provider.port, hostname: "api.anthropic.com", key: KEY, keyHeader: "x-api-key", api: "Anthropic", caPem: authority.caPem },
      ],
    }),
  });
  client = new Anthropic({ apiKey: CALLER_TOKEN, baseURL: broker.url, maxRetries: 0 });
});
afterAll(async () => {
  await broker?.stop();
  await provider?.close();
});

const request = { model: "claude-test", max_tokens: 100, messages: [{ role: "user" as const, content: "hi" }] };

describe("the @anthropic-ai/sdk", () => {
  it("gets a message; the key goes into x-api-key and nowhere else", async () => {
    const message = await client.messages.create(request);
    expect(message.content[0]).toMatchObject({ type: "text", text: TEXT });
    const seen = provider.seen.at(-1);
    expect(seen?.headers["x-api-key"]).toBe(KEY);
    expect(seen?.headers.authorization).toBeUndefined();
    expect(seen?.headers["anthropic-version"]).toBeTruthy();
  });

  it("streams and attributes input, cached and output tokens", async () => {
    const stream = client.messages.stream(request);
    expect(await stream.finalText()).toBe(TEXT);
    const line = await broker.call((call) => JSON.stringify(call).includes("claude-test") && call["streaming"] === true);
    // Anthropic's input excludes cache reads and writes: 9 + 4 + 2.
    expect(JSON.stringify(line)).toMatch(/"(?:input_tokens|inputTokens)":15/);
  });

  it("counts tokens natively", async () => {
    expect((await client.messages.countTokens({ model: "claude-test", messages: request.messages })).input_tokens).toBe(14);
  });

  it("raises the SDK's own error when the stream breaks off, never a clean stop", async () => {
    provider.behave((_seen, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(
        'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"claude-test","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}}\n\n',
      );
      setTimeout(() => response.socket?.destroy(), 30);
    });
    const error = await client.messages
      .stream(request)
      .finalMessage()
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(APIError);
    expect(String((error as APIError).message)).toContain("broke off"); // the broker's own words, in the dialect's error event
  });
});
