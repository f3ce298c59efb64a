import { describe, expect, it } from "vitest";
import type { ApiSchema } from "../../src/index.ts";
import { CALLER_TOKEN } from "../fakes/manifests.ts";
import { streamedAnswer, type Told, wholeAnswer } from "../fakes/wire-answers.ts";
import { chat, type Installation, install, JSON_HEADERS, STREAM_HEADERS } from "./installation.ts";

/** A caller of one API, a destination of another: what arrives there, what comes back, and what is told of it. */

const TOLD: Told = { thought: null, text: "Grüße", calls: [], usage: { input: 12, cached: 2, output: 3 }, ends: "stop" };
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function world(first: ApiSchema, second?: ApiSchema): Installation {
  const backend = (name: string, port: number, api: ApiSchema) => ({ name, port, key: `${name}-key-value`, api, timeouts: "{firstByte: 2s}" });
  const one = backend("first", 8001, first);
  return install(
    second === undefined
      ? { backends: [one] }
      : {
          backends: [one, backend("second", 8002, second)],
          group: ["first", "second"],
          groupSpec: "  health: {consecutiveFailures: 1000, evictFor: 1s, maxEvictFor: 1s}",
        },
  );
}

const hello = { messages: [{ role: "user", content: "Hi" }] };
const message = (body: object) => ({
  target: "/v1/messages",
  headers: ["Authorization", `Bearer ${CALLER_TOKEN}`, "Content-Type", "application/json", "anthropic-version", "2026-10-21", "anthropic-beta", "x"],
  body: JSON.stringify({ model: "claude-x", max_tokens: 50, ...hello, ...body }),
});

