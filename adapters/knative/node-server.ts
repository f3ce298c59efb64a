import { createServer, type IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { type Server as NetServer, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type BrokerPlace, type Exchange, HEAD_BOUNDS } from "../../src/index.ts";
import { createHttp2Calls } from "./http2-calls.ts";
import type { ListenerCertificates } from "./listener-certificates.ts";
import { createNodeExchange } from "./node-exchange.ts";
import { createNodeJoiner } from "./node-joiner.ts";
import { cutShort } from "./node-responder.ts";
import { originForm } from "./origin-form.ts";
import { BROKEN, type Fault, requestFault, strayHandshake } from "./request-fault.ts";
import { tellProtocol } from "./tell-protocol.ts";
import { createTlsServer } from "./tls-server.ts";
import { mayUpgrade } from "./web-socket-request.ts";

/** How long the rest of a body is read and dropped after the answer: a reset would overtake it (D8). */
const LINGER_MS = 2_000;
/** And how much of it: what more is sent ends the connection. */
const LINGER_BYTES = 134_217_728;
/** How long answers that were cut short at the end of a drain have to leave. */
const CUT_MS = 1_000;

export interface NodeServerOptions {
  readonly place: BrokerPlace;
  /** Of the port for TLS; null: there is none. */
  readonly certificates: ListenerCertificates | null;
  /** A call, a WebSocket's handshake among them, with its Host and request target checked. */
  onExchange(exchange: Exchange): void;
  /** A request under `/-/`, checked the same way. */
  onAdmin(request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse): void;
  /** Told of an exception while a call was taken; it was answered 500 with that id, and the process goes on (F35). */
  onFault(id: string, error: unknown): void;
}

export interface NodeServer {
  /** Rejects when a port is taken. Port 0 takes a free one. `tlsPort` counts only where there are certificates. */
  listen(port: number, host: string, tlsPort?: number): Promise<void>;
  /** Base URL, once it listens. */
  url(): string;
  /** Of the port for TLS; null: there is none. */
  tlsUrl(): string | null;
  /** To be called after the certificates have changed. */
  renewCertificates(): void;
  /** Stops accepting, lets calls under way finish for `graceMs` milliseconds, ends the rest as broken answers, and closes. */
  drain(graceMs: number): Promise<void>;
}

/**
 * The server of HTTP/1.1, and of HTTP/2 by prior knowledge on the same port, with limits written out because Node's own are 60 s, 300 s and 30 s (D12), and with the checks that
 * its parser leaves to us. What is refused here has reached nobody.
 */
export function createNodeServer(options: NodeServerOptions): NodeServer {
  const open = new Set<ServerResponse>();
  const sockets = new Set<Socket>();
  /** Encrypted connections that have brought no call yet. */
  const fresh = new Set<Socket>();
  const current = new WeakMap<Duplex, ServerResponse>();
  let draining = false;

  const server = createServer({
    // Ten seconds at most: Node looks once a second.
    headersTimeout: 9_000,
    // Of whole requests: a long upload that goes on is fine, a slow one is ended by the body's own pace.
    requestTimeout: 0,
    connectionsCheckingInterval: 1_000,
    keepAliveTimeout: 75_000,
    maxHeaderSize: HEAD_BOUNDS.bytes,
    insecureHTTPParser: false,
    requireHostHeader: false,
    joinDuplicateHeaders: false,
    noDelay: true,
    // What a caller that does not read can make us keep; Node's own is eight times as much. Less than one read of an answer, so
    // that a second one is not asked for before the kernel has taken the first.
    highWaterMark: 8_192,
    // Everything else that a caller would change to is not for it to choose, and its `Upgrade` is passed over.
    shouldUpgradeCallback: (request) => mayUpgrade(request) && !isBusy(request.socket),
  });
  // Node drops what is beyond its own limit without a word: one more than ours makes the excess seen.
  server.maxHeadersCount = HEAD_BOUNDS.fields + 1;

  /** An answer is still owed on this connection: nobody else may have it yet, and Node's parser would leave it all the same. */
  function isBusy(socket: Duplex): boolean {
    const last = current.get(socket);
    return last !== undefined && open.has(last);
  }

  /** Ends a connection that Node has taken from its parser while answers are owed on it: it tells their calls of no end then. */
  function leave(socket: Duplex): void {
    socket.destroy();
    for (const response of open) if (response.req.socket === socket) response.emit("close");
  }

  function take(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    open.add(response);
    current.set(socket, response);
    fresh.delete(socket);
    if (draining) response.shouldKeepAlive = false;
    // A write that crosses the caller's leaving fails; `close` tells of it, and without a listener the process would end.
    response.on("error", ignore);
    response.on("close", () => {
      open.delete(response);
      // Most bodies have come with their heads, and the parser is about to say so.
      if (!request.complete && !socket.destroyed) setImmediate(linger, request);
      if (draining) server.closeIdleConnections();
    });
    try {
      const fault = requestFault(request) ?? strayHandshake(request);
      if (fault !== null) refuse(response, fault);
      else if (originForm(request.url ?? "").startsWith("/-/")) options.onAdmin(request, response);
      else options.onExchange(createNodeExchange(request, response, options.place, null));
    } catch (error) {
      const id = crypto.randomUUID();
      options.onFault(id, error);
      if (response.headersSent) response.destroy();
      else refuse(response, BROKEN, id);
    }
  }

  /** The handshake of a WebSocket. The parser has left the connection: what is answered is the last answer on it. */
  function takeHandshake(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const fault = requestFault(request);
    if (!(socket instanceof Socket) || fault !== null || head.length > 0) {
      refuseSocket(socket, fault ?? { status: 400, code: "request_malformed", text: "Nothing may follow a WebSocket handshake before its answer." });
      return;
    }
    fresh.delete(socket);
    const response = new ServerResponse(request);
    open.add(response);
    response.shouldKeepAlive = false;
    socket.on("error", ignore);
    response.on("error", ignore);
    response.on("finish", () => socket.end());
    response.on("close", () => open.delete(response));
    try {
      response.assignSocket(socket);
      options.onExchange(createNodeExchange(request, response, options.place, createNodeJoiner(socket, response)));
    } catch (error) {
      options.onFault(crypto.randomUUID(), error);
      socket.destroy();
    }
  }

  const http2 = createHttp2Calls(options);
  // What node:http does with a new connection comes after a look at what it speaks.
  const http1Listeners = server.listeners("connection");
  server.removeAllListeners("connection");
  const serveHttp1 = (socket: Socket): void => {
    for (const listener of http1Listeners) listener.call(server, socket);
  };
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    tellProtocol(socket, serveHttp1, http2.accept);
  });
  const serveSecure = (socket: Socket): void => {
    sockets.add(socket);
    fresh.add(socket);
    socket.on("close", () => {
      sockets.delete(socket);
      fresh.delete(socket);
    });
    serveHttp1(socket);
  };
  const tlsServer = options.certificates === null ? null : createTlsServer(options.certificates, { http1: serveSecure, http2: http2.accept });
  server.on("request", take);
  // The body asks for itself once it is wanted: a caller that is refused need not send it.
  server.on("checkContinue", take);
  server.on("upgrade", takeHandshake);
  server.on("connect", (_request: IncomingMessage, socket: Duplex) => {
    if (isBusy(socket)) leave(socket);
    else refuseSocket(socket, { status: 405, code: "request_malformed", text: "This is no tunnel." });
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    const running = current.get(socket);
    // Bytes of our own in the middle of an answer would be taken for a part of it, and before one for that answer.
    const isOwed = running !== undefined && (running.headersSent ? !running.writableFinished : running.req.complete && open.has(running));
    if (error.code === "ECONNRESET" || !socket.writable || isOwed) socket.destroy();
    else refuseSocket(socket, parserFault(error.code));
  });

  return {
    listen: async (port, host, tlsPort = 0) => {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, host, () => {
          server.off("error", reject);
          resolve();
        });
      });
      await tlsServer?.listen(tlsPort, host);
    },
    url: () => urlOf(server, "http"),
    tlsUrl: () => (tlsServer === null ? null : urlOf(tlsServer.server, "https")),
    renewCertificates: () => {
      void tlsServer?.renew();
    },
    drain: async (graceMs) => {
      draining = true;
      const plain = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      const closed = Promise.all([plain, tlsServer?.close()]).then(() => {});
      for (const response of open) {
        if (!response.headersSent) response.shouldKeepAlive = false;
      }
      http2.drain();
      // Node counts a connection that has never sent a byte as busy.
      for (const socket of sockets) {
        if (socket.bytesRead === 0 || fresh.has(socket)) socket.destroy();
      }
      if (await within(closed, graceMs)) return;
      for (const response of open) cutShort(response);
      http2.cut();
      if (await within(closed, CUT_MS)) return;
      server.closeAllConnections();
      // Those that have left HTTP/1.1 are not among them.
      for (const socket of sockets) socket.destroy();
      http2.destroy();
      await closed;
    },
  };
}

