import { afterEach, describe, expect, it, vi } from "vitest";
import { createUndiciTransport } from "../../../adapters/transport/undici-transport.ts";
import type { DeliveryEnd, StreamCodec } from "../../../src/index.ts";
import { rawClient, startNodeServer } from "../../fakes/node-broker.ts";
import { answerOf, outbound, until } from "../../fakes/outbound.ts";
import { type Answer, chunk, reply, STREAM_HEAD, startUpstream, type Upstream } from "../../fakes/upstream.ts";

const GET = "GET /v1/x HTTP/1.1\r\nHost: broker.test\r\n\r\n";
const CLOSE = "GET /v1/x HTTP/1.1\r\nHost: broker.test\r\nConnection: close\r\n\r\n";

/** Shouts, knows `END` for the end of a whole answer, and says so when there was none. */
function shouting(): StreamCodec {
  let ended = false;
  return {
    chunk: (bytes) => {
      const text = Buffer.from(bytes).toString();
      ended ||= text.includes("END");
      return Buffer.from(text.toUpperCase());
    },
    end: () => ({ bytes: null, complete: ended }),
    fail: (message) => Buffer.from(`event: error\ndata: ${message}\n\n`),
  };
}

const silentOnFailure = (): StreamCodec => ({ chunk: (bytes) => bytes, end: () => ({ bytes: null, complete: true }), fail: () => null });

