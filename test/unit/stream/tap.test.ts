import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readEvent, splitBlocks } from "../../../src/lib/sse.ts";
import { toBytes, toText } from "../../../src/lib/utf8.ts";
import { type Operation, UNKNOWN_USAGE } from "../../../src/model/operation.ts";
import { operationOf } from "../../../src/providers/operation-of.ts";
import { wireOf } from "../../../src/providers/wires.ts";
import { createTap, type Tap, type TapOptions } from "../../../src/stream/tap.ts";
import { cut } from "../lib/cut.ts";
import { chatStream, messagesStream, responsesStream, type SampleStream } from "./streams.ts";

const DEFAULTS: TapOptions = {
  streaming: true,
  status: 200,
  hideUsageOnlyEvent: false,
  contentEncoding: null,
  error: (message) => ({ status: 502, code: "upstream_unavailable", message, requestId: "req-1" }),
};

function tapFor(operation: Operation, options: Partial<TapOptions> = {}): Tap {
  return createTap(operation.dialect === null ? null : wireOf(operation.dialect), operation, { ...DEFAULTS, ...options });
}

function run(tap: Tap, chunks: readonly Uint8Array[]) {
  const out: Uint8Array[] = [];
  for (const chunk of chunks) {
    const passed = tap.chunk(chunk);
    if (passed !== null) out.push(passed);
  }
  const end = tap.end();
  if (end.bytes !== null) out.push(end.bytes);
  return { text: Buffer.concat(out).toString("utf8"), complete: end.complete, facts: tap.facts() };
}

/** `name data` of every event that a reader gets. */
function eventsOf(text: string): string[] {
  return splitBlocks(toBytes(text))
    .map(readEvent)
    .flatMap(({ name, data }) => (data === null ? [] : [`${name} ${data}`]));
}

const places = fc.oneof({ weight: 4, arbitrary: fc.array(fc.nat(60_000), { maxLength: 12 }) }, { weight: 1, arbitrary: fc.constant("every" as const) });
const everyStream: fc.Arbitrary<SampleStream> = fc.oneof(chatStream, responsesStream, messagesStream);

