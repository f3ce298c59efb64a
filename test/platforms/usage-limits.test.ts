import type { AddressInfo } from "node:net";
import Anthropic, { RateLimitError as AnthropicRateLimit } from "@anthropic-ai/sdk";
import OpenAI, { RateLimitError } from "openai";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { ADMIN_TOKEN, CALLER_TOKEN, OTHER_TOKEN, type TestManifests, testManifests } from "../fakes/manifests.ts";
import { answerWell, chatChunk, type Provider, startProvider, WORDS } from "../fakes/provider.ts";
import { type ServedBroker, serveManifests } from "../fakes/served-broker.ts";

const messages = [{ role: "user" as const, content: "Tell me a story" }];
const HOUR = "window: {duration: 1h}";
const backend = (name: string) => `{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}`;
const GATEWAY = "{group: gateway.networking.k8s.io, kind: Gateway, name: egress}";

const policy = (name: string, target: string, limits: readonly string[], more = "") =>
  `apiVersion: spillway.dev/v1alpha1\nkind: UsageLimitPolicy\nmetadata: {name: ${name}, namespace: ${target === GATEWAY ? "egress-system" : "team-a"}}\nspec:\n  targetRefs: [${target}]\n  limits:\n${limits.map((limit) => `  - ${limit}`).join("\n")}\n${more}`;

let provider: Provider;
let other: Provider;
let served: ServedBroker | null = null;

beforeAll(async () => {
  [provider, other] = await Promise.all([startProvider(), startProvider()]);
});
afterEach(async () => {
  await served?.stop();
  served = null;
  for (const one of [provider, other]) {
    one.behave(answerWell);
    one.seen.length = 0;
  }
});
afterAll(async () => {
  await Promise.all([provider.close(), other.close()]);
});

/** The broker over sockets, and the SDK of OpenAI before it. */
async function serving(more: string, manifests: Partial<TestManifests> = {}): Promise<{ readonly port: number; openai(token?: string): OpenAI }> {
  const backends = [{ name: "first", port: provider.port, api: "OpenAI" as const }];
  served = await serveManifests(testManifests({ backends, ...manifests, more }));
  const { port } = served;
  return { port, openai: (apiKey = CALLER_TOKEN) => new OpenAI({ apiKey, baseURL: `http://127.0.0.1:${port}/v1`, maxRetries: 0 }) };
}

