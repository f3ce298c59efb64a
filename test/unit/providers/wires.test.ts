import { describe, expect, it } from "vitest";
import type { WireError } from "../../../src/model/dialect-wire.ts";
import { type AnswerFacts, UNKNOWN_USAGE } from "../../../src/model/operation.ts";
import { operationOf } from "../../../src/providers/operation-of.ts";
import { wireOf } from "../../../src/providers/wires.ts";

const openai = wireOf("openai");
const anthropic = wireOf("anthropic");
const chat = operationOf("POST", "/v1/chat/completions");
const responses = operationOf("POST", "/v1/responses");
const embeddings = operationOf("POST", "/v1/embeddings");
const messages = operationOf("POST", "/v1/messages");
const error = (status: number): WireError => ({ status, code: "region_locked", message: 'no "quotes" harm', requestId: "req-1" });
const UNKNOWN = UNKNOWN_USAGE;

describe("error bodies", () => {
  it.each([
    [400, "invalid_request_error"],
    [401, "authentication_error"],
    [403, "permission_error"],
    [404, "not_found_error"],
    [413, "invalid_request_error"],
    [429, "rate_limit_error"],
    [500, "server_error"],
    [502, "server_error"],
    [503, "overloaded_error"],
    [504, "timeout_error"],
  ])("openai %i is %s", (status, type) => {
    expect(JSON.parse(openai.errorBody(error(status)))).toEqual({ error: { message: 'no "quotes" harm', type, param: null, code: "region_locked" } });
  });

  it.each([
    [400, "invalid_request_error"],
    [401, "authentication_error"],
    [403, "permission_error"],
    [404, "not_found_error"],
    [413, "request_too_large"],
    [429, "rate_limit_error"],
    [500, "api_error"],
    [502, "api_error"],
    [503, "overloaded_error"],
    [504, "timeout_error"],
  ])("anthropic %i is %s", (status, type) => {
    expect(JSON.parse(anthropic.errorBody(error(status)))).toEqual({ type: "error", error: { type, message: 'no "quotes" harm' }, request_id: "req-1" });
  });
});

describe("usage of whole answers", () => {
  it("openai chat", () => {
    const answer = {
      id: "c1",
      model: "gpt",
      choices: [{ finish_reason: "stop" }, { finish_reason: "length" }, { finish_reason: null }],
      usage: {
        prompt_tokens: 10,
        completion_tokens: 5,
        total_tokens: 15,
        prompt_tokens_details: { cached_tokens: 4 },
        completion_tokens_details: { reasoning_tokens: 2 },
      },
    };
    expect(openai.readAnswer(answer, chat)).toEqual({
      usage: { ...UNKNOWN_USAGE, inputTokens: 10, outputTokens: 5, cacheReadTokens: 4, cacheWriteTokens: null, reasoningTokens: 2 },
      responseModel: "gpt",
      responseId: "c1",
      finishReasons: ["stop", "length"],
    });
  });

  it("openai responses", () => {
    const usage = {
      input_tokens: 7,
      input_tokens_details: { cached_tokens: 1, cache_write_tokens: 3 },
      output_tokens: 9,
      output_tokens_details: { reasoning_tokens: 8 },
    };
    expect(openai.readAnswer({ id: "r1", model: "gpt", status: "incomplete", incomplete_details: { reason: "max_output_tokens" }, usage }, responses)).toEqual({
      usage: { ...UNKNOWN_USAGE, inputTokens: 7, outputTokens: 9, cacheReadTokens: 1, cacheWriteTokens: 3, reasoningTokens: 8 },
      responseModel: "gpt",
      responseId: "r1",
      finishReasons: ["max_output_tokens"],
    });
  });

  it("openai embeddings have no output", () => {
    expect(openai.readAnswer({ object: "list", model: "e", usage: { prompt_tokens: 3, total_tokens: 3 } }, embeddings)?.usage).toEqual({
      ...UNKNOWN,
      inputTokens: 3,
    });
  });

  it("anthropic adds the cache to the input", () => {
    const usage = {
      input_tokens: 1,
      cache_read_input_tokens: 20,
      cache_creation_input_tokens: 300,
      output_tokens: 4,
      output_tokens_details: { thinking_tokens: 2 },
    };
    expect(anthropic.readAnswer({ id: "m1", model: "claude", stop_reason: "end_turn", usage }, messages)).toEqual({
      usage: { ...UNKNOWN_USAGE, inputTokens: 321, outputTokens: 4, cacheReadTokens: 20, cacheWriteTokens: 300, reasoningTokens: 2 },
      responseModel: "claude",
      responseId: "m1",
      finishReasons: ["end_turn"],
    });
    expect(anthropic.readAnswer({ input_tokens: 99 }, operationOf("POST", "/v1/messages/count_tokens"))).toBeNull();
  });

  it("leaves unknown what is missing or no count", () => {
    for (const value of [null, 1, "x", [], {}, { usage: null }, { usage: [] }]) {
      expect(openai.readAnswer(value, chat)).toBeNull();
      expect(anthropic.readAnswer(value, messages)).toBeNull();
    }
    expect(openai.readAnswer({ usage: { prompt_tokens: "5", completion_tokens: -1, total_tokens: 1.5 } }, chat)?.usage).toEqual(UNKNOWN);
    expect(anthropic.readAnswer({ usage: { cache_read_input_tokens: 5, output_tokens: Number.MAX_VALUE } }, messages)?.usage).toEqual({
      ...UNKNOWN,
      cacheReadTokens: 5,
    });
  });
});

