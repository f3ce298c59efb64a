import { describe, expect, it } from "vitest";
import { toBytes } from "../../../src/lib/utf8.ts";
import { wireOf } from "../../../src/providers/wires.ts";
import { judgeFirstEvent } from "../../../src/stream/first-event.ts";

const openai = wireOf("openai");
const anthropic = wireOf("anthropic");

describe("judgeFirstEvent", () => {
  it.each([
    [openai, 'data: {"error":{"message":"overloaded"}}\n\n', "error"],
    [openai, ': hello\n\ndata: {"error":"overloaded"}\r\n\r\n', "error"],
    [openai, 'event: error\ndata: {"type":"error","code":"x"}\n\n', "error"],
    [openai, 'data: {"type":"error","message":"x"}\n\n', "error"],
    [openai, 'event: response.failed\ndata: {"type":"response.failed"}\n\n', "error"],
    [openai, 'data: {"choices":[],"error":null}\n\n', "good"],
    [openai, 'data: {"choices":[{"delta":{"content":"\\"error\\""}}]}\n\n', "good"],
    [openai, 'event: response.created\ndata: {"type":"response.created","response":{"error":null}}\n\n', "good"],
    [openai, "data: [DONE]\n\n", "good"],
    [openai, "data: not json\n\n", "good"],
    [anthropic, 'event: ping\ndata: {"type":"ping"}\n\nevent: error\ndata: {"type":"error"}\n\n', "error"],
    [anthropic, 'event: message_start\ndata: {"type":"message_start"}\n\n', "good"],
    [anthropic, 'data: {"type":"error"}\n\n', "error"],
  ] as const)("$1", (wire, text, verdict) => {
    expect(judgeFirstEvent(wire, toBytes(text))).toBe(verdict);
  });

  it("waits for a whole event, through comments and pings, but not for ever", () => {
    for (const text of ["", ": c\n\n", 'data: {"error":1}\n', 'event: ping\ndata: {"type":"ping"}\n\n'])
      expect(judgeFirstEvent(anthropic, toBytes(text))).toBe("more");
    expect(judgeFirstEvent(openai, new Uint8Array(64 * 1024).fill(0x78))).toBe("good");
  });
});
