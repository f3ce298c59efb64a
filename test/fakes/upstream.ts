import { createServer as createTcpServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";

/** A request as the fake upstream read it off the wire. */
export interface SeenRequest {
  readonly method: string;
  readonly target: string;
  /** Names lower-case, in the order of the wire. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
  /** 0 for the first request of its connection. */
  readonly index: number;
}

export interface Upstream {
  readonly port: number;
  readonly seen: SeenRequest[];
  readonly sockets: ReadonlySet<Socket>;
  /** Connections made so far. */
  connections: number;
  close(): Promise<void>;
}

export type Answer = (socket: Socket, request: SeenRequest) => void;

/** A server that reads HTTP/1.1 by hand and answers with whatever bytes the test says: right, wrong or none. On loopback, on a free port. `greet` sees each connection before anything is read from it. */
export async function startUpstream(answer: Answer, tls: TlsOptions | null = null, greet: (socket: Socket) => void = () => {}): Promise<Upstream> {
  const sockets = new Set<Socket>();
  const seen: SeenRequest[] = [];
  const serve = (socket: Socket): void => {
    upstream.connections += 1;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {
      // Tests break connections on purpose.
    });
    greet(socket);
    readRequests(socket, (request) => {
      seen.push(request);
      answer(socket, request);
    });
  };
  const server = tls === null ? createTcpServer(serve) : createTlsServer(tls, serve);
  server.on("tlsClientError", () => {
    // Tests refuse certificates on purpose.
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  const upstream: Upstream = {
    port: typeof address === "object" && address !== null ? address.port : 0,
    seen,
    sockets,
    connections: 0,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
  return upstream;
}

/** A whole answer with `content-length`. */
export function reply(body: string, headers: Readonly<Record<string, string>> = {}, status = 200): string {
  const lines = Object.entries({ "content-type": "application/json", ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Whatever\r\n${lines.join("")}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** The head of a chunked stream. */
export const STREAM_HEAD = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/** One chunk in chunked coding; the empty text is the last one. */
export function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

function readRequests(socket: Socket, onRequest: (request: SeenRequest) => void): void {
  let buffered = Buffer.alloc(0);
  let index = 0;
  socket.on("data", (data) => {
    buffered = Buffer.concat([buffered, data]);
    for (;;) {
      const read = readRequest(buffered, index);
      if (read === null) return;
      index += 1;
      buffered = buffered.subarray(read.length);
      onRequest(read.request);
    }
  });
}

function readRequest(bytes: Buffer, index: number): { readonly request: SeenRequest; readonly length: number } | null {
  const end = bytes.indexOf("\r\n\r\n");
  if (end === -1) return null;
  const [first = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const [method = "", target = ""] = first.split(" ");
  const headers = lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()] as const);
  const header = (name: string): string | undefined => headers.find(([known]) => known === name)?.[1];
  const start = end + 4;
  if (header("transfer-encoding") === "chunked") {
    const body = readChunks(bytes.subarray(start));
    return body === null ? null : { request: { method, target, headers, body: body.bytes, index }, length: start + body.length };
  }
  const length = Number(header("content-length") ?? 0);
  if (bytes.length < start + length) return null;
  return { request: { method, target, headers, body: bytes.subarray(start, start + length), index }, length: start + length };
}

function readChunks(bytes: Buffer): { readonly bytes: Buffer; readonly length: number } | null {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const line = bytes.indexOf("\r\n", at);
    if (line === -1) return null;
    const size = Number.parseInt(bytes.subarray(at, line).toString("latin1"), 16);
    if (bytes.length < line + 4 + size) return null;
    if (size === 0) return { bytes: Buffer.concat(parts), length: line + 4 };
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 4 + size;
  }
}
