import { createHash, randomBytes } from "node:crypto";
import { createServer as createHttpServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, connect } from "node:net";
import type { Duplex } from "node:stream";
import { createServer as createTlsServer } from "node:tls";
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { afterEach, describe, expect, it } from "vitest";
import { type RawData, WebSocket, WebSocketServer } from "ws";
import { createAuthority } from "../fakes/certificates.ts";
import { CALLER_TOKEN, type TestBackend, type TestManifests } from "../fakes/manifests.ts";
import { rawClient } from "../fakes/node-broker.ts";
import { type SocketBroker, startSocketBroker } from "../fakes/socket-broker.ts";
import { startUpstream } from "../fakes/upstream.ts";

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

interface SocketServer {
  readonly port: number;
  /** Handshakes that have come. */
  readonly asked: IncomingMessage[];
  readonly sockets: WebSocketServer;
  readonly http: Server;
}

interface ServerOptions {
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly deflate?: boolean;
  /** Answers the handshake in its own way; true: it did. */
  readonly instead?: (request: IncomingMessage, socket: Duplex) => boolean;
}

/** A real server of the `ws` library that says back what it is told, for every path. */
async function startSockets(options: ServerOptions = {}): Promise<SocketServer> {
  const http = options.tls === undefined ? createHttpServer() : createHttpsServer(options.tls);
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: options.deflate ?? false,
    handleProtocols: (offered) => (offered.has("realtime") ? "realtime" : ([...offered][0] ?? false)),
  });
  const asked: IncomingMessage[] = [];
  http.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    asked.push(request);
    socket.on("error", () => {});
    if (options.instead?.(request, socket) === true) return;
    sockets.handleUpgrade(request, socket, head, (opened) => sockets.emit("connection", opened, request));
  });
  sockets.on("connection", (opened) => {
    opened.on("error", () => {});
    opened.on("message", (data, binary) => opened.send(data, { binary }));
  });
  const connections = new Set<Duplex>();
  http.on("connection", (socket: Duplex) => void connections.add(socket));
  await new Promise<void>((resolve) => void http.listen(0, "127.0.0.1", resolve));
  cleanUp.push(async () => {
    for (const socket of connections) socket.destroy();
    await new Promise((resolve) => http.close(resolve));
  });
  // The server listens on TCP.
  return { port: (http.address() as AddressInfo).port, asked, sockets, http };
}

async function startBroker(manifests: TestManifests | string): Promise<SocketBroker> {
  const broker = await startSocketBroker(manifests);
  cleanUp.push(broker.stop);
  return broker;
}

const backend = (port: number, more: Partial<TestBackend> = {}): TestBackend => ({ name: "one", port, key: "sk-of-the-broker", ...more });
const AUTHORIZED = { authorization: `Bearer ${CALLER_TOKEN}` };

interface Caller {
  readonly socket: WebSocket;
  readonly headers: IncomingMessage["headers"];
  next(): Promise<{ readonly text: string; readonly binary: boolean; readonly bytes: Buffer }>;
  readonly closed: Promise<number>;
}

function toBuffer(data: RawData): Buffer {
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer); // a Buffer, unless told otherwise
}