describe("tap of a stream", () => {
  it("law: cut anywhere, the bytes are the same and so are the facts", () => {
    fc.assert(
      fc.property(everyStream, places, (sample, at) => {
        const bytes = toBytes(sample.blocks.join(""));
        const result = run(tapFor(sample.operation), cut(bytes, at === "every" ? [...bytes.keys()] : at));
        expect(result).toEqual({ text: sample.blocks.join(""), complete: true, facts: sample.facts });
      }),
      { numRuns: 150 },
    );
  });

  it("law: cut anywhere, hiding takes away exactly the usage event and still reads it", () => {
    fc.assert(
      fc.property(chatStream, places, (sample, at) => {
        const bytes = toBytes(sample.blocks.join(""));
        const result = run(tapFor(sample.operation, { hideUsageOnlyEvent: true }), cut(bytes, at === "every" ? [...bytes.keys()] : at));
        const text = sample.blocks.filter((_, index) => index !== sample.usageOnly).join("");
        expect(result).toEqual({ text, complete: true, facts: sample.facts });
      }),
      { numRuns: 150 },
    );
  });

  it("law: broken off anywhere, the caller has whole events only, and then the dialect's error", () => {
    fc.assert(
      fc.property(everyStream, fc.nat(5000), fc.boolean(), (sample, at, clean) => {
        const bytes = toBytes(sample.blocks.join(""));
        const tap = tapFor(sample.operation);
        const length = at % bytes.length;
        const passed = tap.chunk(bytes.slice(0, length));
        let text = passed === null ? "" : toText(passed);
        const endMarker = sample.blocks.at(-1) ?? "";
        const delivered = sample.blocks.join("").length - endMarker.length;
        if (clean) {
          const end = tap.end();
          text += end.bytes === null ? "" : toText(end.bytes);
          // Only a cut in the blank line of the end marker leaves an end that SDKs still accept.
          if (end.complete) {
            expect(toText(bytes.slice(0, length)).length).toBeGreaterThan(delivered);
            return;
          }
        }
        text += toText(tap.fail("it broke") ?? new Uint8Array(0));
        const events = eventsOf(text);
        const whole = eventsOf(sample.blocks.join(""));
        expect(events.slice(0, -1)).toEqual(whole.slice(0, events.length - 1));
        expect(events.at(-1)).toMatch(/^error \{.*it broke/);
        expect(text.includes("[DONE]") || text.includes('"message_stop"') || text.includes('"response.completed"')).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it("passes a chunk that ends with its event as the same array", () => {
    const tap = tapFor(operationOf("POST", "/v1/messages"));
    const chunk = toBytes("event: ping\ndata: {}\n\n");
    expect(tap.chunk(chunk)).toBe(chunk);
    const hiding = tapFor(operationOf("POST", "/v1/chat/completions"), { hideUsageOnlyEvent: true });
    const delta = toBytes('data: {"choices":[{"delta":{}}],"usage":null}\n\n');
    expect(hiding.chunk(delta)).toBe(delta);
  });

  it("keeps Azure's first chunk, which has no choice either", () => {
    const tap = tapFor(operationOf("POST", "/v1/chat/completions"), { hideUsageOnlyEvent: true });
    const chunk = toBytes('data: {"choices":[],"prompt_filter_results":[{"usage":{"x":1}}],"usage":null}\n\n');
    expect(tap.chunk(chunk)).toBe(chunk);
  });

  it("takes an end marker without its blank line for the end", () => {
    const tap = tapFor(operationOf("POST", "/v1/chat/completions"));
    expect(run(tap, [toBytes('data: {"id":"1"}\n\ndata: [DONE]')])).toMatchObject({ text: 'data: {"id":"1"}\n\ndata: [DONE]', complete: true });
  });

  it("sends no error after the end marker, nor after the upstream's own error", () => {
    const done = tapFor(operationOf("POST", "/v1/chat/completions"));
    done.chunk(toBytes("data: [DONE]\n\n"));
    expect(done.fail("reset")).toHaveLength(0);
    const told = tapFor(operationOf("POST", "/v1/messages"));
    told.chunk(toBytes('event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n'));
    expect(told.end().complete).toBe(false);
    expect(told.fail("truncated")).toHaveLength(0);
    const torn = tapFor(operationOf("POST", "/v1/messages"));
    torn.chunk(toBytes('event: error\ndata: {"type":"err'));
    expect(torn.end()).toEqual({ bytes: null, complete: false });
    expect(torn.fail("truncated")).not.toHaveLength(0);
  });

  it("reads usage from an event that is too large to be parsed", () => {
    const tap = tapFor(operationOf("POST", "/v1/responses"));
    const response = { output: '"usage":{'.repeat(60_000), usage: { input_tokens: 3, output_tokens: 4 } };
    const completed = `event: response.completed\ndata: ${JSON.stringify({ type: "response.completed", response })}\n\n`;
    const result = run(tap, cut(toBytes(completed), [1000, 70_000, 300_000]));
    expect(result.complete).toBe(true);
    expect(result.text).toBe(completed);
    expect(result.facts?.usage).toMatchObject({ ...UNKNOWN_USAGE, inputTokens: 3, outputTokens: 4 });
  });

  it("lets an endless event pass, unjudged, and still ends it with an error that can be read (T18)", () => {
    const tap = tapFor(operationOf("POST", "/v1/chat/completions"), { hideUsageOnlyEvent: true });
    const piece = new Uint8Array(4096).fill(0x78);
    let held = 0;
    let out = 0;
    for (let index = 0; index < 2048; index += 1) {
      out += tap.chunk(piece)?.length ?? 0;
      held = Math.max(held, (index + 1) * 4096 - out);
    }
    expect(held).toBeLessThanOrEqual(1024 * 1024);
    expect(out).toBe(2048 * 4096);
    expect(toText(tap.fail("broke") ?? new Uint8Array(0))).toMatch(/^\n\nevent: error\n/);
    expect(tap.facts()).toBeNull();
    expect(tap.end()).toEqual({ bytes: null, complete: true });
  });

  it("judges no stream of an operation without end marker, of no success, or of an unknown API", () => {
    const bytes = toBytes("data: {}\n\ndata: half");
    for (const tap of [
      tapFor(operationOf("POST", "/v1/embeddings")),
      tapFor(operationOf("POST", "/v1/messages"), { status: 500 }),
      tapFor(operationOf("GET", "/events")),
    ]) {
      expect(run(tap, [bytes])).toEqual({ text: toText(bytes), complete: true, facts: null });
    }
  });

  it("leaves compressed streams alone and puts no plain text into them", () => {
    const tap = tapFor(operationOf("POST", "/v1/chat/completions"), { contentEncoding: "gzip", hideUsageOnlyEvent: true });
    const chunk = Uint8Array.of(0x1f, 0x8b, 8);
    expect(tap.chunk(chunk)).toBe(chunk);
    expect(tap.fail("broke")).toBeNull();
    expect(tap.end()).toEqual({ bytes: null, complete: true });
    expect(tap.facts()).toBeNull();
  });
});

describe("tap of a JSON answer", () => {
  const answer = { id: "a", model: "m", choices: [{ finish_reason: "stop" }], usage: { prompt_tokens: 1, completion_tokens: 2 } };
  const chat = operationOf("POST", "/v1/chat/completions");

  it("law: cut anywhere, the bytes are the same and the facts are read", () => {
    fc.assert(
      fc.property(places, fc.constantFrom(0, 1000, 300_000, 6_000_000), (at, padding) => {
        const bytes = toBytes(JSON.stringify({ padding: "p".repeat(at === "every" ? Math.min(padding, 1000) : padding), ...answer }));
        const tap = tapFor(chat, { streaming: false });
        let out = 0;
        for (const chunk of cut(bytes, at === "every" ? [...bytes.keys()] : at)) {
          expect(tap.chunk(chunk)).toBe(chunk);
          out += chunk.length;
        }
        expect(tap.end()).toEqual({ bytes: null, complete: true });
        expect(out).toBe(bytes.length);
        expect(tap.facts()?.usage).toEqual({
          ...UNKNOWN_USAGE,
          inputTokens: 1,
          outputTokens: 2,
          cacheReadTokens: null,
          cacheWriteTokens: null,
          reasoningTokens: null,
        });
        if (bytes.length < 200_000) expect(tap.facts()).toMatchObject({ responseModel: "m", responseId: "a", finishReasons: ["stop"] });
      }),
      { numRuns: 40 },
    );
  });

  it("knows nothing of an answer that is broken or no success, and adds nothing to it", () => {
    const broken = tapFor(chat, { streaming: false });
    broken.chunk(toBytes('{"usage":{"prompt_tok'));
    expect(broken.fail("broke")).toBeNull();
    expect(broken.facts()).toBeNull();
    const failed = tapFor(chat, { streaming: false, status: 400 });
    failed.chunk(toBytes(JSON.stringify(answer)));
    expect(failed.facts()).toBeNull();
  });
});
