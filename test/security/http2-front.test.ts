import { type ClientHttp2Session, type ClientSessionOptions, connect as connectHttp2 } from "node:http2";
import { afterEach, describe, expect, it } from "vitest";
import { createUndiciTransport } from "../../adapters/transport/undici-transport.ts";
import type { DeliveryEnd, Exchange } from "../../src/index.ts";
import { FLAG, frame, PREFACE, readFrames, requestBlock, TYPE } from "../fakes/http2-frames.ts";
import { rawClient, startNodeServer } from "../fakes/node-broker.ts";
import { outbound, until } from "../fakes/outbound.ts";
import { type Answer, chunk, reply, STREAM_HEAD, startUpstream } from "../fakes/upstream.ts";

const cleanUp: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const work of cleanUp.splice(0).reverse()) await work();
});

/** A broker of a few lines behind the real server: each call goes to the upstream, its body as a stream. */
async function proxy(answer: Answer) {
  const upstream = await startUpstream(answer);
  const transport = createUndiciTransport();
  const ends: DeliveryEnd[] = [];
  const calls: Exchange[] = [];
  const { server, port } = await startNodeServer(async (exchange) => {
    calls.push(exchange);
    const body = exchange.body.present ? exchange.body.stream(1_048_576, 65_536) : ({ kind: "none" } as const);
    const outcome = await transport.dispatch(outbound(upstream.port, { method: exchange.method, body }), exchange.signal);
    if (outcome.kind !== "answer") {
      exchange.responder.reply(502, ["content-length", "0"], null);
      return;
    }
    const { status, headers } = outcome;
    const kept = headers.filter((_text, i) => !["transfer-encoding", "connection"].includes((headers[i - (i % 2)] ?? "").toLowerCase()));
    ends.push(await exchange.responder.deliver({ status, headers: kept, body: outcome.body, codec: null, trailers: null, onFirstByte: () => {} }));
  });
  cleanUp.push(
    () => server.drain(0),
    () => transport.close(),
    () => upstream.close(),
  );
  return { port, upstream, ends, calls, server };
}

function session(port: number): ClientHttp2Session {
  const made = connectHttp2(`http://127.0.0.1:${port}`, { strictSingleValueFields: false } as ClientSessionOptions); // not in Node's types
  made.on("error", () => {});
  cleanUp.push(() => made.destroy());
  return made;
}

interface Seen {
  readonly status: number | null;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
  readonly ended: boolean;
  readonly code: number;
}

function ask(from: ClientHttp2Session, headers: Record<string, string | string[]>, body: string | null = null): Promise<Seen> {
  return new Promise((resolve) => {
    const stream = from.request({ ":path": "/v1/x", ...headers }, { endStream: body === null });
    let status: number | null = null;
    let got: Record<string, unknown> = {};
    let text = "";
    let ended = false;
    stream.on("response", (head) => {
      status = Number(head[":status"]);
      got = head;
    });
    stream.on("data", (bytes) => {
      text += String(bytes);
    });
    stream.on("end", () => {
      ended = stream.rstCode === 0;
    });
    stream.on("error", () => {});
    stream.on("close", () => resolve({ status, headers: got, body: text, ended, code: stream.rstCode ?? 0 }));
    if (body !== null) stream.end(body);
  });
}

const frames = (text: string) => readFrames(Buffer.from(text, "latin1"));
const alive = async (port: number) => (await ask(session(port), {})).status;
const good: Answer = (socket) => socket.write(reply("{}"));

describe("HTTP/2 and HTTP/1.1 on one port", () => {
  it.each([
    ["whole", [PREFACE.length]],
    ["byte by byte", PREFACE.map(() => 1)],
    ["after its first two bytes", [2, PREFACE.length]],
  ])("the preface is known when it comes %s", async (_case, pieces) => {
    const { port } = await proxy(good);
    const client = rawClient(port, "");
    client.socket.setNoDelay(true);
    let at = 0;
    for (const length of pieces) {
      client.socket.write(PREFACE.subarray(at, at + length));
      at += length;
      await new Promise((resolve) => setImmediate(resolve));
    }
    client.socket.write(Buffer.concat([frame(TYPE.settings, 0, 0), frame(TYPE.headers, FLAG.endStream | FLAG.endHeaders, 1, requestBlock("GET", "/v1/x"))]));
    await until(() => frames(client.received()).some(({ type }) => type === TYPE.headers), "an answer");
    client.socket.destroy();
  });

  it.each(["PUT", "POST", "PATCH", "PROPFIND"])("%s over HTTP/1.1 is not taken for it", async (method) => {
    const { port, calls } = await proxy(good);
    const client = rawClient(port, method.slice(0, 2));
    await new Promise((resolve) => setTimeout(resolve, 20));
    client.socket.write(`${method.slice(2)} /v1/x HTTP/1.1\r\nHost: broker.test\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab`);
    expect(await client.closed).toContain("HTTP/1.1 200");
    expect(calls.map((one) => [one.method, one.protocol])).toEqual([[method, "1.1"]]);
  });

  it("what begins like the preface and is none ends the connection", async () => {
    const { port } = await proxy(good);
    const client = rawClient(port, "PRI * HTTP/1.1\r\nHost: broker.test\r\n\r\n");
    await client.closed;
    expect(await alive(port)).toBe(200);
  });
});