/** A WebSocket through the broker; rejects with `status` when the handshake is refused. */
function open(broker: SocketBroker, path = "/chat", options: { headers?: Record<string, string>; protocols?: string[]; deflate?: boolean } = {}) {
  return new Promise<Caller>((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${broker.port}${path}`, options.protocols ?? [], {
      headers: options.headers ?? AUTHORIZED,
      perMessageDeflate: options.deflate ?? false,
    });
    const heard: { text: string; binary: boolean; bytes: Buffer }[] = [];
    const waiting: ((message: { text: string; binary: boolean; bytes: Buffer }) => void)[] = [];
    let headers: IncomingMessage["headers"] = {};
    const closed = new Promise<number>((done) => socket.on("close", done));
    socket.on("upgrade", (response) => {
      headers = response.headers;
    });
    socket.on("message", (data, binary) => {
      const bytes = toBuffer(data);
      const message = { text: bytes.toString(), binary, bytes };
      const waiter = waiting.shift();
      if (waiter === undefined) heard.push(message);
      else waiter(message);
    });
    socket.on("unexpected-response", (_request, response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () =>
        reject(Object.assign(new Error("refused"), { status: response.statusCode, headers: response.headers, body: Buffer.concat(parts).toString() })),
      );
    });
    socket.on("error", reject);
    socket.on("open", () => {
      cleanUp.push(() => socket.terminate());
      const next = () =>
        new Promise<{ text: string; binary: boolean; bytes: Buffer }>((done) => {
          const message = heard.shift();
          if (message === undefined) waiting.push(done);
          else done(message);
        });
      resolve({ socket, headers, next, closed });
    });
  });
}

describe("a WebSocket through the broker", () => {
  it("is joined with the destination: text, binary, pings, 1 MiB messages, and the counts of both ways", async () => {
    const server = await startSockets();
    const broker = await startBroker({ backends: [backend(server.port)] });
    const caller = await open(broker, "/chat?room=1");
    caller.socket.send("hello");
    expect(await caller.next()).toMatchObject({ text: "hello", binary: false });
    const large = randomBytes(1_048_576);
    caller.socket.send(large);
    const echoed = await caller.next();
    expect(echoed.binary).toBe(true);
    expect(echoed.bytes.equals(large)).toBe(true);
    const ponged = new Promise((resolve) => caller.socket.once("pong", resolve));
    caller.socket.ping("are you there");
    expect(String(await ponged)).toBe("are you there");
    caller.socket.close(1000, "done");
    expect(await caller.closed).toBe(1000);
    expect(server.asked[0]?.url).toBe("/chat?room=1");
    expect(server.asked[0]?.headers).toMatchObject({
      authorization: "Bearer sk-of-the-broker",
      host: `one.provider.example:${server.port}`,
      upgrade: "websocket",
    });
    expect(JSON.stringify(server.asked[0]?.rawHeaders)).not.toContain(CALLER_TOKEN);
    expect(caller.headers["x-egress-backend"]).toBe("XBackend/team-a/one");
    const line = await broker.line(0);
    expect(line).toMatchObject({ status: 101, outcome: "ok", namespace: "team-a", backend: "XBackend/team-a/one" });
    // A head of 8 and a mask of 4 bytes for the large frame, of 2 and 4 for the small ones.
    expect(line["request_bytes"]).toBe(large.length + 14 + (6 + 5) + (6 + 13) + (6 + 6));
    expect(line["response_bytes"]).toBe(large.length + 10 + (2 + 5) + (2 + 13) + (2 + 6));
    expect(broker.log).toHaveLength(1);
  });

  it("works by TLS with the backend's own authority, and is refused where the certificate is another's", async () => {
    const authority = createAuthority();
    const { certPem, keyPem } = authority.issue({ dnsNames: ["one.provider.example"] });
    const server = await startSockets({ tls: { cert: certPem, key: keyPem } });
    const good = await startBroker({ backends: [backend(server.port, { caPem: authority.caPem })] });
    const caller = await open(good);
    caller.socket.send("by TLS");
    expect((await caller.next()).text).toBe("by TLS");
    const bad = await startBroker({ backends: [backend(server.port, { caPem: createAuthority("another").caPem })] });
    await expect(open(bad)).rejects.toMatchObject({ status: 502, headers: { "x-egress-error": "upstream_untrusted" } });
  });

  it("leaves extensions to the two ends: compressed frames pass as they are", async () => {
    const server = await startSockets({ deflate: true });
    const broker = await startBroker({ backends: [backend(server.port)] });
    const caller = await open(broker, "/", { deflate: true });
    expect(caller.socket.extensions).toBe("permessage-deflate");
    const text = "all the same ".repeat(10_000);
    caller.socket.send(text);
    expect((await caller.next()).text).toBe(text);
  });

  it("takes the place of the call's own time limit by one of its own, and a written one holds", async () => {
    const server = await startSockets();
    const broker = await startBroker({ backends: [backend(server.port)], rule: "    timeouts: {request: 2s}\n" });
    const caller = await open(broker);
    caller.socket.send("in time");
    expect((await caller.next()).text).toBe("in time");
    expect(await caller.closed).toBe(1001);
    expect(await broker.line(0)).toMatchObject({ status: 101, outcome: "truncated" });
  });

  it("hands an answer that is no 101 on as any other answer", async () => {
    const refusing = (request: IncomingMessage, socket: Duplex): boolean => {
      const status = request.url === "/gone" ? "404 Not Found" : "426 Upgrade Required";
      socket.end(`HTTP/1.1 ${status}\r\ncontent-type: text/plain\r\ncontent-length: 5\r\nx-why: because\r\nconnection: close\r\n\r\nsorry`);
      return true;
    };
    const server = await startSockets({ instead: refusing });
    const broker = await startBroker({ backends: [backend(server.port)] });
    await expect(open(broker, "/gone")).rejects.toMatchObject({ status: 404, body: "sorry", headers: { "x-why": "because", connection: "close" } });
    await expect(open(broker)).rejects.toMatchObject({ status: 426 });
    expect(await broker.line(1)).toMatchObject({ status: 426, outcome: "upstream_error" });
  });

  it("goes to the next destination while no 101 has come: refused connection, 503, 429, a 101 that answers another key", async () => {
    const dead = await startSockets();
    await new Promise((resolve) => dead.http.close(resolve));
    const status = (line: string) =>
      startSockets({ instead: (_, socket) => socket.end(`HTTP/1.1 ${line}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`) !== undefined });
    const busy = await status("503 Busy");
    const limited = await status("429 Slow");
    const wrong = await startSockets({
      instead: (_, socket) =>
        socket.write(
          "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
        ) !== undefined,
    });
    const good = await startSockets();
    const names = ["dead", "busy", "limited", "wrong", "good"];
    const ports = [dead, busy, limited, wrong, good].map((server) => server.port);
    const broker = await startBroker({ backends: names.map((name, index) => backend(ports[index] ?? 0, { name })), group: names });
    const caller = await open(broker);
    expect(caller.headers).toMatchObject({ "x-egress-backend": "XBackend/team-a/good", "x-egress-attempts": "5" });
    caller.socket.send("at last");
    expect((await caller.next()).text).toBe("at last");
    caller.socket.close();
    const line = await broker.line(0);
    expect((line["attempts"] as { outcome: string }[]).map((attempt) => attempt.outcome)).toEqual(["connect", "answer", "answer", "protocol", "answer"]);
  });

  it("is never moved after the 101: when the destination breaks, the caller is told and nobody else is asked", async () => {
    const first = await startSockets();
    const second = await startSockets();
    const broker = await startBroker({
      backends: [backend(first.port, { name: "first" }), backend(second.port, { name: "second" })],
      group: ["first", "second"],
    });
    const caller = await open(broker);
    caller.socket.send("x");
    await caller.next();
    for (const opened of first.sockets.clients) opened.terminate();
    expect(await caller.closed).toBe(1006);
    expect(second.asked).toHaveLength(0);
    expect((await broker.line(0))["status"]).toBe(101);
  });

  it("ends the destination's side when the caller is gone without a word", async () => {
    const server = await startSockets();
    const broker = await startBroker({ backends: [backend(server.port)] });
    const caller = await open(broker);
    const gone = new Promise<number>((resolve) => {
      for (const opened of server.sockets.clients) opened.on("close", resolve);
    });
    caller.socket.terminate();
    expect(await gone).toBe(1006);
    expect(await broker.line(0)).toMatchObject({ status: 101 });
  });

  it("gives up the handshake upstream when the caller leaves before the answer", async () => {
    let left = 0;
    const server = await startSockets({
      instead: (_, socket) => {
        socket.on("data", () => {});
        socket.on("end", () => {
          left += 1;
        });
        return true;
      },
    });
    const broker = await startBroker({ backends: [backend(server.port)] });
    const client = rawClient(broker.port, handshake());
    await expect.poll(() => server.asked.length).toBe(1);
    client.socket.end();
    await expect.poll(() => left).toBe(1);
    expect(await broker.line(0)).toMatchObject({ outcome: "caller_gone", status: 0 });
  });

  it("is told 1001 on both sides when the server stops, at the edge of a frame", async () => {
    const server = await startSockets();
    const broker = await startBroker({ backends: [backend(server.port)] });
    const caller = await open(broker);
    caller.socket.send("before");
    await caller.next();
    const upstreamClosed = new Promise<number>((resolve) => {
      for (const opened of server.sockets.clients) opened.on("close", resolve);
    });
    await broker.server.drain(20);
    expect(await caller.closed).toBe(1001);
    expect(await upstreamClosed).toBe(1001);
    expect(await broker.line(0)).toMatchObject({ outcome: "truncated", status: 101 });
  });

  it("holds little when one side does not read: the other is stopped, and all arrives in order later", async () => {
    const server = await startSockets();
    const broker = await startBroker({ backends: [backend(server.port)] });
    const piece = Buffer.alloc(65_536, 7);
    const pieces = 320;
    const told = new Promise<WebSocket>((resolve) => server.sockets.once("connection", resolve));
    const caller = await open(broker);
    const upstream = await told;
    // Downstream: the caller reads nothing.
    caller.socket.pause();
    for (let sent = 0; sent < pieces; sent += 1) upstream.send(piece);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(upstream.bufferedAmount).toBeGreaterThan((pieces * piece.length) / 4);
    let seen = 0;
    const all = new Promise<void>((resolve) => caller.socket.on("message", () => void (++seen === pieces && resolve())));
    caller.socket.resume();
    await all;
    // Upstream: the destination reads nothing.
    upstream.removeAllListeners("message");
    upstream.pause();
    for (let sent = 0; sent < pieces; sent += 1) caller.socket.send(piece);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(caller.socket.bufferedAmount).toBeGreaterThan((pieces * piece.length) / 4);
    let arrived = 0;
    const rest = new Promise<void>((resolve) => upstream.on("message", () => void (++arrived === pieces && resolve())));
    upstream.resume();
    await rest;
  });
});

describe("who calls", () => {
  it("is known by the subprotocol that browsers carry the key in, which goes no further", async () => {
    const server = await startSockets();
    const broker = await startBroker({ backends: [backend(server.port)] });
    const protocols = ["realtime", `openai-insecure-api-key.${CALLER_TOKEN}`, "openai-organization.org-1", "openai-beta.realtime-v1"];
    const caller = await open(broker, "/v1/realtime?model=m", { headers: {}, protocols });
    expect(caller.socket.protocol).toBe("realtime");
    expect(server.asked[0]?.headers["sec-websocket-protocol"]).toBe("realtime, openai-beta.realtime-v1");
    expect(JSON.stringify(server.asked[0]?.rawHeaders)).not.toContain(CALLER_TOKEN);
    expect(server.asked[0]?.headers.authorization).toBe("Bearer sk-of-the-broker");
    const kubernetes = `base64url.bearer.authorization.k8s.io.${Buffer.from(CALLER_TOKEN).toString("base64url")}`;
    const other = await open(broker, "/", { headers: {}, protocols: [kubernetes, "v4.channel.k8s.io"] });
    expect(other.socket.protocol).toBe("v4.channel.k8s.io");
    other.socket.close();
    caller.socket.close();
    expect(await broker.line(0)).toMatchObject({ namespace: "team-a", service_account: "assistant" });
  });

  it("is refused without a credential, with a wrong one, and with two", async () => {
    const server = await startSockets();
    const broker = await startBroker({ backends: [backend(server.port)] });
    await expect(open(broker, "/", { headers: {} })).rejects.toMatchObject({ status: 401, headers: { "x-egress-error": "identity_missing" } });
    const key = (value: string) => `openai-insecure-api-key.${value}`;
    for (const protocols of [[key("wrong")], [key(CALLER_TOKEN), key("another")]]) {
      await expect(open(broker, "/", { headers: {}, protocols })).rejects.toMatchObject({ status: 401, headers: { "x-egress-error": "identity_rejected" } });
    }
    expect(server.asked).toHaveLength(0);
  });

  it("is the SDK's own realtime client, with the model of its query checked and renamed", async () => {
    const server = await startSockets();
    const api = `apiVersion: spillway.dev/v1alpha1
kind: AIBackendPolicy
metadata: {name: one, namespace: team-a}
spec:
  targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: one}]
  schema: {name: OpenAI}
  models: [{name: voice, upstream: gpt-realtime-2026}]
  onUnknownModel: Reject
`;
    const broker = await startBroker({ backends: [backend(server.port)], more: api });
    // The SDK insists on TLS, which an ingress in front of the broker ends.
    const authority = createAuthority();
    const { certPem, keyPem } = authority.issue({ dnsNames: ["localhost"] });
    const ingress = createTlsServer({ cert: certPem, key: keyPem }, (socket) => {
      const inside = connect(broker.port, "127.0.0.1");
      socket
        .on("error", () => {})
        .pipe(inside)
        .on("error", () => {})
        .pipe(socket);
      cleanUp.push(() => inside.destroy());
    });
    await new Promise<void>((resolve) => void ingress.listen(0, "127.0.0.1", resolve));
    cleanUp.push(() => ingress.close());
    // The server listens on TCP.
    const client = new OpenAI({ apiKey: CALLER_TOKEN, baseURL: `https://localhost:${(ingress.address() as AddressInfo).port}/v1` });
    const realtime = new OpenAIRealtimeWS({ model: "voice", options: { ca: authority.caPem } }, client);
    cleanUp.push(() => realtime.close());
    await new Promise((resolve, reject) => realtime.socket.on("open", resolve).on("error", reject));
    const event = new Promise((resolve) => realtime.on("event", resolve));
    realtime.send({ type: "session.update", session: { type: "realtime" } });
    expect(await event).toMatchObject({ type: "session.update" });
    expect(server.asked[0]?.url).toBe("/v1/realtime?model=gpt-realtime-2026");
    await expect(open(broker, "/v1/realtime?model=other")).rejects.toMatchObject({ status: 404 });
    await expect(open(broker, "/v1/realtime")).rejects.toMatchObject({ status: 404 });
    // Two models in one query are none.
    await expect(open(broker, "/v1/realtime?model=voice&model=other")).rejects.toMatchObject({ status: 404 });
    await expect(open(broker, "/v1/realtime?model=other")).rejects.toMatchObject({ body: expect.stringContaining('"error"') });
    expect(server.asked).toHaveLength(1);
  });
});

