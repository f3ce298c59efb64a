import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameEdges } from "../../../adapters/knative/frame-edges.ts";

interface Frame {
  readonly opcode: number;
  readonly masked: boolean;
  readonly length: number;
}

/** A frame with a payload that looks like heads of frames. */
function bytesOf({ opcode, masked, length }: Frame): Buffer {
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const head = Buffer.alloc(2 + extended + (masked ? 4 : 0));
  head[0] = 0x80 | opcode;
  head[1] = (masked ? 0x80 : 0) | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) head.writeUInt16BE(length, 2);
  if (extended === 8) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, Buffer.alloc(length, 0x81)]);
}

const frame = fc.record({
  opcode: fc.constantFrom(0, 1, 2, 8, 9, 10),
  masked: fc.boolean(),
  length: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.constantFrom(125, 126, 127, 65_535, 65_536, 70_000)),
});

describe("the edges of frames", () => {
  it("are found wherever the bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.array(frame, { minLength: 1, maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 40 }),
        (frames, cuts) => {
          const whole = Buffer.concat(frames.map(bytesOf));
          const ends = new Set<number>([0]);
          let end = 0;
          for (const one of frames) {
            end += bytesOf(one).length;
            ends.add(end);
          }
          const edges = new FrameEdges();
          let at = 0;
          for (let turn = 0; at < whole.length; turn += 1) {
            const next = Math.min(whole.length, at + (cuts[turn % cuts.length] ?? 1));
            edges.passed(whole.subarray(at, next));
            at = next;
            expect(edges.atEdge).toBe(ends.has(at));
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("are never reached in a frame that claims more than anybody can send", () => {
    const edges = new FrameEdges();
    edges.passed(Buffer.from([0x82, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
    edges.passed(Buffer.alloc(100_000));
    expect(edges.atEdge).toBe(false);
  });
});