/** What the store holds of each limit, when everything has been told. */
async function accounts(): Promise<readonly { readonly used: number; readonly held: number }[]> {
  if (served === null) throw new Error("nothing is served");
  await served.server.broker.flushUsage(AbortSignal.timeout(2_000));
  const answer = await fetch(`http://127.0.0.1:${served.port}/-/limits`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
  const page = (await answer.json()) as { readonly limits: readonly { readonly used: number; readonly held: number }[] }; // our own page
  return page.limits;
}

async function refusalOf(call: Promise<unknown>): Promise<RateLimitError> {
  const error: unknown = await call.then(
    () => null,
    (cause: unknown) => cause,
  );
  if (!(error instanceof RateLimitError)) throw new Error(`no RateLimitError but ${String(error)}`);
  return error;
}

describe("the official SDKs at a limit", () => {
  it("OpenAI's throws its RateLimitError, with the code, Retry-After and the fields of the draft", async () => {
    const { openai } = await serving(policy("p", GATEWAY, [`{name: rpm, unit: Requests, limit: 1, ${HOUR}, per: [Namespace]}`]));
    const { response } = await openai().chat.completions.create({ model: "gpt-test", messages }).withResponse();
    expect(response.headers.get("ratelimit-policy")).toBe('"egress-system/p/rpm";q=1;qu="requests";w=3600');
    expect(response.headers.get("ratelimit")).toMatch(/^"egress-system\/p\/rpm";r=0;t=\d+$/);
    const refused = await refusalOf(openai().chat.completions.create({ model: "gpt-test", messages }));
    expect(refused).toMatchObject({ status: 429, code: "limit_exceeded", type: "rate_limit_error" });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(3_000);
    // The SDK would come back after half a second, twice.
    expect(refused.headers.get("x-should-retry")).toBe("false");
    // Another namespace has an account of its own.
    expect((await openai(OTHER_TOKEN).chat.completions.create({ model: "gpt-test", messages })).choices).toHaveLength(1);
    expect(provider.seen).toHaveLength(2);
  });

  it("OpenAI's waits for Retry-After and then has its answer", async () => {
    const { port } = await serving(policy("p", GATEWAY, ["{name: rps, unit: Requests, limit: 1, window: {duration: 1s}}"]));
    const patient = new OpenAI({ apiKey: CALLER_TOKEN, baseURL: `http://127.0.0.1:${port}/v1`, maxRetries: 3 });
    const both = await Promise.all([1, 2].map(() => patient.chat.completions.create({ model: "gpt-test", messages })));
    expect(both.map((answer) => answer.choices[0]?.message.content)).toEqual([WORDS.join(""), WORDS.join("")]);
    expect(provider.seen).toHaveLength(2);
  });

  it("Anthropic's throws its RateLimitError, and its stream counts as the provider says", async () => {
    const manifests: Partial<TestManifests> = { backends: [{ name: "first", port: provider.port, api: "Anthropic" }] };
    const { port } = await serving(policy("p", GATEWAY, [`{name: tpd, unit: Tokens, limit: 150, ${HOUR}}`]), manifests);
    const anthropic = new Anthropic({ apiKey: CALLER_TOKEN, baseURL: `http://127.0.0.1:${port}`, maxRetries: 0 });
    const message = await anthropic.messages.stream({ model: "claude-test", max_tokens: 100, messages }).finalMessage();
    expect(message.usage.output_tokens).toBe(5);
    // 9 of input, 2 written to and 4 read from the cache, 5 of output.
    await expect.poll(accounts).toMatchObject([{ used: 20, held: 0 }]);
    await expect(anthropic.messages.create({ model: "claude-test", max_tokens: 200, messages })).rejects.toThrow(AnthropicRateLimit);
    expect((await anthropic.messages.create({ model: "claude-test", max_tokens: 50, messages })).content).toHaveLength(1);
  });
});

describe("streams over sockets", () => {
  it("50 at once at a boundary: as many as there is room for, and the account has what the provider reported, to the token", async () => {
    let reported = 0;
    let waiting = 0;
    let release: () => void = () => {};
    const all = new Promise<void>((resolve) => {
      release = resolve;
    });
    provider.behave(async (_seen, response) => {
      const [input, output] = [5 + (waiting % 7), 11 + (waiting % 13)];
      waiting += 1;
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(chatChunk(0, "Hi"));
      await all;
      reported += input + output;
      response.write(`data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output } })}\n\n`);
      response.end("data: [DONE]\n\n");
    });
    const { openai } = await serving(policy("p", GATEWAY, [`{name: t, unit: Tokens, limit: 20000, ${HOUR}, reserve: Fixed, reserveTokens: 1000}`]));
    const client = openai();
    let refused = 0;
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, async () => {
        try {
          let text = "";
          for await (const chunk of await client.chat.completions.create({ model: "gpt-test", messages, stream: true }))
            text += chunk.choices[0]?.delta.content ?? "";
          return text;
        } catch (error) {
          refused += 1;
          // Nothing is settled before everybody was let in or refused.
          if (refused === 30) release();
          return error instanceof RateLimitError ? "429" : String(error);
        }
      }),
    );
    expect(outcomes.filter((outcome) => outcome === "Hi")).toHaveLength(20);
    expect(outcomes.filter((outcome) => outcome === "429")).toHaveLength(30);
    await expect.poll(accounts).toEqual([expect.objectContaining({ used: reported, held: 0 })]);
  });

  it("a caller that hangs up in the middle is charged for its input and what it has heard, and its place is free", async () => {
    provider.behave((_seen, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(chatChunk(0, "x".repeat(350)));
    });
    const { openai } = await serving(policy("p", GATEWAY, [`{name: t, unit: Tokens, limit: 100000, ${HOUR}}`, "{name: c, unit: Concurrency, limit: 1}"]));
    const stream = await openai().chat.completions.create({ model: "gpt-test", messages, stream: true });
    for await (const chunk of stream) if (chunk.choices.length > 0) break;
    stream.controller.abort();
    await expect.poll(async () => (await accounts()).every(({ held }) => held === 0)).toBe(true);
    const used = Math.max(...(await accounts()).map((account) => account.used));
    // 350 characters are 100 tokens by the ratio that nothing has changed yet; the request is short.
    expect(used).toBeGreaterThan(100);
    expect(used).toBeLessThan(160);
    provider.behave(answerWell);
    expect((await openai().chat.completions.create({ model: "gpt-test", messages })).choices).toHaveLength(1);
  });
});