describe("a page of another origin", () => {
  it("opens a WebSocket where the CORS filter allows it: no browser would ask", async () => {
    const server = await startSockets();
    const cors = "{type: CORS, cors: {allowOrigins: ['https://*.good.example']}}";
    const broker = await startBroker({ backends: [backend(server.port)], rule: `    filters: [${cors}]\n` });
    await expect(open(broker, "/", { headers: { ...AUTHORIZED, origin: "https://evil.example" } })).rejects.toMatchObject({
      status: 403,
      headers: { "x-egress-error": "access_denied" },
    });
    expect(server.asked).toHaveLength(0);
    for (const origin of [{ origin: "https://page.good.example" }, {}]) (await open(broker, "/", { headers: { ...AUTHORIZED, ...origin } })).socket.close();
    expect(server.asked).toHaveLength(2);
  });
});

describe("a destination that speaks HTTP/2", () => {
  it("carries no WebSocket, and the call says so", async () => {
    const broker = await startBroker({ backends: [backend(9, { protocol: "H2C", key: null })] });
    await expect(open(broker)).rejects.toMatchObject({ status: 501, headers: { "x-egress-error": "upgrade_unsupported" } });
  });
});

/** A handshake as bytes, with what follows. */
function handshake(changes: { line?: string; headers?: string[]; after?: string } = {}): string {
  const headers = changes.headers ?? ["connection: Upgrade", "upgrade: websocket", "sec-websocket-version: 13", `sec-websocket-key: ${KEY}`];
  return `${changes.line ?? "GET /chat HTTP/1.1"}\r\nhost: egress.example\r\nauthorization: Bearer ${CALLER_TOKEN}\r\n${headers.join("\r\n")}\r\n\r\n${changes.after ?? ""}`;
}
const KEY = Buffer.from("0123456789abcdef").toString("base64");
const ACCEPT = createHash("sha1").update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");

