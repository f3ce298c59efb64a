import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { block, FLAG, type Frame, frame, frameReader, PREFACE, SETTING, settings, TYPE, word } from "../fakes/http2-frames.ts";
import { CALLER_TOKEN } from "../fakes/manifests.ts";
import { type RawClient, rawClient, startNodeServer } from "../fakes/node-broker.ts";
import { type SocketBroker, startSocketBroker } from "../fakes/socket-broker.ts";
import { type Answer, chunk, reply, STREAM_HEAD, startUpstream, type Upstream } from "../fakes/upstream.ts";
import { recordFigure } from "./figure.ts";

type Field = readonly [string, string];

const AUTHORITY: Field = [":authority", "broker.test"];
const METHOD: Field = [":method", "POST"];
const SCHEME: Field = [":scheme", "http"];
const PATH: Field = [":path", "/v1/x"];
const TOKEN: Field = ["authorization", `Bearer ${CALLER_TOKEN}`];
const HEAD: readonly Field[] = [METHOD, SCHEME, PATH, AUTHORITY, TOKEN];

let answer: Answer;
let upstream: Upstream;
let broker: SocketBroker;

beforeAll(async () => {
  upstream = await startUpstream((socket, request) => answer(socket, request));
  broker = await startSocketBroker({ backends: [{ name: "one", port: upstream.port, key: "key-of-one" }] });
});
afterAll(async () => {
  await broker?.stop();
  await upstream?.close();
});
beforeEach(() => {
  answer = (socket) => void socket.write(reply("{}"));
  upstream.seen.length = 0;
});

const headers = (stream: number, fields: readonly Field[], flags: number = FLAG.endHeaders | FLAG.endStream): Buffer =>
  frame(TYPE.headers, flags, stream, block(fields));
const data = (stream: number, text: string | Buffer, flags = 0): Buffer => frame(TYPE.data, flags, stream, Buffer.from(text));
const without = (...names: readonly string[]): readonly Field[] => HEAD.filter(([name]) => !names.includes(name));
const replaced = (name: string, value: string): readonly Field[] => HEAD.map((field) => (field[0] === name ? [name, value] : field));

interface Talk extends RawClient {
  readonly frames: Frame[];
  over(): boolean;
}

function talk(...frames: readonly Buffer[]): Talk {
  const client = rawClient(broker.port, Buffer.concat([PREFACE, settings(), ...frames]));
  const seen: Frame[] = [];
  let over = false;
  client.socket.on(
    "data",
    frameReader((one) => seen.push(one)),
  );
  client.socket.on("close", () => {
    over = true;
  });
  return { ...client, frames: seen, over: () => over };
}

/** What the broker said of a stream: a status, `reset N`, `closed N` of the whole connection, or nothing. */
async function verdict(client: Talk, stream: number): Promise<string> {
  const found = (): string | null => {
    for (const { type, stream: on, payload } of client.frames) {
      if (type === TYPE.headers && on === stream) return statusOf(payload);
      if (type === TYPE.reset && on === stream) return `reset ${payload.readUInt32BE(0)}`;
      if (type === TYPE.goaway && payload.readUInt32BE(4) !== 0) return `closed ${payload.readUInt32BE(4)}`;
    }
    return client.over() ? "closed" : null;
  };
  for (const until = performance.now() + 20_000; performance.now() < until; await new Promise((resolve) => setTimeout(resolve, 2))) {
    const told = found();
    if (told !== null) return told;
  }
  return "nothing";
}

/** The status stands first in the header block: from the static table, or as a literal, which is too short for Huffman's code. */
function statusOf(payload: Buffer): string {
  const known: Readonly<Record<number, string>> = { 8: "200", 9: "204", 10: "206", 11: "304", 12: "400", 13: "404", 14: "500" };
  const first = payload[0] ?? 0;
  return (first & 0x80) !== 0 ? (known[first & 0x7f] ?? "?") : payload.subarray(2, 2 + (payload[1] ?? 0)).toString("latin1");
}