describe("a chat at a destination that speaks Messages", () => {
  it("arrives as a message, with the broker's credential and nothing of the caller's API", async () => {
    const one = world("Anthropic");
    one.transport.script("first", { status: 200, headers: JSON_HEADERS, body: JSON.stringify(wholeAnswer("anthropic", TOLD)) });
    await one.call(chat({ ...hello, max_tokens: 7 }, ["openai-organization", "org-1", "x-stainless-lang", "js"]));
    const [sent] = one.transport.sent;
    expect(sent?.request.path).toBe("/v1/messages");
    expect(JSON.parse(sent?.body ?? "")).toEqual({ model: "gpt-test", max_tokens: 7, messages: [{ role: "user", content: [{ type: "text", text: "Hi" }] }] });
    const names = (sent?.request.headers ?? []).filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
    expect(names).toContain("anthropic-version");
    expect(names).not.toContain("openai-organization");
    expect(names).not.toContain("x-stainless-lang");
    expect(names.filter((name) => name === "content-type")).toHaveLength(1);
    expect(sent?.request.headers).toContain("Bearer first-key-value");
  });

  it("is answered as a chat, whole and streamed, and its usage is known", async () => {
    const one = world("Anthropic");
    one.transport.script(
      "first",
      { status: 200, headers: JSON_HEADERS, body: JSON.stringify(wholeAnswer("anthropic", TOLD)) },
      { status: 200, headers: STREAM_HEADERS, body: text(streamedAnswer("anthropic", TOLD)).match(/[\s\S]{1,40}/g) ?? [] },
    );
    const whole = await one.call(chat(hello));
    expect(whole.received()?.status).toBe(200);
    expect(JSON.parse(whole.received()?.body ?? "")).toMatchObject({
      object: "chat.completion",
      choices: [{ message: { content: "Grüße" }, finish_reason: "stop" }],
    });
    const streamed = await one.call(chat({ ...hello, stream: true }));
    expect(streamed.header("content-type")).toEqual(["text/event-stream; charset=utf-8"]);
    expect(streamed.received()?.body).toContain("chat.completion.chunk");
    expect(streamed.received()?.body).toMatch(/data: \[DONE\]\n\n$/);
    for (const line of one.log.slice(-2)) expect(JSON.stringify(line)).toMatch(/"input_?[tT]okens":12/);
  });

  it("what is left out is told in a header; what would change the answer's meaning is refused by its name, and nothing is sent", async () => {
    const one = world("Anthropic");
    one.transport.script("first", { status: 200, headers: JSON_HEADERS, body: JSON.stringify(wholeAnswer("anthropic", TOLD)) });
    const lossy = await one.call(chat({ ...hello, seed: 7, prompt_cache_key: "k" }));
    expect(lossy.header("x-egress-translation-loss")).toEqual(["seed"]);
    const refused = await one.call(chat({ ...hello, n: 2 }));
    expect(refused.received()?.status).toBe(400);
    expect(JSON.parse(refused.received()?.body ?? "")).toMatchObject({ error: { code: "translation_unsupported", message: expect.stringContaining('"n"') } });
    expect(one.transport.sent).toHaveLength(1);
  });

  it("a field of the wrong kind is the caller's fault, named by its path", async () => {
    const one = world("Anthropic");
    const refused = await one.call(chat({ messages: [{ role: "user", content: [{ type: "image_url", image_url: "no object" }] }] }));
    expect(refused.received()?.status).toBe(400);
    expect(refused.received()?.body).toContain("messages[0].content[0].image_url");
  });

  it("errors come in the caller's words, with the broker's key taken out", async () => {
    const one = world("Anthropic");
    const said = (type: string, words: string): string => JSON.stringify({ type: "error", error: { type, message: words }, request_id: "req_up" });
    one.transport.script("first", {
      status: 400,
      headers: [...JSON_HEADERS, "request-id", "req_up"],
      body: said("invalid_request_error", "bad: first-key-value"),
    });
    const refused = await one.call(chat(hello));
    expect(refused.received()?.status).toBe(400);
    expect(JSON.parse(refused.received()?.body ?? "")).toMatchObject({ error: { type: "invalid_request_error", message: "bad: [redacted]" } });
    expect(refused.header("x-egress-upstream-request-id")).toEqual(["req_up"]);
    one.transport.script("first", { status: 529, headers: JSON_HEADERS, body: said("overloaded_error", "Overloaded") });
    const overloaded = await one.call(chat(hello));
    expect(overloaded.received()?.status).toBe(503);
    expect(JSON.parse(overloaded.received()?.body ?? "")).toMatchObject({ error: { type: "overloaded_error" } });
  });

  it("a stream that breaks off ends with the caller's own error event", async () => {
    const one = world("Anthropic");
    const half = text(streamedAnswer("anthropic", TOLD)).slice(0, -300);
    one.transport.script("first", { status: 200, headers: STREAM_HEADERS, body: [half] });
    const broken = await one.call(chat({ ...hello, stream: true }));
    expect(broken.received()?.body).toMatch(/event: error\ndata: \{"error":/);
    expect(broken.received()?.body).not.toContain("[DONE]");
    expect(one.log.at(-1)).toMatchObject({ outcome: "truncated" });
  });
});

describe("a message at a destination that speaks chat completions", () => {
  it("arrives as a chat and is answered as a message, streamed too", async () => {
    const one = world("OpenAI");
    one.transport.script("first", { status: 200, headers: STREAM_HEADERS, body: [text(streamedAnswer("openai-chat", TOLD))] });
    const caller = await one.call(message({ stream: true, system: "Be kind.", top_k: 3 }));
    expect(JSON.parse(one.transport.sent[0]?.body ?? "")).toMatchObject({
      model: "claude-x",
      stream: true,
      stream_options: { include_usage: true },
      max_completion_tokens: 50,
      messages: [
        { role: "system", content: "Be kind." },
        { role: "user", content: "Hi" },
      ],
    });
    expect(one.transport.sent[0]?.request.path).toBe("/v1/chat/completions");
    expect(one.transport.sent[0]?.request.headers.map((name) => name.toLowerCase())).not.toContain("anthropic-beta");
    expect(caller.header("x-egress-translation-loss")).toEqual(["top_k"]);
    expect(caller.received()?.body).toMatch(/event: message_stop\n/);
    expect(caller.received()?.body).toContain('"input_tokens":10');
  });
});

describe("#44 versions of Messages", () => {
  const versioned = (version: string) => ({ ...message({}), headers: [...message({}).headers.slice(0, 4), "anthropic-version", version] });

  it("#44 both that live are translated; one that is not known may mean other things: refused where it would have to be translated, and nothing is sent", async () => {
    const one = world("OpenAI");
    one.transport.script(
      "first",
      ...Array.from({ length: 2 }, () => ({ status: 200, headers: JSON_HEADERS, body: JSON.stringify(wholeAnswer("openai-chat", TOLD)) })),
    );
    for (const version of ["2023-06-01", "2026-10-21"]) expect((await one.call(versioned(version))).received()?.status).toBe(200);
    const refused = await one.call(versioned("2031-01-01"));
    expect(refused.received()?.status).toBe(400);
    expect(refused.received()?.body).toContain("anthropic-version");
    expect(one.transport.sent).toHaveLength(2);
  });

  it("#44 to Anthropic any version passes as it is, and the codec's own requests name one", async () => {
    const one = world("Anthropic");
    one.transport.script(
      "first",
      ...Array.from({ length: 2 }, () => ({ status: 200, headers: JSON_HEADERS, body: JSON.stringify(wholeAnswer("anthropic", TOLD)) })),
    );
    await one.call(versioned("2031-01-01"));
    await one.call(chat(hello));
    const versions = one.transport.sent.map(
      ({ request }) => request.headers[request.headers.findIndex((name) => name.toLowerCase() === "anthropic-version") + 1],
    );
    expect(versions).toEqual(["2031-01-01", "2023-06-01"]);
  });
});

describe("#47 counting tokens and embeddings", () => {
  it("#47 a count is asked of Anthropic only, and never guessed", async () => {
    const call = { ...message({}), target: "/v1/messages/count_tokens" };
    const native = world("Anthropic");
    native.transport.script("first", { status: 200, headers: JSON_HEADERS, body: '{"input_tokens":14}' });
    expect((await native.call(call)).received()?.body).toBe('{"input_tokens":14}');
    const other = world("OpenAI");
    const refused = await other.call(call);
    expect(refused.received()?.status).toBeGreaterThanOrEqual(400);
    expect(JSON.parse(refused.received()?.body ?? "")).toMatchObject({ type: "error" });
    expect(other.transport.sent).toHaveLength(0);
  });

  it("#47 embeddings pass with the encoding that the SDK asks for, and a provider without them is sent nothing", async () => {
    const call = { ...chat(), target: "/v1/embeddings", body: JSON.stringify({ model: "gpt-test", input: "Hi", encoding_format: "base64" }) };
    const native = world("OpenAI");
    native.transport.script("first", { status: 200, headers: JSON_HEADERS, body: '{"data":[]}' });
    await native.call(call);
    expect(JSON.parse(native.transport.sent[0]?.body ?? "")).toMatchObject({ encoding_format: "base64" });
    const other = world("Anthropic");
    expect((await other.call(call)).received()?.status).toBeGreaterThanOrEqual(400);
    expect(other.transport.sent).toHaveLength(0);
  });
});

describe("failover between APIs", () => {
  it("an overloaded provider's call goes on to one that speaks another API, and the caller cannot tell", async () => {
    const one = world("OpenAI", "Anthropic");
    one.transport.script("first", { status: 429, headers: JSON_HEADERS, body: "{}" });
    one.transport.script("second", { status: 200, headers: JSON_HEADERS, body: JSON.stringify(wholeAnswer("anthropic", TOLD)) });
    const caller = await one.call(chat(hello));
    expect(one.transport.sent.map((sent) => [sent.to, sent.request.path])).toEqual([
      ["first", "/v1/chat/completions"],
      ["second", "/v1/messages"],
    ]);
    expect(JSON.parse(caller.received()?.body ?? "")).toMatchObject({ choices: [{ message: { content: "Grüße" } }] });
  });

  it("a stream that opens with an error goes on, whatever its API", async () => {
    const one = world("Anthropic", "OpenAI");
    one.transport.script("first", {
      status: 200,
      headers: STREAM_HEADERS,
      body: ['event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"no"}}\n\n'],
    });
    one.transport.script("second", { status: 200, headers: STREAM_HEADERS, body: [text(streamedAnswer("openai-chat", TOLD))] });
    const caller = await one.call(chat({ ...hello, stream: true }));
    expect(one.transport.sent.map((sent) => sent.to)).toEqual(["first", "second"]);
    expect(caller.received()?.body).toContain("[DONE]");
  });

  it("a candidate that cannot carry the request is passed over for one that can, also when the first one fails", async () => {
    const one = world("Anthropic", "OpenAI");
    one.transport.script("second", { status: 200, headers: JSON_HEADERS, body: JSON.stringify(wholeAnswer("openai-chat", TOLD)) });
    await one.call(chat({ ...hello, n: 2 }));
    expect(one.transport.sent.map((sent) => sent.to)).toEqual(["second"]);
    const other = world("OpenAI", "Anthropic");
    other.transport.script("first", { status: 503, headers: JSON_HEADERS, body: "{}" });
    const caller = await other.call(chat({ ...hello, n: 2 }));
    // The overload is what the caller is told of, not the other's want of a field.
    expect(caller.received()?.status).toBe(503);
    expect(other.transport.sent.map((sent) => sent.to)).toEqual(["first"]);
  });
});

describe("paths of other APIs", () => {
  it.each([
    ["AWSBedrock", {}, "/model/gpt-test/converse"],
    ["AWSBedrock", { stream: true }, "/model/gpt-test/converse-stream"],
    ["Gemini", {}, "/v1beta/models/gpt-test:generateContent"],
    ["Gemini", { stream: true }, "/v1beta/models/gpt-test:streamGenerateContent?alt=sse"],
    ["AzureOpenAI", {}, "/openai/v1/chat/completions"],
  ] as const)("%s %o: %s", async (schema, body, path) => {
    const one = world(schema);
    one.transport.script("first", { status: 500, headers: JSON_HEADERS, body: "{}" });
    await one.call(chat({ ...hello, ...body }));
    expect(one.transport.sent[0]?.request.path).toBe(path);
  });

  it("a model's name cannot leave its segment", async () => {
    const one = world("Gemini");
    one.transport.script("first", { status: 500, headers: JSON_HEADERS, body: "{}" });
    for (const model of ["a/../../locations/global", "..", "a?x", "a#y", "a%2fb", "a b", ""]) {
      const caller = await one.call(chat({ ...hello, model }));
      expect(caller.received()?.status, model).toBe(400);
    }
    expect(one.transport.sent).toHaveLength(0);
  });
});
