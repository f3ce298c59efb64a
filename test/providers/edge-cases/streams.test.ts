import { describe, expect, test } from "vitest";
import type { PivotEvent } from "../../../src/providers/pivot/answer.ts";
import { chunk, content, data, meant, messageEvents, named, streamed } from "./codecs.ts";

/** Framing of streams: what servers make of SSE, and what a broker must not fall over. */

const text = (events: readonly PivotEvent[]): string => events.flatMap((event) => (event.kind === "text" ? [event.text] : [])).join("");
const ends = (events: readonly PivotEvent[]): string | undefined => events.at(-1)?.kind;
const errors = (events: readonly PivotEvent[]): readonly string[] => events.flatMap((event) => (event.kind === "error" ? [event.error.message] : []));

const HELLO = {
  "openai-chat": [
    chunk({ role: "assistant", content: "" }),
    chunk({ content: "Grüße " }),
    chunk({ content: "🙂" }),
    chunk({}, "stop"),
    "data: [DONE]\n\n",
  ].join(""),
  anthropic: messageEvents([
    {
      start: { type: "text", text: "" },
      deltas: [
        { type: "text_delta", text: "Grüße " },
        { type: "text_delta", text: "🙂" },
      ],
    },
  ]),
  gemini: [content([{ text: "Grüße " }]), content([{ text: "🙂" }], "STOP")].map(data).join(""),
} as const;
type Sse = keyof typeof HELLO;
// `as`: the keys of a const object are its own.
const SSE = Object.keys(HELLO) as Sse[];

/** The same JSON over several lines: each line a `data` field of its own. */
function overLines(stream: string): string {
  return stream.replace(/^data: (\{.*\})$/gm, (_, json: string) =>
    JSON.stringify(JSON.parse(json), null, 1)
      .split("\n")
      .map((line) => `data: ${line}`)
      .join("\n"),
  );
}

const ODDITIES: readonly (readonly [string, (stream: string) => string])[] = [
  ["CRLF", (stream) => stream.replaceAll("\n", "\r\n")],
  ["CR alone", (stream) => stream.replaceAll("\n", "\r")],
  ["a byte order mark", (stream) => `\ufeff${stream}`],
  ["comments before, between and inside events", (stream) => `: hello\n\n${stream.replaceAll("data: ", ": OPENROUTER PROCESSING\ndata: ")}`],
  ["comments without a blank line", (stream) => `:\n:\n${stream}`],
  ["data over several lines", overLines],
  ["no space after the colon", (stream) => stream.replaceAll("data: ", "data:").replaceAll("event: ", "event:")],
  ["fields that mean nothing here", (stream) => `retry: 3000\n\n${stream.replaceAll("data: ", "id: 7\ndata: ")}`],
  ["no blank line at the end", (stream) => stream.replace(/\n\n$/, "")],
  ["no line feed at the end", (stream) => stream.replace(/\n+$/, "")],
  ["blank lines in plenty", (stream) => `\n\n${stream.replaceAll("\n\n", "\n\n\n\n")}`],
  ["the name after the data", (stream) => stream.replace(/^(event: .*)\n(data: .*)$/gm, "$2\n$1")],
];

describe.each(SSE)("#35 SSE of %s", (upstream) => {
  test.each(ODDITIES)("#35 with %s means the same", (_, change) => {
    const bytes = new TextEncoder().encode(change(HELLO[upstream]));
    const plain = meant(upstream, HELLO[upstream]);
    expect(meant(upstream, bytes)).toEqual(plain);
    expect(text(plain)).toBe("Grüße 🙂");
    expect(ends(plain)).toBe("end");
    // Byte by byte, which cuts characters, line ends and the mark itself.
    expect(
      text(
        meant(
          upstream,
          [...bytes].map((byte) => Uint8Array.of(byte)),
        ),
      ),
    ).toBe("Grüße 🙂");
    for (let cut = 1; cut < bytes.length; cut += 1) {
      const read = meant(upstream, [bytes.slice(0, cut), bytes.slice(cut)]);
      if (text(read) !== "Grüße 🙂" || ends(read) !== "end") expect.fail(`cut at byte ${cut} it means something else`);
    }
  });

  test("#35 an event of a mebibyte passes", () => {
    const long = "ü".repeat(524_288);
    const said = upstream === "gemini" ? HELLO.gemini.replace("Grüße ", long) : HELLO[upstream].replace("Grüße ", long);
    const pieces = said.match(/[\s\S]{1,65536}/gu) ?? [];
    expect(text(meant(upstream, pieces))).toBe(`${long}🙂`);
  });

  test("#35 an event beyond 16 MiB is an error, once, and nothing of what follows is relayed", () => {
    const piece = "x".repeat(1 << 20);
    const read = meant(upstream, [": first\n\ndata: ", ...Array.from({ length: 17 }, () => piece), "\n\n", HELLO[upstream]]);
    expect(errors(read)).toHaveLength(1);
    expect(errors(read)[0]).toMatch(/too large/);
    expect(ends(read)).toBe("error");
    expect(text(read)).toBe("");
  });

  test("#35 an event that is no JSON is an error", () => {
    const read = meant(upstream, `data: {"half\n\n${HELLO[upstream]}`);
    expect(ends(read)).toBe("error");
    expect(text(read)).toBe("");
  });

  test("#35 nothing after the end is read", () => {
    const [last] = meant(upstream, HELLO[upstream]).slice(-1);
    expect(last?.kind).toBe("end");
    if (upstream !== "gemini") expect(text(meant(upstream, HELLO[upstream] + HELLO[upstream]))).toBe("Grüße 🙂");
  });
});