describe("a handshake on the wire", () => {
  const without = (name: string) =>
    ["connection: Upgrade", "upgrade: websocket", "sec-websocket-version: 13", `sec-websocket-key: ${KEY}`].filter((line) => !line.startsWith(name));

  it.each([
    ["another version", [...without("sec-websocket-version"), "sec-websocket-version: 8"], 426],
    ["no version", without("sec-websocket-version"), 426],
    ["no key", without("sec-websocket-key"), 400],
    ["a key of the wrong length", [...without("sec-websocket-key"), "sec-websocket-key: c2hvcnQ="], 400],
    ["two keys", [...without("none"), `sec-websocket-key: ${KEY}`], 400],
    ["a body", [...without("none"), "content-length: 5"], 400],
    ["a body in chunks", [...without("none"), "transfer-encoding: chunked"], 400],
    ["no Connection: Upgrade", without("connection"), 400],
    ["subprotocols that are no tokens", [...without("none"), "sec-websocket-protocol: a b"], 400],
  ])("with %s is refused before anybody is called", async (_, headers, status) => {
    const upstream = await startUpstream(() => {});
    cleanUp.push(upstream.close);
    const broker = await startBroker({ backends: [backend(upstream.port)] });
    const client = rawClient(broker.port, handshake({ headers }));
    await expect.poll(client.received).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*x-egress-error: request_malformed`));
    if (status === 426) expect(client.received()).toMatch(/sec-websocket-version: 13/);
    client.socket.destroy();
    expect(upstream.connections).toBe(0);
  });

  it("is answered with the 101 of the destination: its accept, our request id, and no header of one hop", async () => {
    const upstream = await startUpstream((socket) => {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade, x-hop\r\nupgrade: websocket\r\nx-hop: 1\r\nset-cookie: a=b\r\ncontent-length: 7\r\nx-own: kept\r\nx-echo: sk-of-the-broker\r\nx-request-id: of-the-provider\r\nsec-websocket-accept: ${ACCEPT}\r\n\r\n`,
      );
      // Bytes right behind the head are frames.
      socket.write(Buffer.from([0x81, 0x02, 0x68, 0x69]));
    });
    cleanUp.push(upstream.close);
    const broker = await startBroker({ backends: [backend(upstream.port)] });
    const client = rawClient(broker.port, handshake());
    await expect.poll(client.received).toContain("\r\n\r\n\x81\x02hi");
    const [head = ""] = client.received().split("\r\n\r\n");
    expect(head).toMatch(/^HTTP\/1.1 101 /);
    expect(head).toContain(`sec-websocket-accept: ${ACCEPT}`);
    expect(head).toContain("x-own: kept");
    expect(head).toContain("x-echo: [redacted]");
    expect(head).toContain("x-egress-upstream-request-id: of-the-provider");
    expect(head).toContain("x-request-id: ");
    expect(head).not.toMatch(/x-hop|set-cookie|content-length|keep-alive/i);
    client.socket.destroy();
  });

  it("closes both directions in order where the destination ends first, with all of its last bytes", async () => {
    const upstream = await startUpstream((socket) => {
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ${ACCEPT}\r\n\r\n`);
      socket.end(Buffer.alloc(300_000, 0x41));
    });
    cleanUp.push(upstream.close);
    const broker = await startBroker({ backends: [backend(upstream.port)] });
    const client = rawClient(broker.port, handshake());
    const all = await client.closed;
    expect(all.slice(all.indexOf("\r\n\r\n") + 4)).toHaveLength(300_000);
    expect(await broker.line(0)).toMatchObject({ outcome: "ok", status: 101, response_bytes: 300_000 });
  });
});

describe("a region lock", () => {
  const lock = `apiVersion: spillway.dev/v1alpha1
kind: RegionPolicy
metadata: {name: eu, namespace: egress-system}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}]
  allow: {regions: [eu-central-1, eu]}
`;

  it("lets a WebSocket pass to a place that is known whatever is said, and to no other", async () => {
    const server = await startSockets();
    const inside = await startBroker({ backends: [backend(server.port, { region: "eu-central-1" })], more: lock });
    const caller = await open(inside);
    caller.socket.send("inside");
    expect((await caller.next()).text).toBe("inside");
    const nowhere = await startBroker({ backends: [backend(server.port, { region: "eu", hostname: "eu.api.openai.com" })], more: lock });
    // The host is one of the EU, but what is said in the frames (tools, files) could have it go elsewhere.
    await expect(open(nowhere, "/v1/realtime?model=gpt-realtime")).rejects.toMatchObject({ status: 403, headers: { "x-egress-error": "region_locked" } });
    expect(server.asked).toHaveLength(1);
  });
});

describe("HTTPRouteBackendProtocolWebSocket", () => {
  it.each([["kubernetes.io/ws"], ["http"], [undefined]])("a Service whose port says appProtocol %s takes WebSockets and plain calls", async (appProtocol) => {
    const server = await startSockets();
    server.http.on("request", (_request, response) => void response.end("plain"));
    const documents = `apiVersion: v1
kind: Service
metadata: {name: chat, namespace: team-a}
spec: {ports: [{port: ${server.port}, ${appProtocol === undefined ? "" : `appProtocol: ${appProtocol}`}}]}
---
apiVersion: spillway.dev/v1alpha1
kind: BackendConnectionPolicy
metadata: {name: chat, namespace: team-a}
spec: {targetRefs: [{group: "", kind: Service, name: chat}], dns: {addresses: [127.0.0.1]}}
`;
    const broker = await startBroker({ backends: [], rules: `  - backendRefs: [{name: chat, port: ${server.port}}]\n`, more: documents });
    const caller = await open(broker);
    caller.socket.send("to the Service");
    expect((await caller.next()).text).toBe("to the Service");
    expect(await (await fetch(`http://127.0.0.1:${broker.port}/`, { headers: AUTHORIZED })).text()).toBe("plain");
  });
});