describe("WebSockets", () => {
  it("take a place while they are open, and the tokens that the policy assumes", async () => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await new Promise((resolve) => server.once("listening", resolve));
    server.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
    const upstream = (server.address() as AddressInfo).port; // listening on TCP
    const { port } = await serving(
      policy("p", GATEWAY, ["{name: c, unit: Concurrency, limit: 1}", `{name: t, unit: Tokens, limit: 100000, ${HOUR}, reserveTokens: 700}`]),
      { backends: [{ name: "first", port: upstream, api: "OpenAI" }] },
    );
    const dial = () => new WebSocket(`ws://127.0.0.1:${port}/v1/realtime?model=gpt-realtime`, { headers: { authorization: `Bearer ${CALLER_TOKEN}` } });
    const opened = (socket: WebSocket) =>
      new Promise<number>((resolve, reject) => {
        socket.once("open", () => resolve(101));
        socket.once("unexpected-response", (_request, answer) => resolve(answer.statusCode ?? 0));
        socket.once("error", reject);
      });
    const first = dial();
    expect(await opened(first)).toBe(101);
    const second = dial();
    expect(await opened(second)).toBe(429);
    first.close();
    await expect
      .poll(
        async () => {
          const next = dial();
          const status = await opened(next);
          next.close();
          return status;
        },
        { timeout: 8_000, interval: 200 },
      )
      .toBe(101);
    await expect.poll(async () => (await accounts()).find(({ used }) => used > 0)?.used).toBe(1_400);
    await new Promise((resolve) => server.close(resolve));
  });
});

describe("NextTier over sockets", () => {
  it("a spent budget of one provider sends the calls to the next", async () => {
    const { openai } = await serving(policy("p", backend("first"), [`{name: b, unit: Requests, limit: 2, ${HOUR}}`], "  onExceeded: NextTier"), {
      backends: [
        { name: "first", port: provider.port, api: "OpenAI" },
        { name: "second", port: other.port, api: "OpenAI" },
      ],
      group: ["first", "second"],
    });
    for (let call = 0; call < 5; call += 1) await openai().chat.completions.create({ model: "gpt-test", messages });
    expect([provider.seen.length, other.seen.length]).toEqual([2, 3]);
  });
});

describe("the built broker", () => {
  it("says at its start that it counts alone, and tells what was used before it ends", async () => {
    const manifests = testManifests({
      backends: [{ name: "first", port: provider.port, api: "OpenAI" }],
      more: policy("p", GATEWAY, [`{name: rpm, unit: Requests, limit: 1, ${HOUR}}`]),
    });
    const broker: BrokerProcess = await startBroker({ manifests });
    try {
      const client = new OpenAI({ apiKey: CALLER_TOKEN, baseURL: `${broker.url}/v1`, maxRetries: 0 });
      await client.chat.completions.create({ model: "gpt-test", messages });
      await refusalOf(client.chat.completions.create({ model: "gpt-test", messages }));
      expect(broker.stderr()).toContain("the limits of Gateway egress-system/egress are counted by this instance alone");
    } finally {
      await broker.stop();
    }
  });
});
