import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { createReplayableStream } from "../../../adapters/knative/replayable-stream.ts";

it("keeps a body that comes a byte at a time in few pieces, for whoever is slower and for the next try", async () => {
  const stream = new PassThrough({ highWaterMark: 1_048_576 });
  const body = createReplayableStream(
    { stream, declaredLength: null, present: true, paced: false, invite: () => {}, isCut: () => false },
    1_048_576,
    1_048_576,
  );
  const first = body.open()[Symbol.asyncIterator]();
  const text = Array.from({ length: 20_000 }, (_, index) => String(index % 10)).join("");
  for (const letter of text) stream.write(letter);
  stream.end();
  const read = async (pieces: AsyncIterator<Uint8Array>): Promise<readonly Uint8Array[]> => {
    const all: Uint8Array[] = [];
    for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) all.push(next.value);
    return all;
  };
  expect(Buffer.concat(await read(first)).toString()).toBe(text);
  const again = await read(body.open()[Symbol.asyncIterator]());
  expect(Buffer.concat(again).toString()).toBe(text);
  expect(again.length).toBeLessThan(10);
});
