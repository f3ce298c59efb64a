import fc from "fast-check";
import { expect, it } from "vitest";
import { ByteQueue } from "../../../adapters/transport/byte-queue.ts";

it("gives all bytes back in their order, however they come and go, and never writes into what it was given or gave (law)", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("push" as const), length: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 9_000 })) }),
    fc.constant({ do: "shift" as const }),
    fc.constant({ do: "look" as const }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      let queue = new ByteQueue();
      let next = 0;
      const pushed: number[] = [];
      const given: { readonly bytes: Uint8Array; readonly copy: Uint8Array }[] = [];
      const out: number[] = [];
      for (const one of steps) {
        if (one.do === "push") {
          const piece = Uint8Array.from({ length: one.length }, () => next++ % 251);
          given.push({ bytes: piece, copy: piece.slice() });
          pushed.push(...piece);
          queue.push(piece);
        } else if (one.do === "shift") {
          const piece = queue.shift();
          if (piece === null) continue;
          given.push({ bytes: piece, copy: piece.slice() });
          out.push(...piece);
        } else {
          const pieces = queue.pieces();
          for (const piece of pieces) given.push({ bytes: piece, copy: piece.slice() });
          if (next % 2 === 0) queue = new ByteQueue(pieces);
        }
        expect(queue.length).toBe(pushed.length - out.length);
      }
      for (let piece = queue.shift(); piece !== null; piece = queue.shift()) out.push(...piece);
      expect(out).toEqual(pushed);
      expect(given.every(({ bytes, copy }) => Buffer.compare(bytes, copy) === 0)).toBe(true);
    }),
    { numRuns: 200 },
  );
});

it("makes few pieces of a hundred thousand, and hands large ones on as they are", () => {
  const queue = new ByteQueue();
  for (let i = 0; i < 100_000; i += 1) queue.push(Uint8Array.of(i));
  expect(queue.pieces().length).toBeLessThan(20);
  const large = new Uint8Array(20_000);
  queue.push(large);
  expect(queue.pieces().at(-1)).toBe(large);
});
