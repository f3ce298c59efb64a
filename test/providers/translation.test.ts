import Anthropic from "@anthropic-ai/sdk";
import fc from "fast-check";
import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import { anthropicCodec } from "../../src/providers/anthropic/codec.ts";
import { bedrockCodec } from "../../src/providers/bedrock/codec.ts";
import { geminiCodec } from "../../src/providers/gemini/codec.ts";
import { openaiChatCodec } from "../../src/providers/openai-chat/codec.ts";
import { openaiResponsesCodec } from "../../src/providers/openai-responses/codec.ts";
import type { AnswerContext, CallerCodec, UpstreamCodec } from "../../src/providers/pivot/codec.ts";
import { translateAnswer } from "../../src/providers/translate-answer.ts";
import { translateStream } from "../../src/providers/translate-stream.ts";
import { bedrockFrame, concat, streamedAnswer, type Told, UPSTREAMS, type Upstream, wholeAnswer } from "../fakes/wire-answers.ts";

/** What a provider says in its own wire format reaches the caller's official SDK with the same meaning, whole or streamed, wherever the bytes are cut. */

const CODECS: Readonly<Record<Upstream, UpstreamCodec>> = {
  "openai-chat": openaiChatCodec,
  "openai-responses": openaiResponsesCodec,
  anthropic: anthropicCodec,
  bedrock: bedrockCodec,
  gemini: geminiCodec,
};
type Caller = "openai-chat" | "openai-responses" | "anthropic";
const CALLERS: Readonly<Record<Caller, CallerCodec>> = { "openai-chat": openaiChatCodec, "openai-responses": openaiResponsesCodec, anthropic: anthropicCodec };

const PAIRS = UPSTREAMS.flatMap((upstream) =>
  // `as`: the keys of a const object are its own.
  (Object.keys(CALLERS) as Caller[]).flatMap((caller) => (caller === upstream ? [] : [{ upstream, caller }])),
);

const context: AnswerContext = {
  request: openaiChatCodec.decodeRequest({ model: "asked", messages: [{ role: "user", content: "Hi" }], stream_options: { include_usage: true } }),
  model: "asked-upstream",
  requestId: "4fd0a9a0-1111-4222-8333-444455556666",
  now: 1_800_000_000,
  toolNames: new Map(),
};

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

/** Every byte of it can be tried. */
const SHORT: Told = {
  ...TOLD,
  thought: { text: "ü", signature: "c2ln" },
  text: "é🙂",
  calls: [{ id: "call_a", name: "f", input: { ö: 1 } }],
};

function translated(
  upstream: Upstream,
  caller: Caller,
  bytes: Uint8Array,
  cuts: readonly number[] = [],
): { readonly text: string; readonly complete: boolean } {
  const codec = translateStream(CODECS[upstream], CALLERS[caller], context);
  const out: Uint8Array[] = [];
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    const piece = codec.chunk(bytes.slice(at, cut));
    if (piece !== null) out.push(piece);
    at = cut;
  }
  const { bytes: rest, complete } = codec.end();
  if (rest !== null) out.push(rest);
  // As every platform does with an answer that is not complete.
  const told = complete ? null : codec.fail("The destination ended its answer before it was complete.");
  if (told !== null) out.push(told);
  return { text: new TextDecoder().decode(concat(out)), complete };
}

/** What the caller's official SDK understands. Thoughts and cached tokens only where its API has a place for them. */
type Understood = Pick<Told, "text" | "calls" | "ends"> & { readonly input: number; readonly output: number };

function answering(body: string, type: string): typeof fetch {
  return async () => new Response(body, { status: 200, headers: { "content-type": type } });
}