describe("a destination that changes the protocol although nobody asked", () => {
  it.each([
    ["by 101 and Upgrade", `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ${ACCEPT}\r\n\r\nsecret`],
    ["by 101 alone", "HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret"],
  ])("%s is broken off, and nothing of it reaches the caller", async (_, bytes) => {
    const upstream = await startUpstream((socket) => void socket.write(bytes));
    cleanUp.push(upstream.close);
    const broker = await startBroker({ backends: [backend(upstream.port)] });
    const answer = await fetch(`http://127.0.0.1:${broker.port}/x`, { headers: AUTHORIZED });
    expect(answer.status).toBe(502);
    expect(await answer.text()).not.toContain("secret");
  });

  it.each([
    ["another subprotocol than was offered", "sec-websocket-protocol: other\r\n"],
    ["an extension that was not offered", "sec-websocket-extensions: permessage-deflate\r\n"],
    ["two accepts", `sec-websocket-accept: ${ACCEPT}\r\n`],
  ])("to %s is no agreement", async (_, line) => {
    const upstream = await startUpstream(
      (socket) =>
        void socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ${ACCEPT}\r\n${line}\r\n`),
    );
    cleanUp.push(upstream.close);
    const broker = await startBroker({ backends: [backend(upstream.port)] });
    const client = rawClient(broker.port, handshake());
    expect(await client.closed).toMatch(/^HTTP\/1\.1 502 [\s\S]*upstream_unavailable/);
    expect(upstream.sockets.size).toBeLessThanOrEqual(1);
  });
});
