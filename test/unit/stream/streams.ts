import fc from "fast-check";
import { type AnswerFacts, type Operation, UNKNOWN_USAGE } from "../../../src/model/operation.ts";
import { operationOf } from "../../../src/providers/operation-of.ts";

/** A complete stream as a provider sends it, with what it tells. */
export interface SampleStream {
  readonly operation: Operation;
  readonly blocks: readonly string[];
  /** Index of the event that carries nothing but usage; null when there is none. */
  readonly usageOnly: number | null;
  readonly facts: AnswerFacts;
}

const text = fc.string({ unit: "grapheme", maxLength: 20 });
const count = fc.nat(100_000);
/** What stands between events: comments of several kinds, `retry`, a blank line too many. */
const noise = fc.constantFrom("", "", "", ": OPENROUTER PROCESSING", ":", "retry: 100", 'data: {"choices":[{"delta":{"content":"talks of \\"usage\\":{}"}}]}');

function chunkBlock(newline: string, name: string | null, data: string): string {
  return `${name === null ? "" : `event: ${name}${newline}`}data: ${data}${newline}${newline}`;
}

const newlines = fc.constantFrom("\n", "\r\n");

export const chatStream: fc.Arbitrary<SampleStream> = fc
  .record({
    newline: newlines,
    deltas: fc.array(fc.tuple(text, noise), { maxLength: 8 }),
    input: count,
    output: count,
    cached: fc.option(count),
    usage: fc.boolean(),
    spaced: fc.boolean(),
  })
  .map(({ newline, deltas, input, output, cached, usage, spaced }) => {
    const write = (value: unknown) => (spaced ? JSON.stringify(value, null, 1).replace(/\n\s*/g, " ") : JSON.stringify(value));
    const base = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "gpt-5-2026" };
    const blocks: string[] = [];
    for (const [content, between] of deltas) {
      if (between !== "") blocks.push(`${between}${newline}${newline}`);
      blocks.push(chunkBlock(newline, null, write({ ...base, choices: [{ index: 0, delta: { content } }], usage: null })));
    }
    blocks.push(chunkBlock(newline, null, write({ ...base, choices: [{ index: 0, delta: {}, finish_reason: "stop" }], usage: null })));
    const details = cached === null ? {} : { prompt_tokens_details: { cached_tokens: cached } };
    const usageOnly = usage ? blocks.length : null;
    if (usage) blocks.push(chunkBlock(newline, null, write({ ...base, choices: [], usage: { prompt_tokens: input, completion_tokens: output, ...details } })));
    blocks.push(chunkBlock(newline, null, "[DONE]"));
    return {
      operation: operationOf("POST", "/v1/chat/completions"),
      blocks,
      usageOnly,
      facts: {
        usage: usage
          ? { ...UNKNOWN_USAGE, inputTokens: input, outputTokens: output, cacheReadTokens: cached, cacheWriteTokens: null, reasoningTokens: null }
          : null,
        responseModel: base.model,
        responseId: base.id,
        finishReasons: ["stop"],
      },
    };
  });

export const responsesStream: fc.Arbitrary<SampleStream> = fc
  .record({ newline: newlines, deltas: fc.array(text, { maxLength: 8 }), input: count, output: count, reasoning: count, padding: fc.constantFrom(0, 40_000) })
  .map(({ newline, deltas, input, output, reasoning, padding }) => {
    const response = { id: "resp_1", object: "response", status: "in_progress", error: null, model: "gpt-5-2026", output: [] };
    const event = (type: string, rest: object) => chunkBlock(newline, type, JSON.stringify({ type, ...rest }));
    const usage = {
      input_tokens: input,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: output,
      output_tokens_details: { reasoning_tokens: reasoning },
    };
    return {
      operation: operationOf("POST", "/v1/responses"),
      blocks: [
        event("response.created", { response }),
        ...deltas.map((delta) => event("response.output_text.delta", { delta })),
        event("response.completed", { response: { ...response, status: "completed", output: [{ type: "message", text: "x".repeat(padding) }], usage } }),
      ],
      usageOnly: null,
      facts: {
        usage: { ...UNKNOWN_USAGE, inputTokens: input, outputTokens: output, cacheReadTokens: 0, cacheWriteTokens: null, reasoningTokens: reasoning },
        responseModel: response.model,
        responseId: response.id,
        finishReasons: ["completed"],
      },
    };
  });

export const messagesStream: fc.Arbitrary<SampleStream> = fc
  .record({
    newline: newlines,
    deltas: fc.array(fc.tuple(text, fc.boolean()), { maxLength: 8 }),
    input: count,
    read: count,
    write: count,
    output: count,
    length: fc.constantFrom(0, 30_000),
  })
  .map(({ newline, deltas, input, read, write, output, length }) => {
    const event = (type: string, rest: object) => chunkBlock(newline, type, JSON.stringify({ type, ...rest }));
    const usage = { input_tokens: input, cache_creation_input_tokens: write, cache_read_input_tokens: read, output_tokens: 1 };
    return {
      operation: operationOf("POST", "/v1/messages"),
      blocks: [
        event("message_start", { message: { id: "msg_1", type: "message", role: "assistant", model: "claude-x", content: [], stop_reason: null, usage } }),
        ...deltas.flatMap(([delta, ping]) => [
          event("content_block_delta", { index: 0, delta: { type: "text_delta", text: delta } }),
          ...(ping ? [event("ping", {})] : []),
        ]),
        event("content_block_delta", { index: 0, delta: { type: "text_delta", text: "y".repeat(length) } }),
        event("content_block_stop", { index: 0 }),
        event("message_delta", { delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: output } }),
        event("message_stop", {}),
      ],
      usageOnly: null,
      facts: {
        usage: {
          ...UNKNOWN_USAGE,
          inputTokens: input + read + write,
          outputTokens: output,
          cacheReadTokens: read,
          cacheWriteTokens: write,
          reasoningTokens: null,
        },
        responseModel: "claude-x",
        responseId: "msg_1",
        finishReasons: ["end_turn"],
      },
    };
  });