/** A call of its own on a connection of its own. */
async function aside(): Promise<{ readonly told: string; readonly ms: number }> {
  const started = performance.now();
  const client = talk(headers(1, HEAD));
  const told = await verdict(client, 1);
  client.socket.destroy();
  return { told, ms: performance.now() - started };
}

const downgrade: readonly (readonly [string, readonly Buffer[]])[] = [
  ["a second :method", [headers(1, [METHOD, ...HEAD])]],
  ["a second :path", [headers(1, [PATH, ...HEAD])]],
  ["a second :scheme", [headers(1, [SCHEME, ...HEAD])]],
  ["a second :authority", [headers(1, [AUTHORITY, ...HEAD])]],
  ["no :method", [headers(1, without(":method"))]],
  ["no :path", [headers(1, without(":path"))]],
  ["no :scheme", [headers(1, without(":scheme"))]],
  ["no host at all", [headers(1, without(":authority"))]],
  ["a pseudo-header behind others", [headers(1, [...without(":path"), PATH])]],
  ["an unknown pseudo-header", [headers(1, [[":foo", "a"], ...HEAD])]],
  ["the pseudo-header of an answer", [headers(1, [[":status", "200"], ...HEAD])]],
  ["a name in upper case", [headers(1, [...HEAD, ["X-A", "1"]])]],
  [
    "Transfer-Encoding",
    [headers(1, [...HEAD, ["transfer-encoding", "chunked"]], FLAG.endHeaders), data(1, "0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n", FLAG.endStream)],
  ],
  ["Connection", [headers(1, [...HEAD, ["connection", "x-a"]])]],
  ["Keep-Alive", [headers(1, [...HEAD, ["keep-alive", "1"]])]],
  ["Proxy-Connection", [headers(1, [...HEAD, ["proxy-connection", "close"]])]],
  ["Upgrade", [headers(1, [...HEAD, ["upgrade", "websocket"]])]],
  ["TE that is not trailers", [headers(1, [...HEAD, ["te", "gzip"]])]],
  ["a length shorter than its body", [headers(1, [...HEAD, ["content-length", "1"]], FLAG.endHeaders), data(1, "abc", FLAG.endStream)]],
  ["a length longer than its body", [headers(1, [...HEAD, ["content-length", "9"]], FLAG.endHeaders), data(1, "abc", FLAG.endStream)]],
  ["a length with a plus", [headers(1, [...HEAD, ["content-length", "+3"]], FLAG.endHeaders), data(1, "abc", FLAG.endStream)]],
  ["a length in hexadecimal", [headers(1, [...HEAD, ["content-length", "0x3"]], FLAG.endHeaders), data(1, "abc", FLAG.endStream)]],
  ["a negative length", [headers(1, [...HEAD, ["content-length", "-3"]], FLAG.endHeaders), data(1, "abc", FLAG.endStream)]],
  ["a list of lengths", [headers(1, [...HEAD, ["content-length", "3, 3"]], FLAG.endHeaders), data(1, "abc", FLAG.endStream)]],
  ["two lengths", [headers(1, [...HEAD, ["content-length", "3"], ["content-length", "4"]], FLAG.endHeaders), data(1, "abc", FLAG.endStream)]],
  ["a length that overflows", [headers(1, [...HEAD, ["content-length", "99999999999999999999"]], FLAG.endHeaders), data(1, "abc", FLAG.endStream)]],
  ["a length and no body", [headers(1, [...HEAD, ["content-length", "3"]])]],
  ["Host and :authority that differ", [headers(1, [...HEAD, ["host", "other.test"]])]],
  ["two Hosts", [headers(1, [...without(":authority"), ["host", "broker.test"], ["host", "other.test"]])]],
  ["userinfo in :authority", [headers(1, replaced(":authority", "broker.test@evil.test"))]],
  ["a space in :authority", [headers(1, replaced(":authority", "broker.test evil.test"))]],
  ["an empty :authority", [headers(1, replaced(":authority", ""))]],
  ["a line break in :authority", [headers(1, replaced(":authority", "broker.test\r\nx: y"))]],
  ["a space in :method", [headers(1, replaced(":method", "GET /smuggled"))]],
  ["a line break in :method", [headers(1, replaced(":method", "GET / HTTP/1.1\r\nx: y\r\n\r\nGET"))]],
  ["an empty :method", [headers(1, replaced(":method", ""))]],
  ["a space in :path", [headers(1, replaced(":path", "/v1/x HTTP/1.1"))]],
  ["a line break in :path", [headers(1, replaced(":path", "/v1/x HTTP/1.1\r\nx: y\r\n\r\nGET /smuggled"))]],
  ["a tab in :path", [headers(1, replaced(":path", "/v1\t/x"))]],
  ["a NUL in :path", [headers(1, replaced(":path", "/v1\0/x"))]],
  ["an empty :path", [headers(1, replaced(":path", ""))]],
  ["a :path that begins with no slash", [headers(1, replaced(":path", "v1/x"))]],
  ["an asterisk for :path", [headers(1, replaced(":path", "*"))]],
  ["another host's absolute :path", [headers(1, replaced(":path", "http://evil.test/v1/x"))]],
  ["a fragment in :path", [headers(1, replaced(":path", "/v1/x#frag"))]],
  ["a backslash in :path", [headers(1, replaced(":path", "/v1\\x"))]],
  ["dots in :path", [headers(1, replaced(":path", "/v1/../../x"))]],
  ["CONNECT", [headers(1, [[":method", "CONNECT"], AUTHORITY, TOKEN])]],
  ["CONNECT for a WebSocket, which was not offered", [headers(1, [[":method", "CONNECT"], [":protocol", "websocket"], SCHEME, PATH, AUTHORITY, TOKEN])]],
  ["two credentials", [headers(1, [...HEAD, TOKEN])]],
  ["two API keys", [headers(1, [...HEAD, ["x-api-key", "a"], ["x-api-key", "b"]])]],
  ["a pseudo-header among its trailers", [headers(1, HEAD, FLAG.endHeaders), data(1, "abc"), headers(1, [[":path", "/v1/y"]])]],
  [
    "trailers that are not its end",
    [headers(1, HEAD, FLAG.endHeaders), data(1, "abc"), headers(1, [["x-a", "b"]], FLAG.endHeaders), data(1, "d", FLAG.endStream)],
  ],
];