describe("a head over HTTP/2 that two parsers may read differently", () => {
  it.each([
    ["two credentials", { authorization: ["Bearer a", "Bearer b"] as string[] }, 400],
    ["Host and :authority that differ", { ":authority": "broker.test", host: "other.test" }, 400],
    ["a host that is none", { ":authority": "broker,test" }, 400],
    ["101 headers", Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`x-${i}`, "a"])), 431],
  ])("%s is refused", async (_case, headers, status) => {
    const { port, calls } = await proxy(good);
    const answered = await ask(session(port), headers);
    expect([answered.status, answered.headers["x-egress-error"]]).toEqual([status, "request_malformed"]);
    expect(calls.length).toBe(0);
  });

  it("CONNECT is no tunnel", async () => {
    const { port, calls } = await proxy(good);
    const stream = session(port).request({ ":method": "CONNECT", ":authority": "broker.test:443" });
    const status = await new Promise((resolve) => stream.on("response", (head) => resolve(head[":status"])));
    expect([status, calls.length]).toEqual([405, 0]);
  });

  it("a declared length that the body does not have never reaches the upstream as whole", async () => {
    const { port, upstream } = await proxy(good);
    const client = rawClient(port, Buffer.concat([PREFACE, frame(TYPE.settings, 0, 0)]));
    client.socket.write(frame(TYPE.headers, FLAG.endHeaders, 1, requestBlock("POST", "/v1/x", [["content-length", "10"]])));
    client.socket.write(frame(TYPE.data, FLAG.endStream, 1, Buffer.from("abc")));
    await until(() => frames(client.received()).some(({ type }) => type === TYPE.reset), "the stream is reset");
    expect(upstream.seen).toEqual([]);
    client.socket.destroy();
  });
});

describe("bodies that break off over HTTP/2", () => {
  it("an upload that is reset is never a whole one upstream", async () => {
    const { port, upstream, calls } = await proxy(good);
    const client = rawClient(
      port,
      Buffer.concat([PREFACE, frame(TYPE.settings, 0, 0), frame(TYPE.headers, FLAG.endHeaders, 1, requestBlock("POST", "/v1/x"))]),
    );
    client.socket.write(frame(TYPE.data, 0, 1, Buffer.from("the first half")));
    await until(() => upstream.sockets.size === 1, "the upstream is called");
    client.socket.write(frame(TYPE.reset, 0, 1, Buffer.from([0, 0, 0, 8])));
    await until(() => upstream.sockets.size === 0, "the upstream is let go");
    expect([upstream.seen.length, calls.length]).toEqual([0, 1]);
    client.socket.destroy();
  });

  it("an answer that the upstream breaks off ends with INTERNAL_ERROR, never properly", async () => {
    const { port, ends } = await proxy((socket) => {
      socket.write(`${STREAM_HEAD}${chunk("half of it")}`);
      setTimeout(() => socket.destroy(), 30);
    });
    const seen = await ask(session(port), {});
    expect(seen).toMatchObject({ status: 200, body: "half of it", ended: false, code: 2 });
    expect(ends[0]?.kind).toBe("upstream_failed");
  });

  it("a caller that resets its stream ends the upstream's work at once", async () => {
    const { port, upstream, ends } = await proxy((socket) => void socket.write(`${STREAM_HEAD}${chunk("first")}`));
    const stream = session(port).request({ ":path": "/v1/x" });
    stream.on("error", () => {});
    await new Promise((resolve) => stream.once("data", resolve));
    stream.close(8);
    await until(() => upstream.sockets.size === 0, "the upstream is let go");
    await until(() => ends.length === 1, "the delivery ends");
    // The upstream was cancelled because the caller is gone: either side may tell it first.
    expect(ends[0]?.kind === "caller_gone" || ends[0]?.failure?.kind === "cancelled").toBe(true);
  });

  it("a caller without window stops the upstream, and other streams of the connection go on", async () => {
    let fed = 0;
    const { port } = await proxy((socket, { index }) => {
      if (index > 0) return void socket.write(reply("{}"));
      socket.write(STREAM_HEAD);
      const piece = chunk("x".repeat(16_384));
      const pump = (): void => {
        do fed += piece.length;
        while (fed < 64 * 1_048_576 && socket.write(piece));
        socket.once("drain", pump);
      };
      pump();
    });
    const client = session(port);
    const stalled = client.request({ ":path": "/v1/x" });
    stalled.on("error", () => {});
    await new Promise((resolve) => stalled.once("response", resolve));
    let last = -1;
    await expect
      .poll(
        () => {
          const still = last === fed;
          last = fed;
          return still;
        },
        { interval: 100, timeout: 5_000 },
      )
      .toBe(true);
    // Mostly the kernel's buffers toward the upstream.
    expect(fed).toBeLessThan(24 * 1_048_576);
    expect((await ask(client, { ":path": "/-/healthz" })).body).toBe("admin");
    stalled.close();
  });

  it("a whole answer while the caller still sends: all of it arrives, and the caller is told to stop", async () => {
    const large = "y".repeat(300_000);
    const { port } = await proxy((socket) => void socket.write(reply(large)));
    const client = session(port);
    const stream = client.request({ ":path": "/-/x", ":method": "POST" }, { endStream: false });
    stream.on("error", () => {});
    stream.write("abc");
    let body = "";
    stream.on("data", (bytes) => {
      body += String(bytes);
    });
    await new Promise((resolve) => stream.once("end", resolve));
    expect(body).toBe("admin");
  });
});