describe("usage of streams", () => {
  const fold = (events: readonly object[]): AnswerFacts | null =>
    events.reduce<AnswerFacts | null>((known, event) => anthropic.readEvent(event, known, messages), null);
  const start = {
    type: "message_start",
    message: { id: "m1", model: "claude", usage: { input_tokens: 10, cache_read_input_tokens: 5, cache_creation_input_tokens: 1, output_tokens: 1 } },
  };

  it("anthropic deltas are cumulative: set, never added", () => {
    const facts = fold([
      start,
      { type: "message_delta", delta: { stop_reason: null }, usage: { output_tokens: 7 } },
      { type: "ping" },
      { type: "message_delta", delta: { stop_reason: "tool_use" }, usage: { output_tokens: 12 } },
    ]);
    expect(facts).toEqual({
      usage: { ...UNKNOWN_USAGE, inputTokens: 16, outputTokens: 12, cacheReadTokens: 5, cacheWriteTokens: 1, reasoningTokens: null },
      responseModel: "claude",
      responseId: "m1",
      finishReasons: ["tool_use"],
    });
  });

  it("anthropic's newer deltas repeat the input, with or without the cache", () => {
    const delta = (usage: object) => ({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage });
    expect(fold([start, delta({ input_tokens: 40, cache_read_input_tokens: 5, cache_creation_input_tokens: 1, output_tokens: 2 })])?.usage?.inputTokens).toBe(
      46,
    );
    expect(fold([start, delta({ input_tokens: 10, output_tokens: 2 })])?.usage?.inputTokens).toBe(16);
    expect(fold([delta({ output_tokens: 2 })])?.usage).toEqual({ ...UNKNOWN, outputTokens: 2 });
  });

  it("openai responses take everything from the closing event", () => {
    const created = openai.readEvent({ type: "response.created", response: { id: "r1", model: "gpt", status: "in_progress", usage: null } }, null, responses);
    expect(created).toEqual({ usage: null, responseModel: "gpt", responseId: "r1", finishReasons: [] });
    const done = openai.readEvent(
      { type: "response.completed", response: { id: "r1", model: "gpt", status: "completed", usage: { input_tokens: 1, output_tokens: 2 } } },
      created,
      responses,
    );
    expect(done?.finishReasons).toEqual(["completed"]);
    expect(done?.usage).toEqual({ ...UNKNOWN, inputTokens: 1, outputTokens: 2 });
  });
});

describe("events", () => {
  it("know the end of each API", () => {
    expect(openai.isEndEvent(null, "[DONE]", chat)).toBe(true);
    expect(openai.isEndEvent(null, '{"choices":[{"finish_reason":"stop"}]}', chat)).toBe(false);
    for (const type of ["response.completed", "response.incomplete", "response.failed"]) {
      expect(openai.isEndEvent(type, "{}", responses)).toBe(true);
      expect(openai.isEndEvent(null, `{"type":"${type}"}`, responses)).toBe(true);
      expect(openai.isEndEvent(null, `{"x":{},"type":"${type}"}`, responses)).toBe(true);
    }
    expect(openai.isEndEvent(null, '{"type":"response.output_text.delta","delta":"response.completed"}', responses)).toBe(false);
    expect(openai.isEndEvent(null, "[DONE]", responses)).toBe(false);
    expect(anthropic.isEndEvent("message_stop", "{}", messages)).toBe(true);
    expect(anthropic.isEndEvent("message_delta", '{"text":"message_stop"}', messages)).toBe(false);
  });

  it("know the event that carries nothing but usage", () => {
    expect(openai.isUsageOnlyEvent('{"choices": [ ], "usage": {"prompt_tokens":1,"completion_tokens":2}}')).toBe(true);
    for (const data of [
      '{"choices":[{"delta":{}}],"usage":{"prompt_tokens":1}}',
      '{"choices":[],"usage":null}',
      '{"choices":[],"usage":{}}',
      '{"usage":{"prompt_tokens":1}}',
      '{"choices":[]',
      "[DONE]",
    ]) {
      expect(openai.isUsageOnlyEvent(data)).toBe(false);
    }
    expect(anthropic.isUsageOnlyEvent('{"choices":[],"usage":{"prompt_tokens":1}}')).toBe(false);
  });
});
