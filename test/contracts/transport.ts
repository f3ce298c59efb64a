import { createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { OutboundRequest, Outcome, StreamBody, Transport } from "../../src/index.ts";
import { leastOf, leastTime } from "../fakes/least-time.ts";
import { answerOf, drain, labelOf, outbound, until } from "../fakes/outbound.ts";
import { chunk, reply, STREAM_HEAD, startUpstream, type Upstream } from "../fakes/upstream.ts";

/** What every implementation of the `Transport` port does, over real sockets. */
export function describeTransport(name: string, create: () => Transport): void {
  describe(`${name} keeps the contract of Transport`, () => {
    const cleanUp: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const work of cleanUp.splice(0)) await work();
    });

    async function upstream(answer: Parameters<typeof startUpstream>[0]): Promise<Upstream> {
      const started = await startUpstream(answer);
      cleanUp.push(() => started.close());
      return started;
    }
    function transport(): Transport {
      const made = create();
      cleanUp.push(() => made.close());
      return made;
    }
    async function once(answer: Parameters<typeof startUpstream>[0], changes: Partial<OutboundRequest> = {}): Promise<Outcome> {
      const server = await upstream(answer);
      return transport().dispatch(outbound(server.port, changes), new AbortController().signal);
    }

    describe("sends what it is given", () => {
      it("bytes with their length, the headers in order, and nothing of its own but the framing", async () => {
        const server = await upstream((socket) => socket.write(reply("{}")));
        const headers = ["host", "api.openai.com", "Content-Type", "application/json", "x-b", "2", "x-a", "1", "x-b", "3"];
        const outcome = await transport().dispatch(outbound(server.port, { headers, path: "/v1/x?y=%20" }), new AbortController().signal);
        await drain(answerOf(outcome).body);
        const request = server.seen[0];
        expect(request?.target).toBe("/v1/x?y=%20");
        expect(request?.body.toString()).toBe('{"model":"m"}');
        expect(request?.headers).toEqual([
          ["host", "api.openai.com"],
          ["connection", "keep-alive"],
          ["content-type", "application/json"],
          ["x-b", "2"],
          ["x-a", "1"],
          ["x-b", "3"],
          ["content-length", "13"],
        ]);
      });

      it.each([
        ["with the declared length", 10],
        ["in chunks when no length is known", null],
      ])("a streamed body %s", async (_name, length) => {
        const server = await upstream((socket) => socket.write(reply("{}")));
        const body = streamOf(["hello", "world"], length);
        const outcome = await transport().dispatch(outbound(server.port, { body }), new AbortController().signal);
        await drain(answerOf(outcome).body);
        expect(server.seen[0]?.body.toString()).toBe("helloworld");
        const names = server.seen[0]?.headers.map(([header]) => header) ?? [];
        expect(names.includes("content-length")).toBe(length !== null);
        expect(names.includes("transfer-encoding")).toBe(length === null);
      });

      it("the same body again to another destination", async () => {
        const server = await upstream((socket) => socket.write(reply("{}")));
        const port = transport();
        const body = streamOf(["again"], 5);
        for (let i = 0; i < 2; i += 1) await drain(answerOf(await port.dispatch(outbound(server.port, { body }), new AbortController().signal)).body);
        expect(server.seen.map((request) => request.body.toString())).toEqual(["again", "again"]);
      });

      it("fails as the caller's body when that breaks off", async () => {
        const body: StreamBody = {
          kind: "stream",
          length: 100,
          replayable: () => false,
          overflowed: () => false,
          open: async function* () {
            yield Buffer.from("half");
            throw new Error("the caller left: secret text");
          },
        };
        const outcome = await once(() => {}, { body });
        expect(labelOf(outcome)).toBe("request_body");
        expect(JSON.stringify(outcome)).not.toContain("secret text");
      });

      it("takes an answer that comes before the body is sent", async () => {
        const early = await startUpstreamOnFirstByte("HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno");
        cleanUp.push(early.close);
        const body: StreamBody = {
          kind: "stream",
          length: null,
          replayable: () => false,
          overflowed: () => false,
          open: async function* () {
            yield Buffer.from("first");
            await new Promise(() => {});
          },
        };
        const outcome = await transport().dispatch(outbound(early.port, { body }), new AbortController().signal);
        expect(answerOf(outcome).status).toBe(413);
        expect(await drain(answerOf(outcome).body)).toEqual({ text: "no", failure: null });
      });
    });

    describe("gives the answer back as it came", () => {
      it("with names, order and case of the headers, and the peer", async () => {
        const outcome = answerOf(await once((socket) => socket.write("HTTP/1.1 429 No\r\nRetry-After: 7\r\nX-B: 1\r\nx-b: 2\r\ncontent-length: 0\r\n\r\n")));
        expect(outcome.status).toBe(429);
        expect(outcome.headers).toEqual(["Retry-After", "7", "X-B", "1", "x-b", "2", "content-length", "0"]);
        expect(outcome.peer.address).toBe("127.0.0.1");
        expect(await drain(outcome.body)).toEqual({ text: "", failure: null });
      });

      it.each([301, 302, 303, 307, 308])("never follows a %i", async (status) => {
        const other = await upstream((socket) => socket.write(reply("stolen")));
        const outcome = answerOf(
          await once((socket) => socket.write(reply("", { location: `http://127.0.0.1:${other.port}/` }, status)), {
            headers: ["host", "api.openai.com", "authorization", "Bearer k"],
          }),
        );
        expect(outcome.status).toBe(status);
        await drain(outcome.body);
        expect(other.connections).toBe(0);
      });

      it("never inflates", async () => {
        const outcome = answerOf(await once((socket) => socket.write(reply("not gzip at all", { "content-encoding": "gzip" }))));
        expect((await drain(outcome.body)).text).toBe("not gzip at all");
      });

      it("T9: reuses the connection after a whole answer, within one pool key only", async () => {
        const server = await upstream((socket) => socket.write(reply("{}")));
        const port = transport();
        for (const poolKey of ["a", "a", "b", "a"]) {
          await drain(answerOf(await port.dispatch(outbound(server.port, { poolKey }), new AbortController().signal)).body);
        }
        expect(server.connections).toBe(2);
      });
    });

    describe("holds bytes until somebody wants them", () => {
      it("lets them be looked at first", async () => {
        const { body } = answerOf(await once((socket) => socket.write(STREAM_HEAD + chunk("data: 1\n\n") + chunk("data: 2\n\n") + chunk(""))));
        const peeked = await body.peek(0);
        expect(Buffer.from(peeked.bytes).toString()).toMatch(/^data: 1\n\n/);
        const more = await body.peek(1_000);
        expect(more.ended).toBe(true);
        expect(await drain(body)).toEqual({ text: "data: 1\n\ndata: 2\n\n", failure: null });
      });

      it("stops the source when nobody reads, and goes on when somebody does", async () => {
        const piece = Buffer.alloc(16_384, "x").toString();
        let written = 0;
        const server = await upstream((socket) => {
          socket.write(STREAM_HEAD);
          const pump = (): void => {
            while (written < 32 * 1_048_576) {
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
        const { body } = answerOf(await transport().dispatch(outbound(server.port), new AbortController().signal));
        let last = -1;
        await until(() => {
          const still = last === written && written > 0;
          last = written;
          return still;
        }, "the upstream is stopped");
        await quiet(() => written);
        const stoppedAt = written;
        expect(stoppedAt).toBeLessThan(12 * 1_048_576);
        let received = 0;
        let paused = false;
        const ended = new Promise<boolean>((resolve) => {
          body.consume({
            chunk: (bytes) => {
              received += bytes.length;
              if (!paused && received > 100_000) {
                paused = true;
                body.pause();
              }
            },
            end: () => resolve(true),
            failed: () => resolve(false),
          });
        });
        await until(() => paused, "the consumer has paused");
        const heldAt = received;
        await quiet(() => received);
        expect(received).toBe(heldAt);
        expect(heldAt).toBeLessThan(300_000);
        body.resume();
        expect(await ended).toBe(true);
        expect(received).toBe(32 * 1_048_576);
      });
    });

    describe("stops at once", () => {
      it("when the answer is cancelled", async () => {
        const server = await upstream((socket) => socket.write(STREAM_HEAD + chunk("data: 1\n\n")));
        const closing = async () => {
          const { body } = answerOf(await transport().dispatch(outbound(server.port), new AbortController().signal));
          await body.peek(0);
          body.cancel();
          return until(() => server.sockets.size === 0, "the connection is closed");
        };
        expect(await leastOf(100, closing)).toBeLessThan(100);
      });

      it("when the signal aborts before the head, and says that it was cancelled", async () => {
        const server = await upstream(() => {});
        const closing = async () => {
          const before = server.seen.length;
          const controller = new AbortController();
          const outcome = transport().dispatch(outbound(server.port), controller.signal);
          await until(() => server.seen.length === before + 1, "the request has arrived");
          controller.abort();
          expect(labelOf(await outcome)).toBe("cancelled");
          return until(() => server.sockets.size === 0, "the connection is closed");
        };
        expect(await leastOf(100, closing)).toBeLessThan(100);
      });

      it("when the signal aborts in the middle, for whoever consumes", async () => {
        const server = await upstream((socket) => socket.write(STREAM_HEAD + chunk("data: 1\n\n")));
        const controller = new AbortController();
        const { body } = answerOf(await transport().dispatch(outbound(server.port), controller.signal));
        await body.peek(0);
        const drained = drain(body);
        controller.abort(new DOMException("up", "TimeoutError"));
        expect(await drained).toMatchObject({ text: "data: 1\n\n", failure: { kind: "timeout", phase: "total" } });
      });

      it("before it has begun, when the signal had aborted already", async () => {
        const server = await upstream(() => {});
        expect(labelOf(await transport().dispatch(outbound(server.port), AbortSignal.abort()))).toBe("cancelled");
        expect(server.connections).toBe(0);
      });
    });

    describe("keeps its time limits", () => {
      // Only silence may run into the short one: whoever speaks, speaks late on a busy machine.
      const patient = { connectMs: 20_000, firstByteMs: 20_000, streamIdleMs: 20_000 };
      const shortIdle = { ...patient, streamIdleMs: 80 };

      it("no answer: first_byte", async () => {
        const silent = async () => expect(labelOf(await once(() => {}, { timeouts: { ...patient, firstByteMs: 80 } }))).toBe("timeout first_byte");
        expect(await leastTime(80 + 150, silent)).toBeLessThan(80 + 150);
      });

      it("a head and then silence: first_byte, seen by whoever peeks", async () => {
        const { body } = answerOf(await once((socket) => socket.write(STREAM_HEAD), { timeouts: { ...patient, firstByteMs: 1_000 } }));
        expect((await body.peek(0)).failure).toMatchObject({ kind: "timeout", phase: "first_byte" });
      });

      it("F10: silence after some chunks: idle", async () => {
        const { body } = answerOf(await once((socket) => socket.write(STREAM_HEAD + chunk("a")), { timeouts: shortIdle }));
        await body.peek(0);
        expect(await drain(body)).toMatchObject({ text: "a", failure: { kind: "timeout", phase: "idle" } });
      });

      it("no idle limit while the consumer has paused", async () => {
        const server = await upstream((socket) => socket.write(STREAM_HEAD + chunk("a")));
        const { body } = answerOf(await transport().dispatch(outbound(server.port, { timeouts: shortIdle }), new AbortController().signal));
        await body.peek(0);
        let failed = false;
        body.consume({ chunk: () => body.pause(), end: () => {}, failed: () => (failed = true) });
        await new Promise((resolve) => setTimeout(resolve, 200));
        expect(failed).toBe(false);
        body.cancel();
      });
    });

    describe("tells the ways in which an upstream dies apart", () => {
      const rst = (socket: Socket): void => void socket.resetAndDestroy();
      const before: readonly (readonly [string, string, (socket: Socket) => void])[] = [
        ["reset after the request", "reset sent", rst],
        ["FIN after the request", "reset sent", (socket) => socket.end()],
        ["garbage for a status line", "protocol", (socket) => socket.write("SSH-2.0-OpenSSH Bearer canary\r\n\r\n")],
        [
          "length and chunked at once",
          "protocol",
          (socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        ],
        ["a bare CR in a header", "protocol", (socket) => socket.write("HTTP/1.1 200 OK\r\nx: a\rset-cookie: b\r\ncontent-length: 0\r\n\r\n")],
        [
          "a header section without end",
          "protocol",
          (socket) => socket.write(`HTTP/1.1 200 OK\r\n${"x-pad: aaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(2_000)}`),
        ],
        ["101 that nobody asked for", "reset sent", (socket) => socket.write("HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")],
      ];
      it.each(before)("before the answer: %s", async (_name, label, die) => {
        const outcome = await once((socket) => die(socket));
        expect(labelOf(outcome)).toBe(label);
        expect(JSON.stringify(outcome)).not.toContain("canary");
      });

      const later = (end: (socket: Socket) => void) => (socket: Socket) => {
        socket.write(STREAM_HEAD + chunk("one") + chunk("two") + chunk("three"), () => setTimeout(end, 20, socket));
      };
      const after: readonly (readonly [string, (socket: Socket) => void])[] = [
        ["RST in a chunked answer", later(rst)],
        ["FIN without the last chunk", later((socket) => socket.end())],
        ["FIN inside a chunk", later((socket) => socket.end("ff\r\nabc"))],
        ["a chunk size that is none", later((socket) => socket.write("zz\r\n"))],
      ];
      it.each(after)("after three chunks: %s, and all three arrive", async (_name, answer) => {
        const { body } = answerOf(await once(answer));
        const drained = await drain(body);
        expect(drained.text).toMatch(/^onetwothree/);
        expect(drained.failure?.kind).toMatch(/^(reset|protocol)$/);
      });

      it.each([
        ["FIN short of content-length", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort", (socket: Socket) => socket.end()],
        ["the same with connection: close", "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 100\r\n\r\nshort", (socket: Socket) => socket.end()],
        ["RST of an answer that lasts until the connection closes", "HTTP/1.1 200 OK\r\n\r\nshort", rst],
      ])("%s is no end", async (_name, head, end) => {
        const { body } = answerOf(
          await once((socket) => {
            socket.write(head, () => setTimeout(end, 20, socket));
          }),
        );
        const drained = await drain(body);
        expect(drained.text).toBe("short");
        expect(drained.failure).not.toBe(null);
      });

      it("FIN is the end of an answer that lasts until the connection closes", async () => {
        const { body } = answerOf(await once((socket) => socket.end("HTTP/1.1 200 OK\r\n\r\nall of it")));
        expect(await drain(body)).toEqual({ text: "all of it", failure: null });
      });

      it("nobody listens: connect refused", async () => {
        const server = await startUpstream(() => {});
        await server.close();
        expect(labelOf(await transport().dispatch(outbound(server.port), new AbortController().signal))).toBe("connect refused");
      });
    });
  });
}

function streamOf(parts: readonly string[], length: number | null): StreamBody {
  return {
    kind: "stream",
    length,
    replayable: () => true,
    overflowed: () => false,
    open: async function* () {
      for (const part of parts) yield Buffer.from(part);
    },
  };
}

/** Waits until a figure has not moved for 50 ms. */
async function quiet(figure: () => number): Promise<void> {
  let last = -1;
  while (last !== figure()) {
    last = figure();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function startUpstreamOnFirstByte(answer: string): Promise<{ readonly port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", () => socket.write(answer));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
