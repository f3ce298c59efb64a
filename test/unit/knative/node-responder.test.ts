import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { NodeResponder } from "../../../adapters/knative/node-responder.ts";

let server: Server | null = null;
afterEach(() => server?.close());

/** What a caller gets of such a reply. */
async function replied(body: Uint8Array | null): Promise<{ readonly length: string | undefined; readonly bytes: Buffer }> {
  const started = createServer((_request, response) => new NodeResponder(response).reply(503, ["content-type", "text/plain"], body));
  server = started;
  await new Promise<void>((resolve) => started.listen(0, "127.0.0.1", resolve));
  // A server that listens on TCP has an AddressInfo.
  const { port } = started.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, agent: false }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("end", () => resolve({ length: answer.headers["content-length"], bytes: Buffer.concat(parts) }));
    })
      .on("error", reject)
      .end();
  });
}

describe("an answer that the broker makes itself", () => {
  it.each([
    ["of every byte there is", Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))],
    ["of letters beyond ASCII", Buffer.from('{"message":"das Modell „größer“ gibt es nicht ✓ 模型"}')],
    ["in the middle of a larger buffer", Buffer.from("behind this: ü and before that").subarray(8, 20)],
    ["as long as one write takes", Buffer.alloc(4_096, 0xe4)],
    ["longer than that", Buffer.alloc(4_097, 0xe4)],
  ])("arrives byte for byte: %s", async (_what, body) => {
    const { length, bytes } = await replied(body);
    expect(bytes.equals(body)).toBe(true);
    expect(length).toBe(`${body.length}`);
  });

  it("may have no body", async () => {
    expect(await replied(null)).toEqual({ length: "0", bytes: Buffer.alloc(0) });
  });
});