describe("a call over HTTP/2 that would be another one over HTTP/1.1", () => {
  it.each(downgrade)("T10 T11 B4: %s: is refused, and nothing of it reaches a destination", async (_name, frames) => {
    const client = talk(...frames);
    expect(await verdict(client, 1)).toMatch(/^(4\d\d|reset|closed)/);
    client.socket.destroy();
    expect((await aside()).told).toBe("200");
    expect(upstream.seen.map(({ target, body }) => [target, body.length])).toEqual([["/v1/x", 0]]);
  });

  const dropped: readonly (readonly [string, Field])[] = [
    ["a line break in a value", ["x-a", "1\r\nx-smuggled: 1"]],
    ["a bare CR in a value", ["x-a", "1\rx-smuggled: 1"]],
    ["a bare LF in a value", ["x-a", "1\nx-smuggled: 1"]],
    ["a NUL in a value", ["x-a", "1\0"]],
    ["a space in a name", ["x-a b", "1"]],
    ["a line break in a name", ["x-a\r\nx-smuggled", "1"]],
    ["a colon in a name", ["x-a:b", "1"]],
    ["an empty name", ["", "1"]],
  ];
  // nghttp2 leaves such a header out; what is left is a call like any other.
  it.each(dropped)("T10 T11 B4: a header with %s never goes on", async (_name, field) => {
    const client = talk(headers(1, [...HEAD, field]));
    await verdict(client, 1);
    client.socket.destroy();
    for (const { headers: got } of upstream.seen) expect(got.flat().join("\n")).not.toMatch(/x-a|smuggled/);
  });

  it("T1 T2: a path that looks like a host stays a path of the backend's own host", async () => {
    const client = talk(headers(1, replaced(":path", "//evil.test/x")));
    expect(await verdict(client, 1)).toBe("200");
    client.socket.destroy();
    expect(upstream.seen.map(({ target, headers: got }) => [target, got.find(([name]) => name === "host")?.[1]])).toEqual([
      ["//evil.test/x", `one.provider.example:${upstream.port}`],
    ]);
  });

  it("T10: trailers end here, whatever they claim", async () => {
    const client = talk(
      headers(1, HEAD, FLAG.endHeaders),
      data(1, "abc"),
      headers(1, [
        ["authorization", "Bearer x"],
        ["host", "evil.test"],
        ["content-length", "1"],
      ]),
    );
    expect(await verdict(client, 1)).toMatch(/^(200|reset)/);
    client.socket.destroy();
    for (const { headers: got } of upstream.seen) expect(got.flat().join("\n")).not.toMatch(/Bearer x|evil/);
  });

  it.each(["CANCEL", "NO_ERROR"] as const)("B6: an upload that ends by RST_STREAM %s is never a whole one upstream", async (name) => {
    // None that was kept from a call before may look like the upload's.
    for (const socket of upstream.sockets) socket.destroy();
    await expect.poll(() => upstream.sockets.size).toBe(0);
    const client = talk(headers(1, HEAD, FLAG.endHeaders), data(1, "the first half"));
    await expect.poll(() => upstream.sockets.size).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 30));
    client.socket.write(frame(TYPE.reset, 0, 1, word(name === "CANCEL" ? 8 : 0)));
    await expect.poll(() => upstream.sockets.size).toBe(0);
    expect(upstream.seen).toEqual([]);
    client.socket.destroy();
  });
});

