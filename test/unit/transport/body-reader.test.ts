import { describe, expect, it } from "vitest";
import { bodyReader } from "../../../adapters/transport/body-reader.ts";

/** A stream of bytes that fills whatever buffer it is given, up to `total`. */
function endless(total: number, asked: number[], perRead = Number.POSITIVE_INFINITY): ReadableStream<Uint8Array> {
  let left = total;
  return new ReadableStream({
    type: "bytes",
    pull(controller) {
      const view = controller.byobRequest?.view;
      if (view === null || view === undefined) throw new Error("no buffer was given");
      asked.push(view.byteLength);
      const count = Math.min(view.byteLength, left, perRead);
      new Uint8Array(view.buffer, view.byteOffset, count).fill(7);
      left -= count;
      if (count === 0) controller.close();
      controller.byobRequest?.respond(count);
    },
  });
}

async function readAll(body: ReadableStream<Uint8Array>): Promise<number> {
  const reader = bodyReader(body);
  let length = 0;
  for (let bytes = await reader.read(); bytes !== null; bytes = await reader.read()) {
    expect(bytes.every((byte) => byte === 7)).toBe(true);
    length += bytes.length;
  }
  return length;
}

describe("a body's reader", () => {
  it("asks for more while its buffers come back full, up to 64 KiB", async () => {
    const asked: number[] = [];
    expect(await readAll(endless(400_000, asked))).toBe(400_000);
    expect(asked.slice(0, 4)).toEqual([4_096, 16_384, 65_536, 65_536]);
    expect(Math.max(...asked)).toBe(65_536);
  });

  it("asks for little where little comes", async () => {
    const asked: number[] = [];
    expect(await readAll(endless(3_000, asked, 100))).toBe(3_000);
    expect(new Set(asked)).toEqual(new Set([4_096]));
  });

  it("asks for less again when less comes", async () => {
    const asked: number[] = [];
    const sizes = [4_096, 16_384, 65_536, 9_000, 200, 100];
    let next = 0;
    const reader = bodyReader(
      new ReadableStream({
        type: "bytes",
        pull(controller) {
          asked.push(controller.byobRequest?.view?.byteLength ?? 0);
          controller.byobRequest?.respond(sizes[next++] ?? 0);
        },
      }),
    );
    for (const size of sizes) expect((await reader.read())?.length).toBe(size);
    expect(asked).toEqual([4_096, 16_384, 65_536, 65_536, 16_384, 4_096]);
    reader.cancel();
  });

  it("takes streams that are none of bytes as they are, their end and their failure", async () => {
    const parts = [new Uint8Array([7]), new Uint8Array([7, 7])];
    expect(
      await readAll(
        new ReadableStream({
          start(controller) {
            for (const part of parts) controller.enqueue(part);
            controller.close();
          },
        }),
      ),
    ).toBe(3);
    const broken = bodyReader(
      new ReadableStream({
        start(controller) {
          controller.error(new Error("cut"));
        },
      }),
    );
    await expect(broken.read()).rejects.toThrow("cut");
    broken.cancel();
  });
});
