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
