import { createSecureServer } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createUndiciTransport, type UndiciTransportOptions } from "../../adapters/transport/undici-transport.ts";
import { type BackendTimeouts, type Outcome, PLAIN_DNS } from "../../src/index.ts";
import { createAuthority } from "../fakes/certificates.ts";
import { drain, labelOf, outbound, tlsProfile } from "../fakes/outbound.ts";
import { startTlsProvider } from "../fakes/tls-provider.ts";

const authority = createAuthority();
const issued = authority.issue({ dnsNames: ["api.openai.com"] });
const PEM = { cert: issued.certPem, key: issued.keyPem };
const NO_HURRY: BackendTimeouts = { connectMs: 20_000, firstByteMs: 20_000, streamIdleMs: 20_000 };

describe.each(["http1", "h2"] as const)("a destination that is slow on purpose, over %s and TLS,", (protocol) => {
  const cleanUp: (() => Promise<unknown> | unknown)[] = [];
  afterEach(async () => {
    for (const work of cleanUp.splice(0).reverse()) await work();
  });

  async function listen(onSocket: (socket: Socket) => void): Promise<number> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      onSocket(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanUp.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  async function provider(delayMs = 0): Promise<number> {
    const started = await startTlsProvider({ protocol, delayMs, ...PEM });
    cleanUp.push(() => started.close());
    return started.port;
  }

  async function call(port: number, timeouts: Partial<BackendTimeouts>, options: UndiciTransportOptions = {}): Promise<Outcome> {
    const transport = createUndiciTransport(options);
    cleanUp.push(() => transport.close());
    const dns = options.lookup === undefined ? { ...PLAIN_DNS, addresses: ["127.0.0.1"] } : { ...PLAIN_DNS, allowCIDRs: ["127.0.0.1/32"] };
    const request = outbound(port, { protocol, dns, tls: tlsProfile({ ca: authority.caPem }), timeouts: { ...NO_HURRY, ...timeouts } });
    return await transport.dispatch(request, new AbortController().signal);
  }

  /** Hands bytes on in both directions, of the server's only so many, and the first after a while. */
  function through(port: number, serverBytes: number, afterMs = 0): Promise<number> {
    return listen((socket) => {
      const start = (): void => {
        const inner = connect({ host: "127.0.0.1", port });
        cleanUp.push(() => inner.destroy());
        inner.on("error", () => {});
        let left = serverBytes;
        socket.pipe(inner);
        inner.on("data", (bytes: Buffer) => {
          if (left > 0) socket.write(bytes.subarray(0, left));
          left -= bytes.length;
        });
      };
      if (afterMs === 0) start();
      else setTimeout(start, afterMs);
    });
  }

  describe("is given up when `connect` is over:", () => {
    it("T29 B16: it takes the connection and never begins the handshake", async () => {
      expect(labelOf(await call(await listen(() => {}), { connectMs: 150 }))).toBe("timeout connect");
    });

    it.each([1, 5, 100, 600])("T29 B16: it stops in the middle of the handshake, after %i bytes", async (bytes) => {
      expect(labelOf(await call(await through(await provider(), bytes), { connectMs: 250 }))).toBe("timeout connect");
    });

    it("its name is never resolved", async () => {
      const lookup = () => new Promise<readonly string[]>(() => {});
      expect(labelOf(await call(await provider(), { connectMs: 150 }, { lookup }))).toBe("timeout connect");
    });

    it("each step alone would be in time, and all together are not", async () => {
      const lookup = () => new Promise<readonly string[]>((resolve) => setTimeout(resolve, 700, ["127.0.0.1"]));
      expect(labelOf(await call(await through(await provider(), Number.POSITIVE_INFINITY, 700), { connectMs: 1_000 }, { lookup }))).toBe("timeout connect");
    });

    it("and not when it is only slow", async () => {
      const outcome = await call(await through(await provider(), Number.POSITIVE_INFINITY, 300), {});
      expect(outcome.kind).toBe("answer");
      if (outcome.kind === "answer") expect((await drain(outcome.body)).text).toBe("{}");
    });
  });

  /** Answers as the test says, in either protocol. */
  async function answering(
    write: (response: { writeHead(status: number): unknown; write(text: string): unknown; flushHeaders?(): void }) => void,
  ): Promise<number> {
    const sockets = new Set<{ destroy(): unknown }>();
    const server = protocol === "h2" ? createSecureServer(PEM) : createHttpsServer(PEM);
    server.on("secureConnection", (socket: Socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
    });
    server.on("request", (request, response) => {
      request.resume();
      write(response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
    cleanUp.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  describe("is given up when `firstByte` is over:", () => {
    it("it takes the request and says nothing", async () => {
      expect(labelOf(await call(await answering(() => {}), { firstByteMs: 150 }))).toBe("timeout first_byte");
    });

    it("it sends a head and nothing behind it", async () => {
      const port = await answering((response) => {
        response.writeHead(200);
        response.flushHeaders?.();
      });
      const outcome = await call(port, { firstByteMs: 300 });
      // Either it came with its head in time and the body never did, or, on a machine that stands still, not even that.
      if (outcome.kind !== "answer") expect(labelOf(outcome)).toBe("timeout first_byte");
      else expect((await outcome.body.peek(0)).failure).toMatchObject({ kind: "timeout", phase: "first_byte" });
    });

    it("and not when it is only slow", async () => {
      expect((await call(await provider(300), {})).kind).toBe("answer");
    });
  });

  it("is given up when `streamIdle` is over: it begins to answer and falls silent", async () => {
    const port = await answering((response) => {
      response.writeHead(200);
      response.write("data: 1\n\n");
    });
    const outcome = await call(port, { streamIdleMs: 150 });
    expect(outcome.kind).toBe("answer");
    if (outcome.kind !== "answer") return;
    const { text, failure } = await drain(outcome.body);
    expect(text).toBe("data: 1\n\n");
    expect(failure).toMatchObject({ kind: "timeout", phase: "idle" });
  });
});
