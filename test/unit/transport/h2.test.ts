import { createSecureServer, createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { createServer as createTcpServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createUndiciTransport } from "../../../adapters/transport/undici-transport.ts";
import type { OutboundRequest, StreamBody, Transport } from "../../../src/index.ts";
import { createAuthority } from "../../fakes/certificates.ts";
import { leastOf } from "../../fakes/least-time.ts";
import { answerOf, drain, labelOf, outbound, tlsProfile, until } from "../../fakes/outbound.ts";
import { reply, startUpstream } from "../../fakes/upstream.ts";

const authority = createAuthority();
const issued = authority.issue({ dnsNames: ["api.openai.com"] });

interface H2Upstream {
  readonly port: number;
  readonly requests: { readonly headers: IncomingHttpHeaders; body: string }[];
  readonly streams: Set<ServerHttp2Stream>;
  sessions: number;
  readonly server: Http2Server;
}

describe.each(["h2", "h2c"] as const)("HTTP/2 upstream by %s", (protocol) => {
  const cleanUp: (() => void | Promise<void>)[] = [];
  afterEach(async () => {
    for (const work of cleanUp.splice(0).reverse()) await work();
  });

  async function start(
    answer: (stream: ServerHttp2Stream, body: string) => void,
    onHead: ((stream: ServerHttp2Stream) => void) | null = null,
  ): Promise<H2Upstream> {
    const server: Http2Server = protocol === "h2" ? createSecureServer({ cert: issued.certPem, key: issued.keyPem }) : createServer();
    const open = new Set<{ destroy(): void }>();
    const upstream: H2Upstream = { port: 0, requests: [], streams: new Set(), sessions: 0, server };
    server.on("session", (session) => {
      upstream.sessions += 1;
      open.add(session);
    });
    server.on("stream", (stream, headers) => {
      upstream.streams.add(stream);
      stream.on("close", () => upstream.streams.delete(stream));
      stream.on("error", () => {});
      const request = { headers, body: "" };
      upstream.requests.push(request);
      stream.on("data", (chunk: Buffer) => {
        request.body += chunk.toString();
      });
      if (onHead !== null) onHead(stream);
      else stream.on("end", () => answer(stream, request.body));
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    cleanUp.push(() => {
      for (const session of open) session.destroy();
      server.close();
    });
    const address = server.address();
    return {
      ...upstream,
      port: typeof address === "object" && address !== null ? address.port : 0,
      get sessions() {
        return upstream.sessions;
      },
    };
  }
  function transport(): Transport {
    const made = createUndiciTransport();
    cleanUp.push(() => made.close());
    return made;
  }
  function request(port: number, changes: Partial<OutboundRequest> = {}): OutboundRequest {
    return outbound(port, { protocol, tls: protocol === "h2" ? tlsProfile({ ca: authority.caPem }) : null, ...changes });
  }
  const signal = (): AbortSignal => new AbortController().signal;
  const ok = (stream: ServerHttp2Stream, text = "{}"): void => {
    stream.respond({ ":status": 200, "content-type": "application/json", "x-b": ["1", "2"] });
    stream.end(text);
  };

  it("carries a call", async () => {
    const upstream = await start((stream) => ok(stream));
    const headers = ["host", "api.openai.com", "X-A", "1", "x-a", "2"];
    const answer = answerOf(await transport().dispatch(request(upstream.port, { headers }), signal()));
    expect(answer.status).toBe(200);
    expect(answer.headers).toEqual(expect.arrayContaining(["content-type", "application/json", "x-b", "1", "x-b", "2"]));
    expect(answer.headers.some((text) => text.startsWith(":"))).toBe(false);
    expect(answer.peer).toEqual({ address: "127.0.0.1", protocol: "h2" });
    expect(await drain(answer.body)).toEqual({ text: "{}", failure: null });
    const seen = upstream.requests[0];
    expect(seen?.headers).toMatchObject({
      ":method": "POST",
      ":path": "/v1/chat/completions",
      ":authority": "api.openai.com",
      "x-a": "1, 2",
      "content-length": "13",
    });
    expect(seen?.headers.host).toBe(undefined);
    expect(seen?.body).toBe('{"model":"m"}');
  });

  it("carries many calls at once on one connection", async () => {
    const upstream = await start((stream, body) => ok(stream, body));
    const port = transport();
    const bodies = await Promise.all(
      Array.from({ length: 30 }, async (_, i) => {
        const answer = await port.dispatch(request(upstream.port, { body: { kind: "bytes", bytes: Buffer.from(`call ${i}`) } }), signal());
        return (await drain(answerOf(answer).body)).text;
      }),
    );
    expect(bodies).toEqual(Array.from({ length: 30 }, (_, i) => `call ${i}`));
    expect(upstream.sessions).toBe(1);
  });

  it("carries a streamed body and a GET", async () => {
    const upstream = await start((stream) => ok(stream));
    const port = transport();
    const body: StreamBody = {
      kind: "stream",
      length: null,
      replayable: () => true,
      overflowed: () => false,
      open: async function* () {
        yield Buffer.from("one");
        yield Buffer.from("two");
      },
    };
    await drain(answerOf(await port.dispatch(request(upstream.port, { body }), signal())).body);
    await drain(answerOf(await port.dispatch(request(upstream.port, { method: "GET", body: { kind: "none" } }), signal())).body);
    expect(upstream.requests.map((seen) => seen.body)).toEqual(["onetwo", ""]);
  });

  it("resets the stream when it is cancelled, and keeps the connection", async () => {
    const upstream = await start((stream) => {
      stream.respond({ ":status": 200 });
      stream.write("data: 1\n\n");
    });
    const port = transport();
    const closing = async () => {
      const { body } = answerOf(await port.dispatch(request(upstream.port), signal()));
      await body.peek(0);
      body.cancel();
      return until(() => upstream.streams.size === 0, "the stream is closed");
    };
    expect(await leastOf(100, closing)).toBeLessThan(100);
    const again = answerOf(await port.dispatch(request(upstream.port), signal()));
    again.body.cancel();
    expect(upstream.sessions).toBe(1);
  });

  it("after a chunk, the connection lost is no end", async () => {
    const upstream = await start((stream) => {
      stream.respond({ ":status": 200 });
      stream.write("part", () => setTimeout(() => stream.session?.destroy(), 20));
    });
    const { body } = answerOf(await transport().dispatch(request(upstream.port), signal()));
    const drained = await drain(body);
    expect(drained.text).toBe("part");
    expect(drained.failure?.kind).toBe("reset");
  });

  it("an end short of the declared length is no end", async () => {
    const upstream = await start((stream) => {
      stream.respond({ ":status": 200, "content-length": "100" });
      stream.end("part");
    });
    const outcome = await transport().dispatch(request(upstream.port), signal());
    const failure = outcome.kind === "answer" ? (await drain(outcome.body)).failure : outcome;
    expect(failure?.kind).toMatch(/^(protocol|reset)$/);
  });

  it("no answer at all", async () => {
    const upstream = await start((stream) => stream.close(2));
    expect(labelOf(await transport().dispatch(request(upstream.port), signal()))).toBe("reset sent");
  });

  it("a silent destination: first_byte, and the next call gets another connection", async () => {
    const upstream = await start(() => {});
    const port = transport();
    const timeouts = { connectMs: 20_000, firstByteMs: 80, streamIdleMs: 80 };
    expect(labelOf(await port.dispatch(request(upstream.port, { timeouts }), signal()))).toBe("timeout first_byte");
    expect(labelOf(await port.dispatch(request(upstream.port, { timeouts }), signal()))).toBe("timeout first_byte");
    expect(upstream.sessions).toBe(2);
  });

  it("stops one stream without stopping its neighbour", async () => {
    const upstream = await start((stream, body) => {
      stream.respond({ ":status": 200 });
      if (body === "small") stream.end("small");
      else stream.end(Buffer.alloc(8 * 1_048_576, "x"));
    });
    const port = transport();
    const stalled = answerOf(await port.dispatch(request(upstream.port), signal()));
    await stalled.body.peek(0);
    const small = answerOf(await port.dispatch(request(upstream.port, { body: { kind: "bytes", bytes: Buffer.from("small") } }), signal()));
    expect(await drain(small.body)).toEqual({ text: "small", failure: null });
    expect((await drain(stalled.body)).text.length).toBe(8 * 1_048_576);
    expect(upstream.sessions).toBe(1);
  });

  it("a destination that speaks HTTP/1.1 only is a failed connection, or a broken one in plaintext", async () => {
    const upstream = await startUpstream((socket) => socket.write(reply("{}")), protocol === "h2" ? { cert: issued.certPem, key: issued.keyPem } : null);
    cleanUp.push(() => upstream.close());
    const outcome = await transport().dispatch(request(upstream.port), signal());
    expect(labelOf(outcome)).toBe(protocol === "h2" ? "connect tls" : "reset sent");
  });
});

describe("a destination that breaks an HTTP/2 stream off", () => {
  // Node's own server ends a stream properly before it resets it, so the frames are written by hand (RFC 9113 section 4.1).
  const frame = (type: number, flags: number, stream: number, payload: Buffer): Buffer => {
    const head = Buffer.alloc(9);
    head.writeUIntBE(payload.length, 0, 3);
    head.writeUInt8(type, 3);
    head.writeUInt8(flags, 4);
    head.writeUInt32BE(stream, 5);
    return Buffer.concat([head, payload]);
  };
  const PREFACE = 24;

  it.each([
    ["RST_STREAM CANCEL", (socket: Socket, stream: number) => void socket.write(frame(3, 0, stream, Buffer.from([0, 0, 0, 8])))],
    ["RST_STREAM INTERNAL_ERROR", (socket: Socket, stream: number) => void socket.write(frame(3, 0, stream, Buffer.from([0, 0, 0, 2])))],
    ["FIN", (socket: Socket) => void socket.end()],
    ["garbage", (socket: Socket) => void socket.write(Buffer.alloc(64, 0xff))],
  ])("by %s has not ended its answer", async (_name, die) => {
    const server = createTcpServer((socket) => {
      let bytes = Buffer.alloc(0);
      let skipped = false;
      socket.on("error", () => {});
      socket.write(frame(4, 0, 0, Buffer.alloc(0)));
      socket.on("data", (data) => {
        bytes = Buffer.concat([bytes, data]);
        if (!skipped && bytes.length >= PREFACE) {
          skipped = true;
          bytes = bytes.subarray(PREFACE);
        }
        while (skipped && bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
          const [type, stream] = [bytes.readUInt8(3), bytes.readUInt32BE(5)];
          bytes = bytes.subarray(9 + bytes.readUIntBE(0, 3));
          if (type !== 1) continue;
          // HEADERS with `:status: 200` from the static table, then DATA without END_STREAM.
          socket.write(Buffer.concat([frame(1, 4, stream, Buffer.from([0x88])), frame(0, 0, stream, Buffer.from("part"))]));
          setTimeout(die, 20, socket, stream);
        }
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const address = server.address();
    const transport = createUndiciTransport();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const { body } = answerOf(await transport.dispatch(outbound(port, { protocol: "h2c" }), new AbortController().signal));
    const drained = await drain(body);
    expect(drained.text).toBe("part");
    expect(drained.failure?.kind).toBe("reset");
    await transport.close();
    server.close();
  });
});
