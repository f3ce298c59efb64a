import { describe, expect, it } from "vitest";
import { spokenBytes } from "../../../src/stream/spoken-bytes.ts";
import { createStreamEnds } from "../../../src/stream/stream-ends.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function spoken(...events: readonly string[]): number {
  const ends = createStreamEnds();
  for (const event of events) ends.push(bytes(event));
  return spokenBytes(ends);
}

const chat = (delta: object) => `data: ${JSON.stringify({ id: "x", object: "chat.completion.chunk", model: "gpt", choices: [{ index: 0, delta }] })}\n\n`;

describe("what a stream has said", () => {
  it.each([
    ["chat text", [chat({ content: "12345" }), chat({ content: "67890" })], 10],
    ["chat thoughts", [chat({ reasoning_content: "1234" })], 4],
    ["arguments of a tool", [chat({ tool_calls: [{ index: 0, function: { arguments: '{"a":1}' } }] })], 7],
    ["Anthropic's text", ['event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"12345"}}\n\n'], 5],
    ["Anthropic's arguments", ['data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\\"a\\""}}\n\n'], 4],
    [
      "a response, once",
      ['data: {"type":"response.output_text.delta","delta":"12345"}\n\n', 'data: {"type":"response.output_text.done","text":"12345"}\n\n'],
      5,
    ],
    ["nothing", [], 0],
    ["no event", [": comment\n\n", "data: [DONE]\n\n", "data: {broken\n\n"], 0],
  ])("%s", (_what, events, expected) => {
    expect(spoken(...events)).toBe(expected);
  });

  it("of a long stream is reckoned from its latest part", () => {
    const events = Array.from({ length: 2_000 }, () => chat({ content: "0123456789" }));
    expect(spoken(...events)).toBeGreaterThan(19_000);
    expect(spoken(...events)).toBeLessThan(21_000);
  });
});
