import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, CALLER_TOKEN } from "../fakes/manifests.ts";
import { type Answer, reply } from "../fakes/upstream.ts";
import { type Collector, startCollector } from "../unit/telemetry/collector.ts";
import { chatBody, chatCall } from "./chat-bytes.ts";
import { type HostileWorld, startHostileWorld } from "./hostile-world.ts";
import { type RawAnswer, rawCall, requestBytes } from "./raw-client.ts";
import { refuseWith } from "./upstream-scripts.ts";

const KEYS = ["first-canary-key", "second-canary-key"];
const PROMPT = "canary-of-the-prompt";

let world: HostileWorld;
let collector: Collector;
const replies: RawAnswer[] = [];
beforeAll(async () => {
  collector = await startCollector();
  world = await startHostileWorld({
    failover: true,
    // As loud as any of them could be told to be.
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: "50",
      OTEL_METRIC_EXPORT_INTERVAL: "200",
      OTEL_LOG_LEVEL: "verbose",
      LOG_LEVEL: "trace",
      SPILLWAY_LOG_LEVEL: "trace",
      SPILLWAY_DEBUG: "1",
      DEBUG: "*",
      NODE_DEBUG: "http,net,tls,undici",
    },
  });
});
afterAll(async () => {
  await world?.close();
  await collector?.close();
});
beforeEach(() => world.reset());

/** A key in every form in which it could have got out. */
function forms(key: string): readonly string[] {
  const base64 = [0, 1, 2].map((skew) =>
    Buffer.from(`${"-".repeat(skew)}${key}`)
      .toString("base64")
      .slice(4, -4),
  );
  return [key, encodeURIComponent(key), Buffer.from(key).toString("hex"), ...base64, ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))];
}

/** What the destination was sent, which it may echo. */
const sentKey = (headers: readonly (readonly [string, string])[]): string => headers.find(([name]) => name === "authorization")?.[1] ?? "";

const call = (body = chatBody({ messages: [{ role: "user", content: PROMPT }] })): Buffer =>
  requestBytes({ headers: [["authorization", `Bearer ${CALLER_TOKEN}`]], body });

const OCCASIONS: Readonly<Record<string, readonly [Answer | "refused", Buffer]>> = {
  success: [refuseWith(200), call()],
  "a refused connection": ["refused", call()],
  "a reset": [(socket) => socket.resetAndDestroy(), call()],
  "the request echoed in a bad status line": [(socket, { headers }) => void socket.end(`HTTP/1.1 ${sentKey(headers)} ${PROMPT}\r\n\r\n`), call()],
  "the request echoed in a bad header": [(socket, { headers }) => void socket.end(`HTTP/1.1 200 OK\r\n${sentKey(headers)}\r\n\r\n`), call()],
  "401 that echoes the key in body and header": [
    (socket, { headers }) =>
      void socket.write(
        reply(`{"error":{"message":"bad ${sentKey(headers)}"}}`, { "x-echo": sentKey(headers), "www-authenticate": `Bearer error="${sentKey(headers)}"` }, 401),
      ),
    call(),
  ],
  "400 that echoes the key in base64 and URL-encoded": [
    (socket, { headers }) =>
      void socket.write(
        reply(`{"error":{"message":"bad ${Buffer.from(sentKey(headers)).toString("base64")} ${encodeURIComponent(sentKey(headers))}"}}`, {}, 400),
      ),
    call(),
  ],
  "500 HTML that echoes the headers": [
    (socket, { headers }) =>
      void socket.write(reply(`<html>${headers.map((one) => one.join(": ")).join("<br>")}</html>`, { "content-type": "text/html" }, 500)),
    call(),
  ],
  "invalid JSON": [(socket) => void socket.write(reply('{"choices":[')), call()],
  "a redirect with the key in Location": [
    (socket, { headers }) =>
      void socket.write(`HTTP/1.1 302 Found\r\nlocation: https://elsewhere.example/?k=${encodeURIComponent(sentKey(headers))}\r\ncontent-length: 0\r\n\r\n`),
    call(),
  ],
  "malformed JSON of the caller": [refuseWith(200), call(`{"model":"m","messages":[{"content":"${PROMPT}"`)],
  "a malformed header block": [
    refuseWith(200),
    Buffer.from(`POST /v1/chat/completions HTTP/1.1\r\nhost: broker.test\r\nauthorization Bearer ${CALLER_TOKEN}\r\n\r\n`),
  ],
  "a header overflow": [
    refuseWith(200),
    requestBytes({
      headers: [
        ["authorization", `Bearer ${CALLER_TOKEN}`],
        ["x-a", "a".repeat(20_000)],
      ],
      body: chatBody(),
    }),
  ],
  "an unknown path": [refuseWith(404), requestBytes({ path: "/v9/none", headers: [["authorization", `Bearer ${CALLER_TOKEN}`]], body: "{}" })],
  "an unknown method": [refuseWith(405), requestBytes({ method: "BREW", headers: [["authorization", `Bearer ${CALLER_TOKEN}`]], body: "{}" })],
  "an unknown caller": [refuseWith(200), chatCall({ token: "canary-of-a-caller-unknown" })],
};

describe("no key of a destination is in any answer", () => {
  it.each(Object.entries(OCCASIONS))("T6 T7 B2: %s", async (_name, [script, bytes]) => {
    if (script === "refused") world.firstGreets((socket) => void socket.destroy());
    else world.firstDoes(script);
    const answer = await rawCall(bytes, { port: world.port }).answer;
    replies.push(answer);
    for (const form of KEYS.flatMap(forms)) expect(answer.raw).not.toContain(form);
  });

  it("T6 B2: failover that finds nobody", async () => {
    const echo: Answer = (socket, { headers }) => void socket.write(reply(`{"error":{"message":"${sentKey(headers)}"}}`, { "x-echo": sentKey(headers) }, 503));
    const alone = await startHostileWorld();
    alone.firstDoes(echo);
    const answer = await rawCall(call(), { port: alone.port }).answer;
    expect(answer.status).toBe(503);
    for (const form of forms("first-canary-key")) expect(answer.raw).not.toContain(form);
    for (const form of forms("first-canary-key")) expect(`${alone.broker.stdout()}${alone.broker.stderr()}`).not.toContain(form);
    await alone.close();
  });
});

it("T6 T28 B2: nor in a log line, a span, a metric or an event, with every switch for more words on; and no prompt or caller's token either", async () => {
  const metrics = await (await fetch(`${world.broker.url}/-/metrics`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } })).text();
  await expect.poll(() => collector.spans().length).toBeGreaterThan(10);
  await expect.poll(() => collector.metrics().length).toBeGreaterThan(3);
  expect(await world.broker.stop()).toBe(0);
  const told = {
    "the log": `${world.broker.stdout()}${world.broker.stderr()}`,
    "/-/metrics": metrics,
    "spans and metrics sent to the collector": collector.received.map(({ text }) => text).join("\n"),
  };
  expect(replies.length).toBe(Object.keys(OCCASIONS).length);
  expect(told["the log"]).toContain("egress");
  expect(told["/-/metrics"]).toContain("egress_requests_total");
  for (const [where, text] of Object.entries(told)) {
    for (const form of [...KEYS, CALLER_TOKEN, "canary-of-a-caller-unknown"].flatMap(forms)) expect(text.includes(form), `${form} in ${where}`).toBe(false);
    expect(text.includes(PROMPT), `the prompt in ${where}`).toBe(false);
  }
});
