import { expect, it } from "vitest";
import { createStreamEnds, TAIL_BYTES } from "../../../src/stream/stream-ends.ts";

it("keeps references only to the opening and the end, however long the stream and however small its pieces", () => {
  for (const size of [1, 100, 4096, 100_000]) {
    const ends = createStreamEnds();
    for (let index = 0; index < 5000; index += 1) ends.push(new Uint8Array(size).fill(0x3a));
    const kept = ends.last.reduce((sum, piece) => sum + piece.length, 0);
    expect(kept).toBeLessThanOrEqual(TAIL_BYTES + size);
    expect(ends.last.length).toBeLessThanOrEqual(256);
    expect(ends.first.length).toBeLessThanOrEqual(8);
  }
});

it("keeps the last piece, whatever its size", () => {
  const ends = createStreamEnds();
  const last = new Uint8Array(TAIL_BYTES * 3);
  ends.push(new Uint8Array(10));
  ends.push(last);
  expect(ends.last).toEqual([last]);
});

it("B13: compacted, keeps no read that its pieces were cut from, and the same pieces, however often", () => {
  const ends = createStreamEnds();
  for (let read = 0; read < 50; read += 1) {
    const bytes = new Uint8Array(32_768).fill(read);
    for (let at = 0; at < bytes.length; at += 4_096) ends.push(bytes.subarray(at, at + 4_096));
    const before = ends.last.map((piece) => piece.slice());
    if (read % 2 === 0) ends.compact();
    expect(ends.last).toEqual(before);
    if (read % 2 === 0) expect(new Set([...ends.first, ...ends.last].map((piece) => piece.buffer)).size).toBeLessThanOrEqual(2);
    if (read % 2 === 0)
      expect([...new Set(ends.last.map((piece) => piece.buffer))].reduce((sum, one) => sum + one.byteLength, 0)).toBeLessThanOrEqual(TAIL_BYTES + 8_192);
  }
  expect(ends.total).toBe(50 * 32_768);
});
