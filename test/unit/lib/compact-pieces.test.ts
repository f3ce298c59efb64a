import fc from "fast-check";
import { expect, it } from "vitest";
import { compactPieces } from "../../../src/lib/compact-pieces.ts";

const memoryOf = (pieces: readonly Uint8Array[]): number =>
  [...new Set(pieces.map((piece) => piece.buffer))].reduce((sum, buffer) => sum + buffer.byteLength, 0);

it("a small piece lets go of the read that it was cut from", () => {
  const pieces = [new Uint8Array(32_768).fill(7).subarray(100, 300)];
  compactPieces(pieces);
  expect(memoryOf(pieces)).toBe(200);
  expect(pieces[0]).toEqual(new Uint8Array(200).fill(7));
});

it("pieces that keep little beyond themselves stay where they are", () => {
  const piece = new Uint8Array(16_384).subarray(0, 14_000);
  const pieces = [piece];
  compactPieces(pieces);
  expect(pieces[0]).toBe(piece);
});

it("whatever the pieces and the reads behind them: the same bytes in the same pieces, and no more than 4 KiB beside them", () => {
  const cut = fc.record({ read: fc.nat(3), from: fc.nat(20_000), length: fc.nat(9_000) });
  fc.assert(
    fc.property(fc.array(cut, { maxLength: 20 }), (cuts) => {
      const reads = Array.from({ length: 4 }, (_, read) => Uint8Array.from({ length: 32_768 }, (__, at) => (at * 31 + read) % 251));
      const pieces = cuts.map(({ read, from, length }) => (reads[read] ?? new Uint8Array()).subarray(from, from + length));
      const before = pieces.map((piece) => piece.slice());
      compactPieces(pieces);
      expect(pieces).toEqual(before);
      expect(memoryOf(pieces)).toBeLessThanOrEqual(before.reduce((sum, piece) => sum + piece.length, 0) + 4_096);
    }),
    { numRuns: 60 },
  );
});