describe("a body that is an empty frame", () => {
  it.each(["stream", "collect"] as const)("T19: is an empty body, however late it is read (%s)", async (how) => {
    const bodies: string[] = [];
    const { server, port } = await startNodeServer(async (exchange) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      const parts: Uint8Array[] = [];
      if (how === "stream") for await (const part of exchange.body.stream(100, 100).open()) parts.push(part);
      else {
        const whole = await exchange.body.collect(100);
        if (typeof whole !== "string") parts.push(whole);
      }
      bodies.push(Buffer.concat(parts).toString());
      exchange.responder.reply(200, [], null);
    });
    const client = rawClient(port, Buffer.concat([PREFACE, settings(), headers(1, HEAD, FLAG.endHeaders), data(1, "", FLAG.endStream)]));
    await expect.poll(() => bodies).toEqual([""]);
    client.socket.destroy();
    await server.drain(0);
  });

  it("T19: is handed on as one", async () => {
    const client = talk(headers(1, HEAD, FLAG.endHeaders), data(1, "", FLAG.endStream));
    expect(await verdict(client, 1)).toBe("200");
    client.socket.destroy();
  });
});

describe("frames that no peer may send", () => {
  const call = headers(1, HEAD);
  const broken: readonly (readonly [string, readonly Buffer[]])[] = [
    ["HEADERS on stream 0", [headers(0, HEAD)]],
    ["HEADERS on a stream of ours", [headers(2, HEAD)]],
    [
      "HEADERS shorter than their padding",
      [frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream | FLAG.padded, 1, Buffer.concat([Buffer.from([255]), block(HEAD).subarray(0, 40)]))],
    ],
    ["HEADERS too short for their priority", [frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream | FLAG.priority, 1, Buffer.from([0, 0]))]],
    ["HEADERS with an index that the table does not have", [frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, 1, Buffer.from([0xff, 0xff, 0x7f]))]],
    [
      "HEADERS with a table larger than allowed",
      [frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, 1, Buffer.concat([Buffer.from([0x3f, 0xff, 0xff, 0xff, 0x07]), block(HEAD)]))],
    ],
    ["HEADERS that end in the middle of a string", [frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, 1, block(HEAD).subarray(0, -3))]],
    ["HEADERS interrupted by another stream", [headers(1, HEAD, FLAG.endStream), headers(3, HEAD)]],
    ["HEADERS interrupted by PING", [headers(1, HEAD, FLAG.endStream), frame(TYPE.ping, 0, 0, Buffer.alloc(8))]],
    ["CONTINUATION of nothing", [frame(TYPE.continuation, FLAG.endHeaders, 1, block(HEAD))]],
    ["CONTINUATION on another stream", [headers(1, HEAD, FLAG.endStream), frame(TYPE.continuation, FLAG.endHeaders, 3)]],
    ["DATA before HEADERS", [data(1, "abc", FLAG.endStream), call]],
    ["DATA on stream 0", [data(0, "abc"), call]],
    [
      "DATA of padding alone, longer than the frame",
      [headers(1, HEAD, FLAG.endHeaders), frame(TYPE.data, FLAG.padded | FLAG.endStream, 1, Buffer.from([9, 1]))],
    ],
    ["PRIORITY of four bytes", [frame(TYPE.priority, 0, 1, Buffer.alloc(4)), headers(1, HEAD, FLAG.endHeaders)]],
    ["RST_STREAM of three bytes", [headers(1, HEAD, FLAG.endHeaders), frame(TYPE.reset, 0, 1, Buffer.alloc(3))]],
    ["RST_STREAM of a stream that never was", [frame(TYPE.reset, 0, 7, word(8)), call]],
    ["SETTINGS of five bytes", [frame(TYPE.settings, 0, 0, Buffer.alloc(5)), call]],
    ["SETTINGS of a stream", [frame(TYPE.settings, 0, 1, Buffer.alloc(6)), call]],
    ["an acknowledgement with settings in it", [frame(TYPE.settings, FLAG.ack, 0, Buffer.alloc(6)), call]],
    ["a window of 2^31", [settings([SETTING.initialWindowSize, 0x80000000]), call]],
    ["frames of at most a byte", [settings([SETTING.maxFrameSize, 1]), call]],
    ["ENABLE_PUSH of 2", [settings([SETTING.enablePush, 2]), call]],
    ["PING of seven bytes", [frame(TYPE.ping, 0, 0, Buffer.alloc(7)), call]],
    ["PING of a stream", [frame(TYPE.ping, 0, 1, Buffer.alloc(8)), call]],
    ["GOAWAY of four bytes", [frame(TYPE.goaway, 0, 0, Buffer.alloc(4)), call]],
    ["PUSH_PROMISE", [frame(TYPE.push, FLAG.endHeaders, 1, Buffer.concat([word(2), block(HEAD)])), call]],
    ["a window that grows by nothing", [frame(TYPE.windowUpdate, 0, 0, word(0)), call]],
    ["a window past 2^31 - 1", [frame(TYPE.windowUpdate, 0, 0, word(0x7fffffff)), call]],
    ["a stream's window past 2^31 - 1", [headers(1, HEAD, FLAG.endHeaders), frame(TYPE.windowUpdate, 0, 1, word(0x7fffffff))]],
    ["a frame longer than any allowed", [frame(TYPE.data, 0, 1, Buffer.alloc(20_000)), call]],
    ["another frame than SETTINGS first", []],
  ];
  it.each(broken)("T10 T19: %s: the stream or the connection ends, nothing is called, and others are served", async (name, frames) => {
    const opening = name.startsWith("another frame") ? rawClient(broker.port, Buffer.concat([PREFACE, call])) : null;
    const client = opening === null ? talk(...frames) : { ...opening, frames: [] as Frame[], over: () => opening.socket.destroyed };
    opening?.socket.on(
      "data",
      frameReader((one) => client.frames.push(one)),
    );
    const told = await verdict(client, 1);
    client.socket.destroy();
    expect(told).toMatch(/^(reset|closed)/);
    expect(upstream.seen).toEqual([]);
    expect((await aside()).told).toBe("200");
  });

  it("T10: a call on a stream before the last is passed over", async () => {
    const client = talk(headers(5, HEAD), headers(3, replaced(":path", "/late")));
    expect(await verdict(client, 5)).toMatch(/^(200|closed)/);
    client.socket.destroy();
    expect(upstream.seen.map(({ target }) => target)).not.toContain("/late");
  });

  it("T19: frames of unknown types and settings that nobody knows are passed over", async () => {
    const client = talk(
      frame(0xee, 0xff, 0, Buffer.from("what")),
      settings([0x99, 7]),
      headers(1, HEAD, FLAG.endHeaders),
      frame(0xef, 0, 1, Buffer.alloc(100)),
      data(1, "", FLAG.endStream),
    );
    expect(await verdict(client, 1)).toBe("200");
    client.socket.destroy();
  });
});

