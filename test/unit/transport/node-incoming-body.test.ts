import { afterEach, describe, expect, it, vi } from "vitest";
import type { Exchange } from "../../../src/index.ts";
import { rawClient, startNodeServer } from "../../fakes/node-broker.ts";
import { until } from "../../fakes/outbound.ts";

const HEAD = "POST /v1/x HTTP/1.1\r\nHost: broker.test\r\n";

describe("a request body of node:http", () => {
  const cleanUp: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const work of cleanUp.splice(0)) await work();
  });
  async function serve(onExchange: (exchange: Exchange) => void | Promise<void>): Promise<number> {
    const { server, port } = await startNodeServer(onExchange);
    cleanUp.push(() => server.drain(0));
    return port;
  }
  async function collected(bytes: string, maxBytes: number): Promise<unknown> {
    let result: unknown = null;
    const port = await serve(async (exchange) => {
      const body = await exchange.body.collect(maxBytes);
      result = typeof body === "string" ? body : Buffer.from(body).toString();
      exchange.responder.reply(body === "too_large" ? 413 : 200, ["content-length", "0"], null);
    });
    const client = rawClient(port, bytes);
    await until(() => result !== null, "the body is read");
    client.socket.destroy();
    return result;
  }

  it.each([
    ["with a length", `${HEAD}Content-Length: 5\r\n\r\nhello`, 5, "hello"],
    ["in chunks", `${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n`, 5, "hello"],
    ["empty", `${HEAD}Content-Length: 0\r\n\r\n`, 5, ""],
    ["declared too large", `${HEAD}Content-Length: 10737418240\r\n\r\nhello`, 5, "too_large"],
    ["too large in chunks", `${HEAD}Transfer-Encoding: chunked\r\n\r\n6\r\nhello!\r\n`, 5, "too_large"],
    ["a thousand chunks of one byte", `${HEAD}Transfer-Encoding: chunked\r\n\r\n${"1\r\nx\r\n".repeat(1_000)}0\r\n\r\n`, 5_000, "x".repeat(1_000)],
  ])("is collected %s", async (_name, bytes, maxBytes, expected) => {
    expect(await collected(bytes, maxBytes)).toBe(expected);
  });

  it("is aborted when the caller leaves in the middle", async () => {
    let result: unknown = null;
    let aborted = false;
    const port = await serve(async (exchange) => {
      exchange.signal.addEventListener("abort", () => {
        aborted = true;
      });
      result = await exchange.body.collect(1_000);
    });
    const client = rawClient(port, `${HEAD}Content-Length: 100\r\n\r\nhalf`);
    await new Promise((resolve) => setTimeout(resolve, 20));
    client.socket.destroy();
    await until(() => result === "aborted" && aborted, "the body is given up");
  });

  it("is given up as too slow when it drips", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
    cleanUp.push(async () => void vi.useRealTimers());
    let result: unknown = null;
    let begun = false;
    const port = await serve(async (exchange) => {
      const collecting = exchange.body.collect(1_000);
      begun = true;
      result = await collecting;
      exchange.responder.reply(408, ["content-length", "0"], null);
    });
    const client = rawClient(port, `${HEAD}Content-Length: 100\r\n\r\nhalf`);
    await until(() => begun, "the body is read");
    vi.advanceTimersByTime(30_000);
    await until(() => result === "too_slow", "the body is given up");
    client.socket.destroy();
  });

  it("is asked for only when it is wanted (Expect: 100-continue)", async () => {
    let wanted = false;
    const port = await serve(async (exchange) => {
      if (exchange.target === "/no") exchange.responder.reply(401, ["content-length", "0"], null);
      else {
        wanted = true;
        await exchange.body.collect(100);
        exchange.responder.reply(200, ["content-length", "0"], null);
      }
    });
    const refused = rawClient(port, "POST /no HTTP/1.1\r\nHost: b\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    await until(() => refused.received().includes("401"), "the refusal");
    expect(refused.received()).not.toContain("100 Continue");
    refused.socket.destroy();
    const taken = rawClient(port, "POST /yes HTTP/1.1\r\nHost: b\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    await until(() => taken.received().includes("100 Continue"), "the invitation");
    expect(wanted).toBe(true);
    taken.socket.write("hello");
    await until(() => taken.received().includes("200 OK"), "the answer");
    taken.socket.destroy();
  });

  it("a caller that still sends gets the 413, and is cut off two seconds later at most", async () => {
    const port = await serve(async (exchange) => {
      await exchange.body.collect(10);
      exchange.responder.reply(413, ["content-length", "0"], null);
    });
    const client = rawClient(port, `${HEAD}Content-Length: 10737418240\r\n\r\n`);
    const piece = Buffer.alloc(65_536);
    const feed = (): void => {
      if (!client.socket.destroyed) client.socket.write(piece, () => setImmediate(feed));
    };
    feed();
    // Ten gibibytes would last for longer than any test.
    expect(await client.closed).toMatch(/^HTTP\/1\.1 413 /);
  });

  describe("as a stream", () => {
    const read = async (iterable: AsyncIterable<Uint8Array>): Promise<string> => {
      const parts: Uint8Array[] = [];
      for await (const part of iterable) parts.push(part);
      return Buffer.concat(parts).toString();
    };
    async function streamed(
      bytes: string,
      use: (body: ReturnType<Exchange["body"]["stream"]>) => Promise<unknown>,
      maxBytes = 1_000,
      replayBytes = 10,
    ): Promise<unknown> {
      let result: unknown = null;
      const port = await serve(async (exchange) => {
        result = await use(exchange.body.stream(maxBytes, replayBytes)).catch((error: unknown) => (error instanceof Error ? `threw ${error.message}` : error));
        exchange.responder.reply(200, ["content-length", "0"], null);
      });
      const client = rawClient(port, bytes);
      await until(() => result !== null, "the body is used");
      client.socket.destroy();
      return result;
    }
    const SMALL = `${HEAD}Content-Length: 5\r\n\r\nhello`;
    const LARGE = `${HEAD}Content-Length: 20\r\n\r\n${"x".repeat(20)}`;

    it("begins anew while all of it is kept", async () => {
      expect(await streamed(SMALL, async (body) => [await read(body.open()), body.replayable(), await read(body.open())])).toEqual(["hello", true, "hello"]);
    });

    it("begins anew after half of it was read", async () => {
      const half = async (body: ReturnType<Exchange["body"]["stream"]>): Promise<unknown> => {
        for await (const part of body.open()) {
          expect(part.length).toBeGreaterThan(0);
          break;
        }
        return read(body.open());
      };
      expect(await streamed(SMALL, half)).toBe("hello");
    });

    it("does not begin anew when more came than is kept", async () => {
      const twice = async (body: ReturnType<Exchange["body"]["stream"]>): Promise<unknown> => {
        const first = await read(body.open());
        expect(body.replayable()).toBe(false);
        return first + (await read(body.open()));
      };
      expect(await streamed(LARGE, twice)).toBe("threw the body can no longer be sent from its start");
    });

    it("breaks off beyond the bound, and says why", async () => {
      const over = async (body: ReturnType<Exchange["body"]["stream"]>): Promise<unknown> => [await read(body.open()).catch(() => "broke"), body.overflowed()];
      expect(await streamed(`${HEAD}Transfer-Encoding: chunked\r\n\r\n14\r\n${"x".repeat(20)}\r\n0\r\n\r\n`, over, 10, 10)).toEqual(["broke", true]);
    });

    it("stops the caller while nobody reads", async () => {
      let seen = 0;
      let release: () => void = () => {};
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      const total = 40 * 1_048_576;
      const port = await serve(async (exchange) => {
        for await (const part of exchange.body.stream(total, 0).open()) {
          if (seen === 0) await released;
          seen += part.length;
        }
        exchange.responder.reply(200, ["content-length", "0"], null);
      });
      const client = rawClient(port, `${HEAD}Content-Length: ${total}\r\n\r\n`);
      let sent = 0;
      const piece = Buffer.alloc(65_536);
      const feed = (): void => {
        while (sent < total) {
          sent += piece.length;
          if (!client.socket.write(piece)) {
            client.socket.once("drain", feed);
            return;
          }
        }
      };
      feed();
      let last = -1;
      await expect
        .poll(
          () => {
            const still = last === sent;
            last = sent;
            return still;
          },
          { interval: 100 },
        )
        .toBe(true);
      expect(sent).toBeLessThan(total / 2);
      release();
      await until(() => client.received().includes("200 OK"), "all of it has passed");
      expect(seen).toBe(total);
      client.socket.destroy();
    });
  });
});