describe("the way back to a caller of node:http", () => {
  const cleanUp: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const work of cleanUp.splice(0).reverse()) await work();
  });

  interface Proxy {
    readonly port: number;
    readonly upstream: Upstream;
    readonly ends: DeliveryEnd[];
    readonly firstBytes: number[];
    readonly server: Awaited<ReturnType<typeof startNodeServer>>["server"];
  }

  /** A broker of three lines: one call out, its answer back, 502 when nothing has started. */
  async function proxy(answer: Answer, codec: () => StreamCodec | null = () => null): Promise<Proxy> {
    const upstream = await startUpstream(answer);
    const transport = createUndiciTransport();
    const ends: DeliveryEnd[] = [];
    const firstBytes: number[] = [];
    const { server, port } = await startNodeServer(async (exchange) => {
      const { method } = exchange;
      const outcome = await transport.dispatch(outbound(upstream.port, { method, body: { kind: "none" } }), exchange.signal);
      if (outcome.kind !== "answer") {
        exchange.responder.reply(502, ["content-length", "0"], null);
        return;
      }
      const { status, headers, body } = answerOf(outcome);
      const kept = headers.filter((_text, i) => !["transfer-encoding", "connection"].includes((headers[i - (i % 2)] ?? "").toLowerCase()));
      const end = await exchange.responder.deliver({
        status,
        headers: kept,
        body,
        codec: codec(),
        trailers: null,
        onFirstByte: () => void firstBytes.push(performance.now()),
      });
      ends.push(end);
      if (!exchange.responder.started) exchange.responder.reply(502, ["content-length", "0"], null);
    });
    cleanUp.push(
      () => upstream.close(),
      () => transport.close(),
      () => server.drain(0),
    );
    return { port, upstream, ends, firstBytes, server };
  }

  it("a small answer leaves in one piece with its length", async () => {
    const { port, ends, firstBytes } = await proxy((socket) => socket.write(reply("hello")));
    const received = await rawClient(port, CLOSE).closed;
    expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(received.match(/content-length: 5/gi)?.length).toBe(1);
    expect(received.endsWith("\r\n\r\nhello")).toBe(true);
    expect(ends).toEqual([{ kind: "complete", bytes: 5, failure: null }]);
    expect(firstBytes.length).toBe(1);
  });

  it("a chunked answer that is whole at once gets a length, as long as what the codec made of it", async () => {
    const { port } = await proxy((socket) => socket.write(STREAM_HEAD + chunk("a ") + chunk("end END") + chunk("")), shouting);
    const received = await rawClient(port, CLOSE).closed;
    expect(received).toContain("content-length: 9");
    expect(received.endsWith("\r\n\r\nA END END")).toBe(true);
  });

  it("a stream leaves as it comes, what came in one tick in one chunk", async () => {
    const { port, upstream, ends } = await proxy((socket) => {
      socket.write(STREAM_HEAD + chunk("one ") + chunk("two "));
    });
    const client = rawClient(port, CLOSE);
    await until(() => client.received().includes("8\r\none two \r\n"), "the first chunks have come");
    for (const socket of upstream.sockets) socket.write(chunk("three") + chunk(""));
    const received = await client.closed;
    expect(received.endsWith("5\r\nthree\r\n0\r\n\r\n")).toBe(true);
    expect(ends[0]).toEqual({ kind: "complete", bytes: 13, failure: null });
  });

  it.each([
    ["HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", /content-length: 5/i],
    ["GET", "HTTP/1.1 204 No Content\r\n\r\n", /^HTTP\/1\.1 204 /],
    ["GET", 'HTTP/1.1 304 Not Modified\r\netag: "x"\r\n\r\n', /etag: "x"/],
    ["GET", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", /content-length: 0/i],
  ])("an answer to %s without a body has none: %s", async (method, answer, expected) => {
    const { port, ends } = await proxy((socket) => socket.write(answer));
    const received = await rawClient(port, CLOSE.replace("GET", method)).closed;
    expect(received).toMatch(expected);
    expect(received.split("\r\n\r\n")[1]).toBe("");
    expect(ends[0]).toEqual({ kind: "complete", bytes: 0, failure: null });
  });

  it("keeps the connection for the next call", async () => {
    const { port } = await proxy((socket) => socket.write(reply("hello")));
    const received = await rawClient(port, GET + CLOSE).closed;
    expect(received.match(/HTTP\/1\.1 200/g)?.length).toBe(2);
  });

  describe("when the upstream breaks off", () => {
    it("before any byte, nothing has started and the broker may answer in its place", async () => {
      const { port, ends } = await proxy((socket) => {
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n", () => setTimeout(() => socket.destroy(), 20));
      });
      expect(await rawClient(port, CLOSE).closed).toMatch(/^HTTP\/1\.1 502 /);
      expect(ends[0]).toMatchObject({ kind: "upstream_failed", bytes: 0 });
    });

    it("and has said so itself in the same tick, its own words arrive", async () => {
      const told = (): StreamCodec => ({ chunk: (bytes) => bytes, end: () => ({ bytes: null, complete: false }), fail: () => new Uint8Array(0) });
      const { port, ends } = await proxy((socket) => socket.write(STREAM_HEAD + chunk("data: error") + chunk("")), told);
      const received = await rawClient(port, GET).closed;
      expect(received).toMatch(/^HTTP\/1\.1 200 /);
      expect(received).toContain("data: error");
      expect(received.endsWith("0\r\n\r\n")).toBe(false);
      expect(ends[0]).toMatchObject({ kind: "truncated", bytes: 11 });
    });

    it("after some, all of them and the error event arrive, and the framing stays open", async () => {
      const { port, ends } = await proxy((socket) => {
        socket.write(STREAM_HEAD + chunk("one ") + chunk("two ") + chunk("three"), () => setTimeout(() => socket.resetAndDestroy(), 30));
      }, shouting);
      const received = await rawClient(port, GET).closed;
      expect(received).toContain("ONE TWO THREE");
      expect(received).toContain("event: error");
      expect(received.endsWith("0\r\n\r\n")).toBe(false);
      expect(ends[0]).toMatchObject({ kind: "upstream_failed", failure: { kind: "reset" } });
    });

    it("in the same tick as its first bytes, they arrive with the error event", async () => {
      const { port } = await proxy((socket) => socket.end(STREAM_HEAD + chunk("one ")), shouting);
      const received = await rawClient(port, GET).closed;
      expect(received).toMatch(/ONE /);
      expect(received).toContain("event: error");
    });

    it("in a format without error events the connection breaks", async () => {
      const { port } = await proxy((socket) => {
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", () => setTimeout(() => socket.destroy(), 30));
      }, silentOnFailure);
      const received = await rawClient(port, GET).closed;
      expect(received).toContain("content-length: 10");
      expect(received.endsWith("\r\n\r\nhalf")).toBe(true);
    });

    it("an end without the dialect's end marker is a broken answer too", async () => {
      const { port, ends } = await proxy((socket) => {
        socket.write(STREAM_HEAD + chunk("one "), () => setTimeout(() => socket.write(chunk("")), 30));
      }, shouting);
      const received = await rawClient(port, GET).closed;
      expect(received).toContain("event: error");
      expect(received.endsWith("0\r\n\r\n")).toBe(false);
      expect(ends[0]?.kind).toBe("truncated");
    });

    it("an HTTP/1.0 caller, who knows no framing, sees a reset and no proper end", async () => {
      const { port } = await proxy((socket) => {
        socket.write(STREAM_HEAD + chunk("one "), () => setTimeout(() => socket.destroy(), 30));
      });
      const client = rawClient(port, "GET /v1/x HTTP/1.0\r\nHost: broker.test\r\n\r\n");
      let reset = false;
      client.socket.on("error", () => {
        reset = true;
      });
      await client.closed;
      expect(reset).toBe(true);
    });
  });

  describe("when the caller goes away", () => {
    it.each([
      ["in the middle of a stream", (socket: Parameters<Answer>[0]) => void socket.write(STREAM_HEAD + chunk("one"))],
      ["before any byte of the answer", () => {}],
    ])("%s, the upstream is cancelled at once", async (_name, answer) => {
      const { port, upstream } = await proxy(answer);
      const client = rawClient(port, GET);
      await until(() => upstream.seen.length === 1, "the request has arrived");
      await new Promise((resolve) => setTimeout(resolve, 20));
      client.socket.destroy();
      // Long before the idle limit, which would close it too.
      await until(() => upstream.sockets.size === 0, "the upstream is closed");
    });
  });

  it("a caller that does not read stops the upstream, and gets all of it when it does", async () => {
    const piece = Buffer.alloc(16_384, "x").toString();
    const total = 48 * 1_048_576;
    let written = 0;
    const { port, ends } = await proxy((socket) => {
      socket.write(STREAM_HEAD);
      const pump = (): void => {
        while (written < total) {
          written += piece.length;
          if (!socket.write(chunk(piece))) {
            socket.once("drain", pump);
            return;
          }
        }
        socket.write(chunk(""));
      };
      pump();
    });
    const client = rawClient(port, GET);
    client.socket.pause();
    let last = -1;
    await expect
      .poll(
        () => {
          const still = last === written && written > 0;
          last = written;
          return still;
        },
        { interval: 100 },
      )
      .toBe(true);
    // Mostly the kernel's buffers on both connections.
    expect(written).toBeLessThan(24 * 1_048_576);
    client.socket.resume();
    await expect.poll(() => ends.length).toBe(1);
    expect(ends[0]).toMatchObject({ kind: "complete", bytes: total });
    client.socket.destroy();
  });

  it("F16 T24 B16: a caller that takes nothing for a minute is given up, and so is its upstream", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    cleanUp.push(async () => void vi.useRealTimers());
    const piece = chunk(Buffer.alloc(16_384, "x").toString());
    const { port, ends, upstream } = await proxy((socket) => {
      socket.write(STREAM_HEAD);
      const pump = (): void => {
        while (socket.write(piece));
        socket.once("drain", pump);
      };
      pump();
    });
    const client = rawClient(port, GET);
    client.socket.pause();
    // The idle limit of the upstream is two seconds: it must not run while the caller is the one that stops.
    const fed = (): number => [...upstream.sockets].reduce((sum, socket) => sum + socket.bytesWritten, 0);
    for (let last = -1; last !== fed() || last <= 0; ) {
      last = fed();
      for (let turn = 0; turn < 2_000; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }
    vi.advanceTimersByTime(59_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(ends).toEqual([]);
    vi.advanceTimersByTime(2_000);
    await until(() => ends.length === 1 && upstream.sockets.size === 0, "the upstream is closed");
    expect(ends[0]?.kind).toBe("stalled");
    client.socket.destroy();
  });

  describe("when the server drains", () => {
    it("calls under way end well, new connections are refused, idle ones close", async () => {
      const { port, upstream, server } = await proxy((socket) => socket.write(STREAM_HEAD + chunk("one ")), shouting);
      const idle = rawClient(port, "");
      const client = rawClient(port, GET);
      await until(() => client.received().includes("ONE"), "the stream runs");
      const drained = server.drain(5_000);
      await idle.closed;
      const late = rawClient(port, GET);
      expect(await late.closed).toBe("");
      for (const socket of upstream.sockets) socket.write(chunk("END") + chunk(""));
      await drained;
      expect(await client.closed).toContain("3\r\nEND\r\n0\r\n\r\n");
    });

    it("what is not done when the grace is over ends as a broken answer", async () => {
      const { port, server, ends } = await proxy((socket) => socket.write(STREAM_HEAD + chunk("one ")), shouting);
      const client = rawClient(port, GET);
      await until(() => client.received().includes("ONE"), "the stream runs");
      await server.drain(50);
      const received = await client.closed;
      expect(received).toContain("event: error");
      expect(received.endsWith("0\r\n\r\n")).toBe(false);
      expect(ends[0]?.kind).toBe("upstream_failed");
    });
  });
});