describe("a connection over HTTP/2 that is only work", () => {
  interface Flood {
    readonly name: string;
    /** The `i`th piece. */
    readonly piece: (i: number) => Buffer;
    readonly times: number;
    /** Whether it must end the connection; a flood that costs nothing may go on. */
    readonly ends: boolean;
    readonly opening?: readonly Buffer[];
    /** True: the caller reads nothing of what is answered. */
    readonly deaf?: boolean;
  }
  const next = (i: number): number => 2 * i + 1;
  const floods: readonly Flood[] = [
    {
      name: "streams that are opened and reset at once (CVE-2023-44487)",
      piece: (i) => Buffer.concat([headers(next(i), HEAD), frame(TYPE.reset, 0, next(i), word(8))]),
      times: 20_000,
      ends: true,
    },
    {
      name: "streams that make the server reset them (CVE-2025-8671)",
      piece: (i) => Buffer.concat([headers(next(i), HEAD), frame(TYPE.windowUpdate, 0, next(i), word(0))]),
      times: 20_000,
      ends: true,
    },
    {
      name: "streams that overflow their own window (CVE-2025-8671)",
      piece: (i) => Buffer.concat([headers(next(i), HEAD), frame(TYPE.windowUpdate, 0, next(i), word(0x7fffffff))]),
      times: 20_000,
      ends: true,
    },
    {
      name: "heads that are malformed",
      piece: (i) => headers(next(i), [METHOD, ...HEAD]),
      times: 20_000,
      ends: true,
    },
    {
      name: "a head without end in CONTINUATION (CVE-2024-27316)",
      opening: [headers(1, HEAD, FLAG.endStream)],
      piece: () => frame(TYPE.continuation, 0, 1, block([["x-a", "b"]])),
      times: 100_000,
      ends: true,
    },
    {
      name: "a head without end in empty CONTINUATION",
      opening: [headers(1, HEAD, FLAG.endStream)],
      piece: () => frame(TYPE.continuation, 0, 1),
      times: 100_000,
      ends: true,
    },
    { name: "PING that wants answers nobody reads", piece: () => frame(TYPE.ping, 0, 0, Buffer.alloc(8)), times: 200_000, ends: false, deaf: true },
    { name: "SETTINGS that want answers nobody reads", piece: () => settings([SETTING.initialWindowSize, 65_535]), times: 200_000, ends: false, deaf: true },
    { name: "empty SETTINGS", piece: () => settings(), times: 200_000, ends: false },
    {
      name: "SETTINGS of five hundred entries",
      piece: () => settings(...Array.from({ length: 500 }, () => [SETTING.maxConcurrentStreams, 100] as const)),
      times: 3_000,
      ends: true,
    },
    { name: "PRIORITY", piece: (i) => frame(TYPE.priority, 0, next(i % 1_000), Buffer.from([0, 0, 0, 0, 1])), times: 200_000, ends: false },
    { name: "WINDOW_UPDATE of a byte", piece: () => frame(TYPE.windowUpdate, 0, 0, word(1)), times: 200_000, ends: false },
    { name: "frames of unknown types", piece: () => frame(0xee, 0, 0), times: 200_000, ends: false },
    { name: "empty DATA", opening: [headers(1, HEAD, FLAG.endHeaders)], piece: () => data(1, ""), times: 200_000, ends: false },
    {
      name: "DATA of padding alone",
      opening: [headers(1, HEAD, FLAG.endHeaders)],
      piece: () => frame(TYPE.data, FLAG.padded, 1, Buffer.alloc(256, 255)),
      times: 20_000,
      ends: false,
    },
    {
      name: "resets of streams that are closed",
      opening: [headers(1, HEAD), frame(TYPE.reset, 0, 1, word(8))],
      piece: () => frame(TYPE.reset, 0, 1, word(8)),
      times: 200_000,
      ends: false,
    },
  ];
  it.each(floods)(
    "T19 B12 B14: $name: memory stays flat, others are served, and it is ended where it costs",
    async ({ name, piece, times, ends, opening = [], deaf = false }) => {
      answer = () => {};
      const before = process.memoryUsage().rss;
      const client = rawClient(broker.port, Buffer.concat([PREFACE, settings(), ...opening]));
      if (deaf) client.socket.pause();
      let over = false;
      client.socket.on("close", () => {
        over = true;
      });
      let sent = 0;
      let highest = 0;
      // What must be ended is sent until it is: a slow machine sends little in any time.
      const until = performance.now() + (ends ? 20_000 : 400);
      while (sent < times && !over && performance.now() < until) {
        const burst: Buffer[] = [];
        for (let i = 0; i < 100 && sent < times; i += 1, sent += 1) burst.push(piece(sent));
        if (!client.socket.write(Buffer.concat(burst))) {
          await new Promise((resolve) => {
            client.socket.once("drain", resolve).once("close", resolve);
            setTimeout(resolve, 50);
          });
        } else await new Promise((resolve) => setImmediate(resolve));
        highest = Math.max(highest, process.memoryUsage().rss);
      }
      answer = (socket) => void socket.write(reply("{}"));
      const { told, ms } = await aside();
      expect(told).toBe("200");
      if (ends) await expect.poll(() => over).toBe(true);
      client.socket.destroy();
      // The test's own buffers are in it.
      expect(highest - before).toBeLessThan(64 * 1_048_576);
      // What is under way for a connection at one time is bounded, and ends with it.
      await expect.poll(() => upstream.sockets.size).toBeLessThanOrEqual(2);
      recordFigure({ row: "B14", what: `a call beside: ${name}`, value: Math.round(ms), unit: "ms", bar: "< 100 ms" });
    },
  );
});

