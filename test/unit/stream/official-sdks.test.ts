import Anthropic, { APIError as AnthropicError } from "@anthropic-ai/sdk";
import OpenAI, { APIError as OpenAIError } from "openai";
import { describe, expect, it } from "vitest";
import { toBytes } from "../../../src/lib/utf8.ts";
import { operationOf } from "../../../src/providers/operation-of.ts";
import { wireOf } from "../../../src/providers/wires.ts";
import { createTap } from "../../../src/stream/tap.ts";

/** What the caller receives when the upstream breaks off after these bytes. */
function brokenStream(path: string, sent: string): Response {
  const operation = operationOf("POST", path);
  const tap = createTap(wireOf(operation.dialect ?? "openai"), operation, {
    streaming: true,
    status: 200,
    hideUsageOnlyEvent: false,
    contentEncoding: null,
    error: (message) => ({ status: 502, code: "upstream_unavailable", message, requestId: "req-1" }),
  });
  const passed = tap.chunk(toBytes(sent)) ?? new Uint8Array(0);
  const last = tap.fail("The destination broke off.") ?? new Uint8Array(0);
  return new Response(Buffer.concat([passed, last]), { headers: { "content-type": "text/event-stream", "x-request-id": "req-1", "request-id": "req-1" } });
}

function refused(dialect: "openai" | "anthropic", status: number): Response {
  const body = wireOf(dialect).errorBody({ status, code: "region_locked", message: "Not there.", requestId: "req-1" });
  return new Response(body, { status, headers: { "content-type": "application/json" } });
}

const openai = (answer: () => Response) => new OpenAI({ apiKey: "k", baseURL: "http://broker/v1", maxRetries: 0, fetch: () => Promise.resolve(answer()) });
const anthropic = (answer: () => Response) => new Anthropic({ apiKey: "k", baseURL: "http://broker", maxRetries: 0, fetch: () => Promise.resolve(answer()) });

async function drain(stream: PromiseLike<AsyncIterable<unknown>>): Promise<{ events: number; error: unknown }> {
  let events = 0;
  try {
    for await (const _ of await stream) events += 1;
    return { events, error: null };
  } catch (error) {
    return { events, error };
  }
}

const CHUNK = 'data: {"id":"c","choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n';
const DELTA = 'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"hi","sequence_number":1}\n\n';
const BLOCK = 'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}\n\n';

describe("a stream that breaks off, as the official SDKs see it", () => {
  // Torn at every byte of the second event: never a syntax error, never a clean end.
  it("openai chat completions", async () => {
    for (let at = 0; at < CHUNK.length; at += 1) {
      const client = openai(() => brokenStream("/v1/chat/completions", CHUNK + CHUNK.slice(0, at)));
      const { events, error } = await drain(client.chat.completions.create({ model: "m", messages: [], stream: true }));
      expect(events).toBe(1);
      expect(error).toBeInstanceOf(OpenAIError);
      expect(error).toMatchObject({ code: "upstream_unavailable", message: "The destination broke off." });
    }
  });

  it("openai responses", async () => {
    for (let at = 0; at < DELTA.length; at += 1) {
      const client = openai(() => brokenStream("/v1/responses", DELTA + DELTA.slice(0, at)));
      const { events, error } = await drain(client.responses.create({ model: "m", input: "x", stream: true }));
      expect(events).toBe(1);
      expect(error).toBeInstanceOf(OpenAIError);
      expect(error).toMatchObject({ code: "upstream_unavailable", message: "The destination broke off." });
    }
  });

  it("anthropic messages", async () => {
    for (let at = 0; at < BLOCK.length; at += 1) {
      const client = anthropic(() => brokenStream("/v1/messages", BLOCK + BLOCK.slice(0, at)));
      const { events, error } = await drain(client.messages.create({ model: "m", max_tokens: 1, messages: [], stream: true }));
      expect(events).toBe(1);
      expect(error).toBeInstanceOf(AnthropicError);
      expect(error).toMatchObject({ type: "api_error", apiMessage: "The destination broke off." });
    }
  });
});

describe("a refusal, as the official SDKs see it", () => {
  it("openai", async () => {
    const error = await openai(() => refused("openai", 403))
      .chat.completions.create({ model: "m", messages: [] })
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OpenAI.PermissionDeniedError);
    expect(error).toMatchObject({ status: 403, code: "region_locked", type: "permission_error", message: "403 Not there." });
  });

  it("anthropic", async () => {
    const error = await anthropic(() => refused("anthropic", 403))
      .messages.create({ model: "m", max_tokens: 1, messages: [] })
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Anthropic.PermissionDeniedError);
    expect(error).toMatchObject({ status: 403, type: "permission_error", apiMessage: "Not there." });
  });
});