async function readBySdk(caller: Caller, body: string, streamed: boolean): Promise<Understood> {
  const fetch = answering(body, streamed ? "text/event-stream" : "application/json");
  if (caller === "anthropic") {
    const client = new Anthropic({ apiKey: "none", fetch, maxRetries: 0 });
    const params = { model: "m", max_tokens: 10, messages: [{ role: "user" as const, content: "Hi" }] };
    const message = streamed ? await client.messages.stream(params).finalMessage() : await client.messages.create(params);
    return {
      text: message.content.map((block) => (block.type === "text" ? block.text : "")).join(""),
      calls: message.content.flatMap((block) =>
        block.type === "tool_use" ? [{ id: block.id, name: block.name, input: block.input as Told["calls"][number]["input"] }] : [],
      ),
      ends: message.stop_reason === "tool_use" ? "tool_calls" : message.stop_reason === "max_tokens" ? "length" : "stop",
      input: message.usage.input_tokens + (message.usage.cache_read_input_tokens ?? 0) + (message.usage.cache_creation_input_tokens ?? 0),
      output: message.usage.output_tokens,
    };
  }
  const client = new OpenAI({ apiKey: "none", fetch, maxRetries: 0 });
  if (caller === "openai-chat") {
    const params = { model: "m", messages: [{ role: "user" as const, content: "Hi" }] };
    const completion = streamed
      ? await client.chat.completions.stream({ ...params, stream_options: { include_usage: true } }).finalChatCompletion()
      : await client.chat.completions.create(params);
    const [choice] = completion.choices;
    return {
      text: choice?.message.content ?? "",
      calls: (choice?.message.tool_calls ?? []).flatMap((call) =>
        call.type === "function"
          ? [{ id: call.id, name: call.function.name, input: JSON.parse(call.function.arguments) as Told["calls"][number]["input"] }]
          : [],
      ),
      ends: choice?.finish_reason as Told["ends"],
      input: completion.usage?.prompt_tokens ?? -1,
      output: completion.usage?.completion_tokens ?? -1,
    };
  }
  const response = streamed
    ? await client.responses.stream({ model: "m", input: "Hi" }).finalResponse()
    : await client.responses.create({ model: "m", input: "Hi" });
  const calls = response.output.flatMap((item) =>
    item.type === "function_call" ? [{ id: item.call_id, name: item.name, input: JSON.parse(item.arguments) as Told["calls"][number]["input"] }] : [],
  );
  return {
    text: response.output_text,
    calls,
    // A response that called a tool is as complete as any other.
    ends: response.status === "incomplete" ? "length" : calls.length > 0 ? "tool_calls" : "stop",
    input: response.usage?.input_tokens ?? -1,
    output: response.usage?.output_tokens ?? -1,
  };
}

function expected(told: Told): Understood {
  return { text: told.text, calls: told.calls, ends: told.ends, input: told.usage.input, output: told.usage.output };
}

const toldByAModel: fc.Arbitrary<Told> = fc
  .record({
    thought: fc.option(fc.record({ text: fc.string({ minLength: 1, unit: "grapheme" }), signature: fc.base64String({ minLength: 4, maxLength: 40 }) })),
    text: fc.string({ unit: "grapheme", maxLength: 60 }),
    calls: fc.array(
      fc.record({
        id: fc.stringMatching(/^call_[a-z0-9]{1,12}$/),
        name: fc.stringMatching(/^[a-z][a-z0-9_-]{0,20}$/),
        input: fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.jsonValue({ maxDepth: 2 })),
      }),
      { maxLength: 3 },
    ),
    usage: fc.record({ input: fc.integer({ min: 50, max: 5_000 }), cached: fc.integer({ min: 0, max: 50 }), output: fc.integer({ min: 1, max: 9_000 }) }),
    long: fc.boolean(),
  })
  .map(({ long, calls, ...rest }) => ({
    ...rest,
    calls: calls.map((call, index) => ({ ...call, id: `${call.id}${index}`, input: JSON.parse(JSON.stringify(call.input)) as Told["calls"][number]["input"] })),
    ends: long ? ("length" as const) : calls.length > 0 ? ("tool_calls" as const) : ("stop" as const),
  }));

