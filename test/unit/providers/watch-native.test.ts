import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AnswerFacts } from "../../../src/model/operation.ts";
import { watchNative } from "../../../src/providers/native/watch-native.ts";
import { operationOf } from "../../../src/providers/operation-of.ts";
import { createWatchingTap } from "../../../src/stream/watching-tap.ts";
import { bedrockFrame, concat, streamedAnswer, type Told, wholeAnswer } from "../../fakes/wire-answers.ts";

const encoder = new TextEncoder();
const told = (usage: Told["usage"], text = 'It says "usage": {"inputTokens": 999999} and "usageMetadata": {"promptTokenCount": 7}.'): Told => ({
  thought: null,
  text,
  calls: [],
  usage,
  ends: "stop",
});
const counts = fc
  .record({ input: fc.nat(100_000), cached: fc.nat(100_000), output: fc.integer({ min: 10, max: 100_000 }) })
  .map(({ input, cached, output }) => ({
    input: input + cached,
    cached,
    output,
  }));
const json = (value: unknown) => encoder.encode(JSON.stringify(value));

/** An answer through the tap, in pieces of these lengths: what comes out, and what was read. */
function watch(
  path: string,
  answer: Uint8Array,
  cuts: readonly number[],
): { readonly out: Uint8Array; readonly facts: AnswerFacts | null; readonly spoken: number | null } {
  const watched = watchNative(operationOf("POST", path), path);
  if (watched === null) throw new Error(`nobody watches ${path}`);
  const tap = createWatchingTap(watched);
  const out: Uint8Array[] = [];
  let at = 0;
  for (const cut of [...cuts, answer.length]) {
    const piece = answer.subarray(at, Math.min(answer.length, at + cut));
    at += piece.length;
    const passed = piece.length === 0 ? null : tap.chunk(piece);
    if (passed !== null) out.push(passed);
  }
  const end = tap.end();
  expect(end).toEqual({ bytes: null, complete: true });
  return { out: concat(out), facts: tap.facts(), spoken: tap.spokenBytes() };
}

/** Claude's stream as InvokeModel says it: each event in base64, in a frame. */
function invoked(answer: Told, metrics: object | null = null): Uint8Array {
  const events = new TextDecoder()
    .decode(streamedAnswer("anthropic", answer))
    .split("\r\n\r\n")
    .flatMap((event) => /^data: (.*)$/m.exec(event)?.[1] ?? []);
  const frames = events.map((event, index) => {
    const more =
      index === events.length - 1 && metrics !== null ? { ...(JSON.parse(event) as object), "amazon-bedrock-invocationMetrics": metrics } : JSON.parse(event);
    return bedrockFrame("chunk", { bytes: Buffer.from(JSON.stringify(more)).toString("base64") });
  });
  return concat(frames);
}

const ANSWERS: readonly (readonly [string, string, (answer: Told) => Uint8Array])[] = [
  ["Converse", "/model/amazon.nova-pro-v1%3A0/converse", (answer) => json(wholeAnswer("bedrock", answer))],
  ["ConverseStream", "/model/amazon.nova-pro-v1%3A0/converse-stream", (answer) => streamedAnswer("bedrock", answer)],
  ["generateContent", "/v1beta/models/gemini-2.5-pro:generateContent", (answer) => json(wholeAnswer("gemini", answer))],
  ["streamGenerateContent, as events", "/v1beta/models/gemini-2.5-pro:streamGenerateContent", (answer) => streamedAnswer("gemini", answer)],
  [
    "streamGenerateContent, as an array",
    "/v1beta/models/gemini-2.5-pro:streamGenerateContent",
    (answer) => json([{ candidates: [], usageMetadata: { promptTokenCount: 3 } }, wholeAnswer("gemini", answer)]),
  ],
  ["rawPredict of Claude", "/v1/projects/p/locations/l/publishers/anthropic/models/c:rawPredict", (answer) => json(wholeAnswer("anthropic", answer))],
  ["streamRawPredict of Claude", "/v1/projects/p/locations/l/publishers/anthropic/models/c:streamRawPredict", (answer) => streamedAnswer("anthropic", answer)],
  [
    "rawPredict of an API like OpenAI's",
    "/v1/projects/p/locations/l/publishers/mistralai/models/m:rawPredict",
    (answer) => json(wholeAnswer("openai-chat", answer)),
  ],
  ["InvokeModel of Claude", "/model/anthropic.claude-v1%3A0/invoke", (answer) => json(wholeAnswer("anthropic", answer))],
  ["InvokeModelWithResponseStream of Claude", "/model/anthropic.claude-v1%3A0/invoke-with-response-stream", (answer) => invoked(answer)],
];

