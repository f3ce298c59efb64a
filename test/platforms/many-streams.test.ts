import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type Behaviour, chatChunk, type Provider, startProvider } from "../fakes/provider.ts";

const STREAMS = 100;
let provider: Provider;
let broker: BrokerProcess;
let client: OpenAI;

beforeAll(async () => {
  provider = await startProvider();
  broker = await startBroker({ manifests: testManifests({ backends: [{ name: "only", port: provider.port, key: "k", api: "OpenAI" }] }) });
  client = new OpenAI({ apiKey: CALLER_TOKEN, baseURL: `${broker.url}/v1`, maxRetries: 0 });
});
afterAll(async () => {
  await broker?.stop();
  await provider?.close();
});

/** Says the caller's own words back, and ends no stream before all of them are open. */
function together(count: number): Behaviour {
  const open: (() => void)[] = [];
  return (seen, response) => {
    // A text of ours.
    const { messages } = JSON.parse(seen.body) as { messages: { content: string }[] };
    const words = messages[0]?.content ?? "";
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(chatChunk(0, `${words} begins, `));
    open.push(() => {
      response.write(chatChunk(1, `${words} ends`));
      response.end("data: [DONE]\n\n");
    });
    if (open.length === count) for (const end of open) end();
  };
}

async function readStream(words: string): Promise<string> {
  let text = "";
  const stream = await client.chat.completions.create({ model: "m", stream: true, messages: [{ role: "user", content: words }] });
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
  return text;
}

describe("many calls at once on Node", () => {
  it("100 streams that are open together, each with its own words", async () => {
    provider.behave(together(STREAMS));
    const names = Array.from({ length: STREAMS }, (_, index) => `stream ${index}`);
    expect(await Promise.all(names.map(readStream))).toEqual(names.map((name) => `${name} begins, ${name} ends`));
  });

  it("a request of 200 KB and an answer of 1 MB, whole", async () => {
    const answer = "a".repeat(1024 * 1024);
    provider.behave((seen, response) => void response.writeHead(200, { "x-received": String(seen.body.length) }).end(answer));
    const response = await fetch(`${broker.url}/files`, {
      method: "POST",
      headers: { authorization: `Bearer ${CALLER_TOKEN}`, "content-type": "text/plain" },
      body: "b".repeat(200 * 1024),
    });
    expect(response.headers.get("x-received")).toBe(String(200 * 1024));
    expect((await response.text()) === answer).toBe(true);
  });
});
