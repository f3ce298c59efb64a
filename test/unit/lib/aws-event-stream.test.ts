import { EventStreamCodec, Int64 } from "@smithy/eventstream-codec";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEventStreamReader } from "../../../src/lib/aws-event-stream.ts";
import { toBytes, toText } from "../../../src/lib/utf8.ts";

/** Against AWS's own codec. */
const theirs = new EventStreamCodec(toText, toBytes);

const value = fc.oneof(
  fc.string({ unit: "grapheme" }).map((text) => ({ type: "string" as const, value: text })),
  fc.boolean().map((truth) => ({ type: "boolean" as const, value: truth })),
  fc.integer({ min: -128, max: 127 }).map((number) => ({ type: "byte" as const, value: number })),
  fc.integer({ min: -32_768, max: 32_767 }).map((number) => ({ type: "short" as const, value: number })),
  fc.integer().map((number) => ({ type: "integer" as const, value: number })),
  fc.integer().map((number) => ({ type: "long" as const, value: Int64.fromNumber(number) })),
  fc.uint8Array({ maxLength: 30 }).map((bytes) => ({ type: "binary" as const, value: bytes })),
  fc.date({ noInvalidDate: true }).map((date) => ({ type: "timestamp" as const, value: date })),
  fc.uuid().map((uuid) => ({ type: "uuid" as const, value: uuid })),
);
const message = fc.record({
  headers: fc.dictionary(fc.stringMatching(/^[a-z:-]{1,20}$/), value, { maxKeys: 5, noNullPrototype: true }),
  body: fc.uint8Array({ maxLength: 200 }),
});

function join(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

describe("an AWS event stream", () => {
  it("reads what AWS's codec writes, wherever it is cut", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 4 }), fc.array(fc.nat(), { maxLength: 6 }), (messages, marks) => {
        const bytes = join(messages.map((one) => theirs.encode(one)));
        const cuts = [0, ...marks.map((mark) => mark % (bytes.length + 1)).sort((one, other) => one - other), bytes.length];
        const reader = createEventStreamReader();
        const read = cuts.slice(1).flatMap((cut, index) => reader.push(bytes.slice(cuts[index], cut)));
        expect(reader.unfinished).toBe(false);
        expect(read.map(({ headers, body }) => ({ headers: Object.fromEntries(headers), body: [...body] }))).toEqual(
          messages.map(({ headers, body }) => ({
            headers: Object.fromEntries(Object.entries(headers).flatMap(([name, header]) => (header.type === "string" ? [[name, header.value]] : []))),
            body: [...body],
          })),
        );
      }),
    );
  });

  it("any changed byte is noticed before anything of the message is believed", () => {
    const bytes = theirs.encode({ headers: { ":event-type": { type: "string", value: "chunk" } }, body: toBytes('{"a":1}') });
    for (let at = 0; at < bytes.length; at += 1) {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x55;
      expect(() => createEventStreamReader().push(damaged), `byte ${at}`).toThrow(RangeError);
    }
  });

  it("a cut-off message is unfinished, and holds nothing back of the one before", () => {
    const bytes = theirs.encode({ headers: {}, body: toBytes("x") });
    const reader = createEventStreamReader();
    expect(reader.push(join([bytes, bytes.slice(0, 5)]))).toHaveLength(1);
    expect(reader.unfinished).toBe(true);
  });
});
