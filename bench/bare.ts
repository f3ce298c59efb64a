import { createServer } from "node:http";
import { Pool } from "undici";

// The least that a proxy on Node can do with the same libraries: node:http in, undici's dispatch out, every byte as it came.
// node bench/bare.ts UPSTREAM_PORT LISTEN_PORT

const [upstreamPort, listenPort] = process.argv.slice(2).map(Number);
const pool = new Pool(`http://127.0.0.1:${upstreamPort}`, { connections: 256, pipelining: 1, keepAliveTimeout: 60_000 });
const HOP_BY_HOP = new Set(["connection", "keep-alive", "transfer-encoding"]);
const REQUEST_ONLY = new Set([...HOP_BY_HOP, "host", "content-length"]);

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    let missing = Number.POSITIVE_INFINITY;
    pool.dispatch(
      {
        // Node gives both for every request that a server receives.
        path: request.url as string,
        method: request.method as "POST",
        headers: without(REQUEST_ONLY, request.rawHeaders),
        body: chunks.length === 1 ? (chunks[0] ?? null) : Buffer.concat(chunks),
      },
      {
        onConnect: () => {},
        onHeaders: (status, headers, resume) => {
          const list = headers.map((bytes) => bytes.toString("latin1"));
          response.on("drain", resume);
          response.writeHead(status, without(HOP_BY_HOP, list));
          const length = list.findIndex((name) => name.toLowerCase() === "content-length");
          missing = length === -1 ? Number.POSITIVE_INFINITY : Number(list[length + 1]);
          return true;
        },
        onData: (chunk) => {
          missing -= chunk.length;
          // The last bytes of a known length leave in one write with the end.
          if (missing > 0) return response.write(chunk);
          response.end(chunk);
          return true;
        },
        onComplete: () => response.end(),
        onError: () => response.destroy(),
      },
    );
  });
});

function without(dropped: ReadonlySet<string>, list: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index < list.length; index += 2) {
    const name = list[index] ?? "";
    if (!dropped.has(name.toLowerCase())) kept.push(name, list[index + 1] ?? "");
  }
  return kept;
}

server.keepAliveTimeout = 60_000;
server.listen(listenPort, "127.0.0.1");