describe.each(PAIRS)("$upstream read as $caller", ({ upstream, caller }) => {
  test("a whole answer means the same to the caller's SDK", async () => {
    const codec = translateAnswer(CODECS[upstream], CALLERS[caller], context);
    codec.chunk(new TextEncoder().encode(JSON.stringify(wholeAnswer(upstream, TOLD))));
    const { bytes, complete } = codec.end();
    expect(complete).toBe(true);
    expect(await readBySdk(caller, new TextDecoder().decode(bytes ?? new Uint8Array()), false)).toEqual(expected(TOLD));
    expect(codec.facts()?.usage).toMatchObject({ inputTokens: 120, outputTokens: 33, cacheReadTokens: 20 });
  });

  test("a stream means the same to the caller's SDK, whatever a model says", async () => {
    await fc.assert(
      fc.asyncProperty(toldByAModel, async (told) => {
        const { text, complete } = translated(upstream, caller, streamedAnswer(upstream, told));
        expect(complete).toBe(true);
        expect(await readBySdk(caller, text, true)).toEqual(expected(told));
      }),
      { numRuns: 25 },
    );
  });

  test("a stream that comes byte by byte gives the same bytes", () => {
    const bytes = streamedAnswer(upstream, TOLD);
    const { text } = translated(upstream, caller, bytes);
    expect(
      translated(
        upstream,
        caller,
        bytes,
        Array.from({ length: bytes.length - 1 }, (_, at) => at + 1),
      ).text,
    ).toBe(text);
  });

  test("a stream that stops anywhere before its end is an error to the caller's SDK, never a clean stop", async () => {
    const bytes = streamedAnswer(upstream, TOLD);
    const step = Math.ceil(bytes.length / 12);
    for (let length = step; length < bytes.length - 400; length += step) {
      const { text } = translated(upstream, caller, bytes.slice(0, length));
      await expect(readBySdk(caller, text, true), `after ${length} of ${bytes.length} bytes`).rejects.toThrow();
    }
  });
});

describe.each(UPSTREAMS)("%s", (upstream) => {
  test("a stream cut in two at any byte says the same", () => {
    const bytes = streamedAnswer(upstream, SHORT);
    const read = (cut: number): string => {
      const decoder = CODECS[upstream].decodeStream();
      return JSON.stringify([...decoder.push(bytes.slice(0, cut)), ...decoder.push(bytes.slice(cut)), ...decoder.end()]);
    };
    const whole = read(bytes.length);
    for (let cut = 1; cut < bytes.length; cut += 1) {
      if (read(cut) !== whole) expect.fail(`cut at byte ${cut} the answer is another`);
    }
  });
});

describe("Bedrock's frames", () => {
  const good = (): Uint8Array => streamedAnswer("bedrock", TOLD);
  const exception = bedrockFrame("throttlingException", { message: "slow down" }, "exception");

  test("a damaged frame is an error", async () => {
    const bytes = good();
    bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 0xff;
    await expect(readBySdk("openai-chat", translated("bedrock", "openai-chat", bytes).text, true)).rejects.toThrow();
  });

  test.each(["first", "in the middle", "after the stop"])("an exception %s is an error that tells its kind", async (place) => {
    const all = good();
    const ends = frameEnds(all);
    const at = place === "first" ? 0 : place === "in the middle" ? (ends[3] ?? 0) : (ends.at(-2) ?? 0);
    const { text } = translated("bedrock", "anthropic", concat([all.slice(0, at), exception]));
    expect(text).toContain("rate_limit_error");
    await expect(readBySdk("anthropic", text, true)).rejects.toThrow(/slow down/);
  });
});

function frameEnds(bytes: Uint8Array): readonly number[] {
  const ends: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    at += new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0);
    ends.push(at);
  }
  return ends;
}