describe("windows that a caller holds shut", () => {
  it("F16 B16 T24: a window of nothing and a large answer: the destination is stopped, and after a minute without progress both ends are closed", async () => {
    let fed = 0;
    answer = (socket) => {
      socket.write(STREAM_HEAD);
      const piece = chunk("x".repeat(16_384));
      const pump = (): void => {
        while (fed < 256 * 1_048_576 && !socket.destroyed) {
          fed += piece.length;
          if (!socket.write(piece)) return void socket.once("drain", pump);
        }
      };
      pump();
    };
    const before = process.memoryUsage().rss;
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    try {
      const client = talk(settings([SETTING.initialWindowSize, 0]), headers(1, HEAD));
      let last = -1;
      for (let quiet = 0; quiet < 200; quiet = last === fed && fed > 0 ? quiet + 1 : 0) {
        last = fed;
        await turn();
      }
      // Mostly the kernel's buffers toward the destination.
      expect(fed).toBeLessThan(24 * 1_048_576);
      expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1_048_576);
      vi.advanceTimersByTime(59_000);
      for (let i = 0; i < 20; i += 1) await turn();
      expect(upstream.sockets.size).toBe(1);
      vi.advanceTimersByTime(2_000);
      for (let i = 0; i < 2_000 && upstream.sockets.size > 0; i += 1) await turn();
      expect(upstream.sockets.size).toBe(0);
      for (let i = 0; i < 2_000 && !client.frames.some(({ type }) => type === TYPE.reset); i += 1) await turn();
      expect(client.frames.filter(({ type }) => type === TYPE.reset).length).toBe(1);
      client.socket.destroy();
    } finally {
      vi.useRealTimers();
    }
  });

  it("F16: a window that opens byte by byte gets every byte, in order", async () => {
    answer = (socket) => void socket.write(reply("0123456789"));
    const client = talk(settings([SETTING.initialWindowSize, 0]), headers(1, HEAD));
    for (let i = 0; i < 10; i += 1) {
      await expect.poll(() => Buffer.concat(client.frames.filter(({ type }) => type === TYPE.data).map(({ payload }) => payload)).length).toBe(i);
      client.socket.write(frame(TYPE.windowUpdate, 0, 1, word(1)));
    }
    // nghttp2 sends no end either while the window is shut.
    client.socket.write(frame(TYPE.windowUpdate, 0, 1, word(1)));
    await expect.poll(() => client.frames.some(({ type, flags }) => type === TYPE.data && (flags & FLAG.endStream) !== 0)).toBe(true);
    expect(Buffer.concat(client.frames.filter(({ type }) => type === TYPE.data).map(({ payload }) => payload)).toString()).toBe("0123456789");
    client.socket.destroy();
  });
});

