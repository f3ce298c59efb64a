import type { IncomingMessage } from "node:http";

const MOST_BYTES = 32 * 1024 * 1024;

/** The whole body of a request; rejects beyond 32 MiB. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    // An IncomingMessage without an encoding set gives Buffers.
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > MOST_BYTES) throw new Error("the request body is larger than 32 MiB");
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}