describe("#35 what each API adds to its framing", () => {
  test("#35 OpenAI's [DONE] is missing: its finish reason says as much; without that the stream is cut short", () => {
    const without = HELLO["openai-chat"].replace("data: [DONE]\n\n", "");
    expect(ends(meant("openai-chat", without))).toBe("end");
    expect(ends(meant("openai-chat", HELLO["openai-chat"].replace('"finish_reason":"stop"', '"finish_reason":null')))).toBe("error");
  });

  test("#35 Anthropic's pings are swallowed, and comments for OpenAI's callers", () => {
    const pinged = HELLO.anthropic.replaceAll("event: content", `${named("ping")}event: content`);
    const { text: out, complete } = streamed("anthropic", "openai-chat", named("ping") + pinged);
    expect(complete).toBe(true);
    expect(out).not.toContain('"ping"');
    for (const line of out.split("\n")) expect(line).toMatch(/^$|^data: |^: ping$/);
    expect(out.startsWith("data: ")).toBe(true);
  });

  test("#35 OpenAI's streams end with [DONE], those of Anthropic's callers with message_stop and without it", () => {
    expect(streamed("gemini", "openai-chat", HELLO.gemini).text).toMatch(/data: \[DONE\]\n\n$/);
    const { text: out } = streamed("openai-chat", "anthropic", HELLO["openai-chat"]);
    expect(out).toMatch(/event: message_stop\ndata: \{"type":"message_stop"\}\n\n$/);
    expect(out).not.toContain("[DONE]");
    for (const block of out.trimEnd().split("\n\n")) expect(block).toMatch(/^event: (\w+)\ndata: \{"type":"\1"/);
  });

  test("#35 OpenAI's obfuscation is left out", () => {
    const obfuscated = HELLO["openai-chat"].replaceAll('"model"', '"obfuscation":"aB3xyz","model"');
    expect(streamed("openai-chat", "anthropic", obfuscated).text).not.toContain("obfuscation");
    expect(streamed("openai-chat", "anthropic", obfuscated).complete).toBe(true);
  });

  test("#35 kinds of events and blocks that Anthropic may add are passed over", () => {
    const stream =
      named("something_new", { x: 1 }) +
      HELLO.anthropic.replaceAll(
        "event: content_block_stop",
        `${named("content_block_delta", { index: 0, delta: { type: "new_delta", x: 1 } })}event: content_block_stop`,
      );
    expect(text(meant("anthropic", stream))).toBe("Grüße 🙂");
    expect(ends(meant("anthropic", stream))).toBe("end");
  });
});

describe("#36 Gemini's streams", () => {
  test("#36 a call without arguments, or with none yet, is an object to everyone", () => {
    const stream = data(content([{ functionCall: { name: "f" } }])) + data(content([], "STOP"));
    for (const caller of ["openai-chat", "openai-responses", "anthropic"] as const) expect(streamed("gemini", caller, stream).complete).toBe(true);
    const { events } = streamed("gemini", "openai-chat", stream);
    expect(
      events
        .flatMap((event) => event.choices[0]?.delta.tool_calls ?? [])
        .map((call: { function: { arguments: string } }) => call.function.arguments)
        .join(""),
    ).toBe("{}");
  });

  test("#36 an array of JSON in place of SSE is no stream: an error, never silence taken for an answer", () => {
    const array = `[${JSON.stringify(content([{ text: "Hi" }], "STOP"))}]`;
    const { complete, text: out } = streamed("gemini", "openai-chat", array);
    expect(complete).toBe(false);
    expect(out).toContain('"error"');
  });

  test("#36 a stream that says no reason to finish was cut short", () => {
    expect(ends(meant("gemini", data(content([{ text: "Hi" }]))))).toBe("error");
  });
});

describe("#41 a message that starts twice", () => {
  const start = (id: string) =>
    named("message_start", { message: { id, type: "message", role: "assistant", model: "m", content: [], usage: { input_tokens: 1, output_tokens: 1 } } });

  test("#41 the same one told again is passed over", () => {
    const read = meant("anthropic", HELLO.anthropic.replace("event: content_block_start", `${start("msg_1")}event: content_block_start`));
    expect(read).toEqual(meant("anthropic", HELLO.anthropic));
  });

  test("#41 another one inside the first means that two streams were spliced: an error, nothing of the second is relayed, and no clean stop", () => {
    const [first = ""] = HELLO.anthropic.split("event: content_block_stop");
    const second = HELLO.anthropic.replaceAll("msg_1", "msg_2").replace("🙂", "secret of another caller");
    for (const caller of ["openai-chat", "openai-responses"] as const) {
      const { text: out, complete, events } = streamed("anthropic", caller, first + second);
      expect(complete).toBe(false);
      expect(out).toContain("Grüße");
      expect(out).not.toContain("secret of another caller");
      expect(JSON.stringify(events.at(-1))).toContain("error");
      expect(out).not.toMatch(/\[DONE\]|response\.completed/);
    }
  });
});