describe("header sections that are too much", () => {
  it.each([
    [
      "headers of 17 KB",
      [
        ["x-a", "a".repeat(8_000)],
        ["x-b", "a".repeat(9_000)],
      ] as readonly Field[],
    ],
    [
      "headers of 60 KB",
      [
        ["x-a", "a".repeat(16_000)],
        ["x-b", "a".repeat(16_000)],
        ["x-c", "a".repeat(16_000)],
        ["x-d", "a".repeat(12_000)],
      ] as readonly Field[],
    ],
    ["a hundred and one headers", Array.from({ length: 101 }, (_, i): Field => [`x-${i}`, "a"])],
    ["five thousand headers", Array.from({ length: 5_000 }, (_, i): Field => [`x-${i}`, "a"])],
  ])("T19 B4: %s: is refused, and nothing is called", async (_name, more) => {
    const bytes = block([...HEAD, ...more]);
    const parts = Array.from({ length: Math.ceil(bytes.length / 16_000) }, (_, i) => bytes.subarray(i * 16_000, (i + 1) * 16_000));
    const client = talk(
      ...parts.map((part, i) =>
        frame(i === 0 ? TYPE.headers : TYPE.continuation, (i === 0 ? FLAG.endStream : 0) | (i === parts.length - 1 ? FLAG.endHeaders : 0), 1, part),
      ),
    );
    expect(await verdict(client, 1)).toMatch(/^(431|4\d\d|reset|closed)/);
    client.socket.destroy();
    expect(upstream.seen).toEqual([]);
  });

  it("T19 B12: one byte of compression that stands for four thousand, sixteen thousand times over and on many streams, is refused and costs no memory", async () => {
    // A literal that is kept in the dynamic table (RFC 7541 section 6.2.1), and then only its index.
    const large = Buffer.concat([Buffer.from([0x40, 3]), Buffer.from("x-a"), Buffer.from([127, 0xbd, 0x1d]), Buffer.alloc(3_900, "a")]);
    const before = process.memoryUsage().rss;
    const client = talk(
      frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, 1, Buffer.concat([block(HEAD), large, Buffer.alloc(10_000, 0x80 | 62)])),
      ...Array.from({ length: 50 }, (_, i) =>
        frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, 2 * i + 3, Buffer.concat([block(HEAD), Buffer.alloc(15_000, 0x80 | 62)])),
      ),
    );
    expect(await verdict(client, 1)).toMatch(/^(431|reset|closed)/);
    await aside();
    expect(process.memoryUsage().rss - before).toBeLessThan(24 * 1_048_576);
    client.socket.destroy();
    expect(upstream.seen.length).toBe(1);
  });
});
