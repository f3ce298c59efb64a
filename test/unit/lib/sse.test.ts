import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blockEnd, createEventBoundary, lastBlockEnd, readEvent, splitBlocks } from "../../../src/lib/sse.ts";
import { toBytes, toText } from "../../../src/lib/utf8.ts";
import { cut } from "./cut.ts";

const LIMIT = 1024 * 1024;

/** What a reader gets from the stream: the standard's algorithm, line by line, written apart from the code under test. */
function eventsByTheStandard(text: string): { name: string | null; data: string }[] {
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/);
  const events: { name: string | null; data: string }[] = [];
  let name = "";
  let data: string[] = [];
  for (const line of lines.slice(0, -1)) {
    if (line === "") {
      if (data.length > 0) events.push({ name: name === "" ? null : name, data: data.join("\n") });
      name = "";
      data = [];
      continue;
    }
    if (line.startsWith(":")) continue;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") data.push(value);
    if (field === "event") name = value;
  }
  return events;
}

function eventsOf(bytes: Uint8Array): { name: string | null; data: string }[] {
  const followed = toBytes(`${toText(bytes)}x`);
  const complete = bytes.subarray(0, lastBlockEnd(followed, followed.length, 0));
  return splitBlocks(complete)
    .map(readEvent)
    .flatMap(({ name, data }) => (data === null ? [] : [{ name, data }]));
}

const line = fc.oneof(
  fc.constantFrom(
    ": comment",
    "data",
    "data:",
    "data: x",
    "data:x",
    "data:  two",
    "dataset: no",
    "event: ping",
    "event:",
    "event: a",
    "id: 7",
    "retry: 1",
    "  data: no",
    ":",
  ),
  fc.string({ unit: "grapheme", maxLength: 12 }).map((text) => `data: ${text.replace(/[\r\n]/g, "")}`),
);
const stream = fc
  .tuple(
    fc.constantFrom("", "\ufeff"),
    fc.constantFrom("\n", "\r\n", "\r", "mixed"),
    fc.array(fc.tuple(fc.array(line, { maxLength: 4 }), fc.constantFrom("\n", "\r\n", "\r")), { maxLength: 6 }),
    fc.constantFrom("", "data: cut", "data: cut\n"),
  )
  .map(
    ([mark, newline, blocks, rest]) =>
      mark + blocks.map(([lines, own]) => [...lines, ""].join(newline === "mixed" ? own : newline) + (newline === "mixed" ? own : newline)).join("") + rest,
  );

describe("sse", () => {
  it("reads names and data", () => {
    expect(readEvent(toBytes("event: a\ndata: one\ndata: two\nid: 1\n\n"))).toMatchObject({ name: "a", data: "one\ntwo" });
    expect(readEvent(toBytes(": c\n\n"))).toMatchObject({ name: null, data: null });
    expect(readEvent(toBytes("\ufeffdata:x\r\n\r\n"))).toMatchObject({ name: null, data: "x" });
  });

  it("finds the end of a block by every line ending", () => {
    for (const end of ["\n\n", "\r\n\r\n", "\r\r", "\n\r\n"]) expect(blockEnd(toBytes(`data: x${end}y`), 0)).toBe(7 + end.length);
    expect(blockEnd(toBytes("data: x\n"), 0)).toBe(-1);
  });

  it("law: events are those of the standard", () => {
    fc.assert(
      fc.property(stream, (text) => {
        const bytes = toBytes(text);
        expect(eventsOf(bytes)).toEqual(eventsByTheStandard(text));
      }),
      { numRuns: 1500 },
    );
  });

  it("law: looking from the back finds the same last boundary as looking from the front", () => {
    fc.assert(
      fc.property(stream, (text) => {
        const bytes = toBytes(`${text}x`);
        let end = 0;
        for (let next = blockEnd(bytes, 0); next > 0; next = blockEnd(bytes, end)) end = next;
        return lastBlockEnd(bytes, bytes.length, 0) === end;
      }),
      { numRuns: 1500 },
    );
  });

  it("law: cut at every place, the pieces are whole events or comment lines, in order, and nothing is lost", () => {
    fc.assert(
      fc.property(stream, fc.oneof(fc.array(fc.nat(500), { maxLength: 6 }), fc.constant("every" as const)), (text, places) => {
        const bytes = toBytes(text);
        const boundary = createEventBoundary(LIMIT);
        const pieces: Uint8Array[] = [];
        for (const chunk of cut(bytes, places === "every" ? [...bytes.keys()] : places)) {
          const piece = boundary.push(chunk);
          if (piece !== null) pieces.push(piece);
        }
        const rest = boundary.rest() ?? new Uint8Array(0);
        expect(Buffer.concat([...pieces, rest])).toEqual(Buffer.from(bytes));
        // A comment line may be followed later by the block that it belongs to; joining it changes no event.
        const seen = pieces.flatMap((piece) => splitBlocks(piece).map(readEvent)).flatMap(({ name, data }) => (data === null ? [] : [{ name, data }]));
        const whole = eventsByTheStandard(text);
        expect(seen.length).toBeGreaterThanOrEqual(whole.length - 1);
        expect(seen).toEqual(whole.slice(0, seen.length));
        if (!text.includes("\r")) expect(seen.length).toBe(whole.length);
      }),
      { numRuns: 1500 },
    );
  });

  it("hands a chunk that ends with its event on as it is", () => {
    const boundary = createEventBoundary(LIMIT);
    const chunk = toBytes("data: 1\n\ndata: 2\n\n");
    expect(boundary.push(chunk)).toBe(chunk);
    expect(boundary.rest()).toBeNull();
  });

  it("does not hold heartbeats back", () => {
    const boundary = createEventBoundary(LIMIT);
    expect(toText(boundary.push(toBytes(":\n")) ?? new Uint8Array(0))).toBe(":\n");
  });

  it("lets an event without bound pass once it is too large, with linear work (T18)", () => {
    const boundary = createEventBoundary(4096);
    let out = 0;
    for (let index = 0; index < 200_000; index += 1) out += boundary.push(Uint8Array.of(0x78))?.length ?? 0;
    expect(boundary.overflowed).toBe(true);
    expect(out).toBe(200_000);
    expect(boundary.rest()).toBeNull();
  });
});