/** What llhttp refused, told without its words. */
function parserFault(code: string | undefined): Fault {
  if (code === "HPE_HEADER_OVERFLOW") return { status: 431, code: "request_malformed", text: "The header section is too large." };
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return { status: 408, code: "request_timeout", text: "The request did not arrive in time." };
  return { status: 400, code: "request_malformed", text: "The request is not HTTP/1.1." };
}

function refuse(response: ServerResponse, fault: Fault, id: string = crypto.randomUUID()): void {
  response.shouldKeepAlive = false;
  const text = `${fault.text}\n`;
  response.writeHead(fault.status, [
    ...["content-type", "text/plain; charset=utf-8", "content-length", `${Buffer.byteLength(text)}`],
    ...["x-egress-error", fault.code, "x-request-id", id],
  ]);
  response.end(text);
}

function refuseSocket(socket: Duplex, fault: Fault): void {
  const text = `${fault.text}\n`;
  const head = [
    `HTTP/1.1 ${fault.status} ${fault.status === 408 ? "Request Timeout" : "Refused"}`,
    "connection: close",
    "content-type: text/plain; charset=utf-8",
    `content-length: ${Buffer.byteLength(text)}`,
    `x-egress-error: ${fault.code}`,
    `x-request-id: ${crypto.randomUUID()}`,
  ];
  socket.on("error", ignore);
  socket.end(`${head.join("\r\n")}\r\n\r\n${text}`, () => socket.destroy());
}

/** What comes of a body behind its answer is read and dropped, within bounds. */
function linger(request: IncomingMessage): void {
  if (request.complete || request.socket.destroyed) return;
  const timer = setTimeout(() => request.socket.destroy(), LINGER_MS);
  const stop = (): void => clearTimeout(timer);
  request.once("end", stop).once("close", stop);
  request.on("error", ignore);
  let dropped = 0;
  request.on("data", (bytes: Uint8Array) => {
    dropped += bytes.length;
    if (dropped > LINGER_BYTES) request.socket.destroy();
  });
}

async function within(work: Promise<void>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, milliseconds, false);
  });
  const done = await Promise.race([work.then(() => true), late]);
  clearTimeout(timer);
  return done;
}

function urlOf(server: NetServer, scheme: "http" | "https"): string {
  const address = server.address();
  if (address === null || typeof address === "string") return "";
  return `${scheme}://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}`;
}

function ignore(): void {}