describe("floods over HTTP/2 end their own connection and nothing else", () => {
  async function flooded(bytes: (i: number) => Buffer, times: number): Promise<{ readonly codes: readonly number[]; readonly status: number | null }> {
    const { port } = await proxy((socket) => void socket.write(STREAM_HEAD));
    const client = rawClient(port, Buffer.concat([PREFACE, frame(TYPE.settings, 0, 0)]));
    let over = false;
    void client.closed.then(() => {
      over = true;
    });
    for (let i = 0; i < times && !over; i += 1) {
      if (!client.socket.write(bytes(i))) await new Promise((resolve) => client.socket.once("drain", resolve).once("close", resolve));
      if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => over, "the connection is ended");
    const codes = frames(await client.closed)
      .filter(({ type }) => type === TYPE.goaway)
      .map(({ payload }) => payload.readUInt32BE(4));
    const { port: other } = await proxy(good);
    return { codes, status: await alive(other) };
  }
  const open = (i: number) => frame(TYPE.headers, FLAG.endStream | FLAG.endHeaders, 2 * i + 1, requestBlock("GET", "/v1/x"));

  it("streams that are opened and reset in a row (CVE-2023-44487)", async () => {
    const { codes, status } = await flooded((i) => Buffer.concat([open(i), frame(TYPE.reset, 0, 2 * i + 1, Buffer.from([0, 0, 0, 8]))]), 5_000);
    expect(codes.some((code) => code !== 0)).toBe(true);
    expect(status).toBe(200);
  });

  it("a header section without end, in CONTINUATION frames (CVE-2024-27316)", async () => {
    const { status } = await flooded(
      (i) => (i === 0 ? frame(TYPE.headers, FLAG.endStream, 1, requestBlock("GET", "/v1/x")) : frame(TYPE.continuation, 0, 1, Buffer.from([0, 1, 97, 1, 98]))),
      5_000,
    );
    expect(status).toBe(200);
  });

  it("settings that change without end, each in hundreds of entries", async () => {
    const entry = Buffer.from([0, 3, 0, 0, 0, 100]);
    const { status } = await flooded(() => frame(TYPE.settings, 0, 0, Buffer.concat(Array.from({ length: 500 }, () => entry))), 2_000);
    expect(status).toBe(200);
  });

  it("frames that mean nothing", async () => {
    const { status } = await flooded((i) => frame(TYPE.data, 0, 2 * i + 1, Buffer.from("x")), 5_000);
    expect(status).toBe(200);
  });

  it("more than a hundred streams at once are refused, and those that are open go on", async () => {
    const { port, calls } = await proxy((socket) => void socket.write(STREAM_HEAD));
    const client = rawClient(port, Buffer.concat([PREFACE, frame(TYPE.settings, 0, 0), ...Array.from({ length: 120 }, (_, i) => open(i))]));
    await until(() => frames(client.received()).filter(({ type }) => type === TYPE.reset).length === 20, "twenty streams are refused");
    expect(calls.length).toBe(100);
    client.socket.destroy();
  });
});

describe("stopping with HTTP/2 connections open", () => {
  it("says GOAWAY, lets the call under way finish, and closes", async () => {
    const { port, server } = await proxy((socket) => {
      socket.write(`${STREAM_HEAD}${chunk("one")}`);
      setTimeout(() => socket.write(`${chunk("two")}${chunk("")}`), 150);
    });
    const client = session(port);
    let goaway: number | null = null;
    client.on("goaway", (code) => {
      goaway = code;
    });
    const answered = ask(client, {});
    await new Promise((resolve) => setTimeout(resolve, 50));
    const drained = server.drain(10_000);
    expect(await answered).toMatchObject({ status: 200, body: "onetwo", ended: true });
    await drained;
    expect(goaway).toBe(0);
  });

  it("what is not done in time ends as a broken answer", async () => {
    const { port, server } = await proxy((socket) => void socket.write(`${STREAM_HEAD}${chunk("one")}`));
    const answered = ask(session(port), {});
    await new Promise((resolve) => setTimeout(resolve, 100));
    await server.drain(50);
    expect(await answered).toMatchObject({ body: "one", ended: false });
  });
});