describe("usage of APIs that pass untouched", () => {
  it.each(ANSWERS)("%s: read as it was told, and no byte is changed or held back, however it is cut", (_name, path, answerOf) => {
    fc.assert(
      fc.property(counts, fc.array(fc.integer({ min: 200, max: 4_000 }), { maxLength: 12 }), (usage, cuts) => {
        const answer = answerOf(told(usage));
        // The first piece has the opening event, as a destination sends it.
        const { out, facts } = watch(path, answer, [2_000, ...cuts]);
        expect(Buffer.compare(out, answer)).toBe(0);
        expect(facts?.usage).toMatchObject({ inputTokens: usage.input, outputTokens: usage.output, cacheReadTokens: usage.cached });
        expect(facts?.finishReasons).toHaveLength(1);
      }),
      { numRuns: 40 },
    );
  });

  it("is read at the end of a long answer", () => {
    const long = told({ input: 5_000, cached: 1_000, output: 60_000 }, "word ".repeat(5_000));
    for (const [, path, answerOf] of ANSWERS) {
      expect(watch(path, answerOf(long), new Array<number>(200).fill(5_000)).facts?.usage).toMatchObject({ inputTokens: 5_000, outputTokens: 60_000 });
    }
  });

  it("is Bedrock's own count where a model's stream tells none", () => {
    const frames = [
      { generation: "Hello" },
      {
        generation: "",
        "amazon-bedrock-invocationMetrics": { inputTokenCount: 10, outputTokenCount: 4, cacheReadInputTokenCount: 6, invocationLatency: 5 },
      },
    ].map((event) => bedrockFrame("chunk", { bytes: Buffer.from(JSON.stringify(event)).toString("base64") }));
    const { facts } = watch("/model/meta.llama3-1-8b-instruct-v1%3A0/invoke-with-response-stream", concat(frames), []);
    expect(facts?.usage).toMatchObject({ inputTokens: 16, outputTokens: 4, cacheReadTokens: 6, cacheWriteTokens: null });
  });

  it("is Llama's own count, beside its text", () => {
    const answer = json({ generation: "Hello", prompt_token_count: 12, generation_token_count: 3, stop_reason: "stop" });
    expect(watch("/model/meta.llama3-1-8b-instruct-v1%3A0/invoke", answer, []).facts).toMatchObject({
      usage: { inputTokens: 12, outputTokens: 3 },
      finishReasons: ["stop"],
    });
  });

  it("reads the tier that Bedrock tells beside it", () => {
    const answer = json({ ...(wholeAnswer("bedrock", told({ input: 3, cached: 0, output: 1 })) as object), serviceTier: { type: "flex" } });
    expect(watch("/model/amazon.nova-pro-v1%3A0/converse", answer, []).facts?.usage?.serviceTier).toBe("flex");
  });

  it("is unknown where nothing is told, and then about as much was said as was sent", () => {
    const answer = json({ output: { message: { content: [{ text: "x".repeat(500) }] } } });
    const { facts, spoken } = watch("/model/amazon.nova-pro-v1%3A0/converse", answer, [100, 100]);
    expect(facts).toBeNull();
    expect(spoken).toBe(500);
  });

  it("is never thrown about, whatever bytes come", () => {
    fc.assert(
      fc.property(fc.constantFrom(...ANSWERS), fc.uint8Array({ maxLength: 3_000 }), fc.nat(3_000), (one, noise, cut) => {
        const [, path, answerOf] = one;
        const answer = concat([answerOf(told({ input: 1, cached: 0, output: 1 })).subarray(0, cut), noise]);
        expect(() => watch(path, answer, [cut, 100])).not.toThrow();
      }),
      { numRuns: 200 },
    );
  });

  it("is not looked for where no tokens are used, nor in an API that the broker speaks", () => {
    for (const path of ["/v1beta/models/gemini-2.5-pro:countTokens", "/v1/chat/completions", "/anything"]) {
      expect(watchNative(operationOf("POST", path), path)).toBeNull();
    }
  });
});
