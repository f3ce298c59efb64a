import { createServer } from "node:http2";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { testManifests } from "../fakes/manifests.ts";
import { reply, STREAM_HEAD, startUpstream, type Upstream } from "../fakes/upstream.ts";
import { chatCall } from "./chat-bytes.ts";
import { rawCall } from "./raw-client.ts";

/** JSON that a parser reads and whose writer overflows the stack: what must be put into other words on its way. */
const DEPTH = 20_000;
const DEEP = `${'{"a":'.repeat(DEPTH)}1${"}".repeat(DEPTH)}`;
const BLOCK = `{"type":"tool_use","id":"t","name":"f","input":${DEEP}}`;
const ANSWER = `{"id":"m","type":"message","role":"assistant","model":"m","content":[${BLOCK}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":1}}`;
const event = (type: string, more: string): string => `event: ${type}\ndata: {"type":"${type}",${more}}\n\n`;
const START = event("message_start", '"message":{"id":"m","type":"message","role":"assistant","model":"m","content":[],"usage":{"input_tokens":1}}');
const DEEP_EVENT = event("content_block_start", `"index":0,"content_block":${BLOCK}`);

const chunked = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

let plain: Upstream;
const modern = createServer();
let broker: BrokerProcess;
beforeAll(async () => {
  plain = await startUpstream((socket, { body }) => {
    if (!body.includes('"stream":true')) socket.write(reply(ANSWER, { "content-type": "application/json" }));
    // The deep one apart from the first, and the stream goes on for ever.
    else socket.write(STREAM_HEAD + chunked(START), () => setTimeout(() => socket.write(chunked(DEEP_EVENT)), 50));
  });
  modern.on("session", (session) => session.on("error", () => {}));
  modern.on("stream", (stream) => {
    stream.on("error", () => {});
    let body = "";
    stream.on("data", (bytes: Buffer) => {
      body += bytes.toString();
    });
    stream.on("end", () => {
      const streams = body.includes('"stream":true');
      stream.respond({ ":status": 200, "content-type": streams ? "text/event-stream" : "application/json" });
      if (!streams) stream.end(ANSWER);
      else stream.write(START, () => setTimeout(() => stream.write(DEEP_EVENT), 50));
    });
  });
  await new Promise<void>((listening) => modern.listen(0, "127.0.0.1", listening));
  const address = modern.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const rule = (name: string) =>
    `  - name: ${name}\n    matches: [{headers: [{name: x-to, value: ${name}}]}]\n    backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}]\n`;
  broker = await startBroker({
    manifests: testManifests({
      backends: [
        { name: "plain", port: plain.port, key: "k", api: "Anthropic" },
        { name: "modern", port, key: "k", api: "Anthropic", protocol: "H2C" },
      ],
      rules: `${rule("plain")}${rule("modern")}`,
    }),
  });
});
afterAll(async () => {
  await broker?.stop();
  await plain?.close();
  modern.close();
});

for (const to of ["plain", "modern"]) {
  it(`F35 F37: a translated answer too deep to be written anew is 502, and its call is over (${to})`, async () => {
    const { answer } = rawCall(chatCall({ headers: [["x-to", to]] }), { port: Number(new URL(broker.url).port), ms: 8_000 });
    const { status, end } = await answer;
    expect({ status, end }).toEqual({ status: 502, end: "clean" });
    await expect.poll(() => broker.calls().some((line) => line["status"] === 502)).toBe(true);
    expect((await fetch(`${broker.url}/-/healthz`)).status).toBe(200);
  });

  it(`F35 F37: a stream with an event too deep to be written anew ends with an error event and broken framing (${to})`, async () => {
    const { answer } = rawCall(chatCall({ stream: true, headers: [["x-to", to]] }), { port: Number(new URL(broker.url).port), ms: 8_000 });
    const { status, body, end } = await answer;
    expect({ status, end }).toEqual({ status: 200, end: "aborted" });
    expect(body).toContain('"error"');
    expect(body).not.toContain("[DONE]");
    expect((await fetch(`${broker.url}/-/healthz`)).status).toBe(200);
  });
}
