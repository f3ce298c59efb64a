import { afterEach, describe, expect, it } from "vitest";
import { createUndiciTransport } from "../../adapters/transport/undici-transport.ts";
import type { OutboundRequest, Outcome, StreamBody, Transport } from "../../src/index.ts";
import { block, ERROR_CODES, FLAG, frame, SETTING, settings, TYPE, word } from "../fakes/http2-frames.ts";
import { type Drained, drain, labelOf, outbound, until } from "../fakes/outbound.ts";
import { recordFigure } from "./figure.ts";
import { type DestinationOptions, type DestinationPeer, type Http2Destination, startHttp2Destination } from "./http2-destination.ts";

/** `:status: 200` of the static table. */
const OK = Buffer.from([0x88]);
/** For those that fall silent: who speaks, speaks late on a busy machine. */
const HURRIED: Partial<OutboundRequest> = { timeouts: { connectMs: 20_000, firstByteMs: 400, streamIdleMs: 400 } };
const head = (stream: number, more: readonly (readonly [string, string])[] = []): Buffer =>
  frame(TYPE.headers, FLAG.endHeaders, stream, Buffer.concat([OK, block(more)]));
const data = (stream: number, text: string | Buffer, flags = 0): Buffer => frame(TYPE.data, flags, stream, Buffer.from(text));
const reset = (stream: number, code: number): Buffer => frame(TYPE.reset, 0, stream, word(code));
const goaway = (last: number, code: number): Buffer => frame(TYPE.goaway, 0, 0, Buffer.concat([word(last), word(code)]));
const whole = (peer: DestinationPeer, stream: number): void => peer.send(head(stream), data(stream, "{}", FLAG.endStream));

const cleanUp: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const work of cleanUp.splice(0).reverse()) await work();
});

async function destination(answer: Parameters<typeof startHttp2Destination>[0], options: DestinationOptions = {}): Promise<Http2Destination> {
  const started = await startHttp2Destination(answer, options);
  cleanUp.push(() => started.close());
  return started;
}

function transport(): Transport {
  const made = createUndiciTransport();
  cleanUp.push(() => made.close());
  return made;
}

/** What became of a call: a failure, or how its answer ended. */
interface Told {
  readonly label: string;
  readonly text: string;
}

async function told(outcome: Outcome): Promise<Told> {
  if (outcome.kind !== "answer") return { label: labelOf(outcome), text: "" };
  const drained: Drained = await drain(outcome.body);
  return { label: drained.failure === null ? "whole" : `broken ${labelOf(drained.failure)}`, text: drained.text };
}

const h2c = (port: number, changes: Partial<OutboundRequest> = {}): OutboundRequest => outbound(port, { protocol: "h2c", ...changes });
const never = (): AbortSignal => new AbortController().signal;

async function once(
  answer: Parameters<typeof startHttp2Destination>[0],
  changes: Partial<OutboundRequest> = {},
): Promise<Told & { readonly to: Http2Destination }> {
  const to = await destination(answer);
  return { ...(await told(await transport().dispatch(h2c(to.port, changes), never()))), to };
}

describe("an answer over HTTP/2 that dies is never a whole one", () => {
  it.each(ERROR_CODES.map((name, code) => [name, code] as const))(
    "F8 B6: RST_STREAM %s after DATA without END_STREAM keeps what came and says that it broke",
    async (_name, code) => {
      const { label, text } = await once((peer, stream) => {
        peer.send(head(stream), data(stream, "part"));
        setTimeout(() => peer.send(reset(stream, code)), 20);
      });
      expect({ label, text }).toEqual({ label: "broken reset sent", text: "part" });
    },
  );

  it("F8 B6: RST_STREAM NO_ERROR in one packet with DATA is no end either", async () => {
    expect(await once((peer, stream) => peer.send(head(stream), data(stream, "part"), reset(stream, 0)))).toMatchObject({
      label: "broken reset sent",
      text: "part",
    });
  });
});

describe("a destination that leaves in the middle", () => {
  it("F3: GOAWAY that names a stream before ours, or REFUSED_STREAM, says that nothing of the call was looked at: it may be sent again", async () => {
    expect(await once((peer) => peer.send(goaway(0, 0)))).toMatchObject({ label: "reset unsent" });
    expect(await once((peer, stream) => peer.send(reset(stream, 7)))).toMatchObject({ label: "reset unsent" });
  });

  it("F3: GOAWAY that names our stream lets its answer end; the next call gets another connection", async () => {
    const to = await destination((peer, stream) => {
      peer.send(head(stream), data(stream, "one"), goaway(stream, 0));
      setTimeout(() => peer.send(data(stream, "two", FLAG.endStream)), 30);
    });
    const port = transport();
    expect(await told(await port.dispatch(h2c(to.port), never()))).toEqual({ label: "whole", text: "onetwo" });
    expect(await told(await port.dispatch(h2c(to.port), never()))).toEqual({ label: "whole", text: "onetwo" });
    expect(to.peers.length).toBe(2);
  });

  it.each([1, 2, 11])("F8 B6: GOAWAY with error %i behind a part of the answer breaks it, and keeps the part", async (code) => {
    const found = await once((peer, stream) => {
      peer.send(head(stream), data(stream, "part"));
      setTimeout(() => peer.send(goaway(stream, code)), 20);
    });
    expect(found).toMatchObject({ label: "broken reset sent", text: "part" });
  });
});

describe("an answer over HTTP/2 that contradicts itself", () => {
  const wrong: readonly (readonly [string, (peer: DestinationPeer, stream: number) => void])[] = [
    ["shorter than its length", (peer, stream) => peer.send(head(stream, [["content-length", "5"]]), data(stream, "{}", FLAG.endStream))],
    ["longer than its length", (peer, stream) => peer.send(head(stream, [["content-length", "1"]]), data(stream, "{}", FLAG.endStream))],
    ["of a length that is no number", (peer, stream) => peer.send(head(stream, [["content-length", "x2"]]), data(stream, "{}", FLAG.endStream))],
    ["of a negative length", (peer, stream) => peer.send(head(stream, [["content-length", "-2"]]), data(stream, "{}", FLAG.endStream))],
    [
      "of two lengths",
      (peer, stream) =>
        peer.send(
          head(stream, [
            ["content-length", "2"],
            ["content-length", "3"],
          ]),
          data(stream, "{}", FLAG.endStream),
        ),
    ],
    ["without a status", (peer, stream) => peer.send(frame(TYPE.headers, FLAG.endHeaders, stream, block([["x-a", "1"]])), data(stream, "{}", FLAG.endStream))],
    [
      "of a status that is none",
      (peer, stream) => peer.send(frame(TYPE.headers, FLAG.endHeaders, stream, block([[":status", "abc"]])), data(stream, "{}", FLAG.endStream)),
    ],
    [
      "of two statuses",
      (peer, stream) => peer.send(frame(TYPE.headers, FLAG.endHeaders, stream, Buffer.concat([OK, Buffer.from([0x88])])), data(stream, "{}", FLAG.endStream)),
    ],
    [
      "whose status comes behind a header",
      (peer, stream) => peer.send(frame(TYPE.headers, FLAG.endHeaders, stream, Buffer.concat([block([["x-a", "1"]]), OK])), data(stream, "{}", FLAG.endStream)),
    ],
    ["with a pseudo-header of a request", (peer, stream) => peer.send(head(stream, [[":path", "/"]]), data(stream, "{}", FLAG.endStream))],
    ["with a name in upper case", (peer, stream) => peer.send(head(stream, [["X-A", "1"]]), data(stream, "{}", FLAG.endStream))],
    ["with Transfer-Encoding", (peer, stream) => peer.send(head(stream, [["transfer-encoding", "chunked"]]), data(stream, "{}", FLAG.endStream))],
    ["with Connection", (peer, stream) => peer.send(head(stream, [["connection", "close"]]), data(stream, "{}", FLAG.endStream))],
    ["whose data come before its head", (peer, stream) => peer.send(data(stream, "{}", FLAG.endStream))],
    ["on a stream that nobody opened", (peer, stream) => peer.send(head(stream + 2), data(stream + 2, "{}", FLAG.endStream))],
    ["whose trailers come in the middle", (peer, stream) => peer.send(head(stream), data(stream, "{"), head(stream), data(stream, "}", FLAG.endStream))],
    [
      "with a status in its trailers",
      (peer, stream) => peer.send(head(stream), data(stream, "{"), frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, stream, OK)),
    ],
    ["of padding longer than its frame", (peer, stream) => peer.send(head(stream), data(stream, Buffer.from([200, 123, 125]), FLAG.endStream | FLAG.padded))],
    [
      "of a head in compression that is none",
      (peer, stream) => peer.send(frame(TYPE.headers, FLAG.endHeaders, stream, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))),
    ],
    ["that switches to another protocol", (peer, stream) => peer.send(frame(TYPE.headers, FLAG.endHeaders, stream, block([[":status", "101"]])))],
    ["in a frame larger than any allowed", (peer, stream) => peer.send(head(stream), data(stream, Buffer.alloc(16_385), FLAG.endStream))],
    ["beyond our window", (peer, stream) => peer.send(head(stream), ...Array.from({ length: 5 }, () => data(stream, Buffer.alloc(16_384))))],
    ["of HTTP/1.1", (peer) => void peer.socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")],
  ];
  it.each(wrong)("F12 B6: %s: is no whole answer, and the next call is served by another connection", async (_name, answer) => {
    const to = await destination((peer, stream, index) => (index === 0 ? answer(peer, stream) : whole(peer, stream)));
    const port = transport();
    const { label } = await told(await port.dispatch(h2c(to.port, HURRIED), never()));
    expect(label).toMatch(/^(broken )?(reset sent|protocol|timeout first_byte|timeout idle)$/);
    expect(await told(await port.dispatch(h2c(to.port), never()))).toEqual({ label: "whole", text: "{}" });
  });

  it("F12: frames of unknown types, empty data and padding are part of the protocol, and change nothing", async () => {
    const found = await once((peer, stream) =>
      peer.send(
        frame(0xee, 0xff, stream, Buffer.from("what")),
        frame(0xef, 0, 0),
        head(stream),
        data(stream, ""),
        data(stream, Buffer.concat([Buffer.from([3]), Buffer.from("{}"), Buffer.alloc(3)]), FLAG.padded),
        data(stream, "", FLAG.endStream),
      ),
    );
    expect(found).toMatchObject({ label: "whole", text: "{}" });
  });

  it.each([
    ["a line break", "1\r\nset-cookie: a=b"],
    ["a bare CR", "1\rset-cookie: a=b"],
    ["a NUL", "1\0"],
  ])("F12 T10: a header of the answer with %s in it is not handed on", async (_name, value) => {
    const to = await destination((peer, stream) => peer.send(head(stream, [["x-a", value]]), data(stream, "{}", FLAG.endStream)));
    const outcome = await transport().dispatch(h2c(to.port), never());
    if (outcome.kind === "answer") expect(outcome.headers.join()).not.toMatch(/x-a|set-cookie/);
  });

  it.each([
    ["a second head behind the end", (stream: number) => [data(stream, "{}", FLAG.endStream), head(stream, [["set-cookie", "a=b"]])]],
    ["data behind the end", (stream: number) => [data(stream, "{}", FLAG.endStream), data(stream, "more", FLAG.endStream)]],
    [
      "data behind the trailers",
      (stream: number) => [
        data(stream, "{}"),
        frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, stream, block([["x-a", "1"]])),
        data(stream, "more", FLAG.endStream),
      ],
    ],
  ])("F12: %s of an answer changes nothing of it, nor of the next", async (_name, rest) => {
    const to = await destination((peer, stream) => peer.send(head(stream), ...rest(stream)));
    const port = transport();
    for (let i = 0; i < 2; i += 1) expect(await told(await port.dispatch(h2c(to.port), never()))).toEqual({ label: "whole", text: "{}" });
  });
});

describe("a destination that gives what nobody asked for", () => {
  it.each([true, false])("T18: PUSH_PROMISE is no answer to anything (settings acknowledged: %s)", async (acknowledges) => {
    const promise = (stream: number): Buffer =>
      frame(
        TYPE.push,
        FLAG.endHeaders,
        stream,
        Buffer.concat([
          word(2),
          block([
            [":method", "GET"],
            [":scheme", "http"],
            [":path", "/v1/x"],
            [":authority", "a"],
          ]),
        ]),
      );
    const to = await destination(
      (peer, stream) => peer.send(promise(stream), head(2), data(2, "pushed", FLAG.endStream), head(stream), data(stream, "{}", FLAG.endStream)),
      {
        acknowledges,
      },
    );
    const { label, text } = await told(await transport().dispatch(h2c(to.port), never()));
    expect(text).not.toContain("pushed");
    expect(label).toMatch(/^(whole|reset sent|broken reset sent)$/);
  });

  it("T18: informational answers without end are no answer: the first byte's time is over", async () => {
    let timer: NodeJS.Timeout | undefined;
    let sent = 0;
    cleanUp.push(() => clearInterval(timer));
    const early = (stream: number): Buffer =>
      frame(
        TYPE.headers,
        FLAG.endHeaders,
        stream,
        block([
          [":status", "103"],
          ["link", "</a>"],
        ]),
      );
    const found = await once((peer, stream) => {
      timer = setInterval(() => {
        sent += 20;
        peer.send(...Array.from({ length: 20 }, () => early(stream)));
      }, 5);
    }, HURRIED);
    expect(found.label).toBe("timeout first_byte");
    expect(sent).toBeGreaterThan(100);
    await until(() => found.to.seen().some(({ type }) => type === TYPE.reset), "the stream is reset");
  });

  it.each([
    ["PING", frame(TYPE.ping, 0, 0, Buffer.alloc(8))],
    ["SETTINGS", settings([SETTING.initialWindowSize, 65_535])],
    ["WINDOW_UPDATE", frame(TYPE.windowUpdate, 0, 0, word(1))],
    ["PRIORITY", frame(TYPE.priority, 0, 1, Buffer.from([0, 0, 0, 3, 1]))],
    ["frames of an unknown type", frame(0xee, 0, 0)],
  ])("T18: a flood of %s holds up no call, on its own connection or another, and no memory", async (_name, flood) => {
    const to = await destination(
      (peer, stream) => {
        const burst = Buffer.concat(Array.from({ length: 200 }, () => flood));
        let left = 60;
        const pump = (): void => {
          while (left > 0 && !peer.socket.destroyed) {
            left -= 1;
            if (!peer.socket.write(burst)) return void peer.socket.once("drain", pump);
          }
          whole(peer, stream);
        };
        pump();
      },
      { on: "request" },
    );
    const port = transport();
    const other = await destination(whole);
    const before = process.memoryUsage().rss;
    const flooded = port.dispatch(h2c(to.port), never());
    expect(await told(await port.dispatch(h2c(other.port), never()))).toEqual({ label: "whole", text: "{}" });
    expect((await told(await flooded)).label).toMatch(/^(whole|reset sent)$/);
    expect(process.memoryUsage().rss - before).toBeLessThan(48 * 1_048_576);
  });

  it.each([
    ["a head of 100 KiB", [["x-a", "a".repeat(16_000)]], 7],
    ["a thousand headers", Array.from({ length: 1_000 }, (_, i) => [`x-${i}`, "a"]), 1],
  ] as const)("T18: %s is no answer", async (_name, fields, times) => {
    const found = await once((peer, stream) => {
      const bytes = Buffer.concat([OK, ...Array.from({ length: times }, () => block(fields as readonly (readonly [string, string])[]))]); // written out above
      const parts = Array.from({ length: Math.ceil(bytes.length / 16_384) }, (_, i) => bytes.subarray(i * 16_384, (i + 1) * 16_384));
      peer.send(
        ...parts.map((part, i) => frame(i === 0 ? TYPE.headers : TYPE.continuation, i === parts.length - 1 ? FLAG.endHeaders : 0, stream, part)),
        data(stream, "{}", FLAG.endStream),
      );
    });
    expect(found.label).toMatch(/^(protocol|reset sent)$/);
  });

  it("T18: a head without end, in CONTINUATION frames, ends the connection", async () => {
    const to = await destination((peer, stream) => {
      peer.send(frame(TYPE.headers, 0, stream, OK));
      const timer = setInterval(() => peer.send(...Array.from({ length: 50 }, () => frame(TYPE.continuation, 0, stream, block([["x-a", "b"]])))), 1);
      peer.socket.once("close", () => clearInterval(timer));
    });
    const { label } = await told(await transport().dispatch(h2c(to.port), never()));
    expect(label).toMatch(/^(protocol|reset sent)$/);
    await until(() => to.open === 0, "the connection is closed");
  });

  it("T18: one byte of compression that stands for four thousand, ten thousand times over, is no answer and costs no memory", async () => {
    // A literal that is kept in the dynamic table (RFC 7541 section 6.2.1), and then only its index.
    const value = Buffer.alloc(3_900, "a");
    const first = Buffer.concat([Buffer.from([0x40, 3]), Buffer.from("x-a"), Buffer.from([127, ...prefixed(3_900 - 127)]), value]);
    const before = process.memoryUsage().rss;
    const found = await once((peer, stream) =>
      peer.send(
        frame(TYPE.headers, 0, stream, Buffer.concat([OK, first])),
        frame(TYPE.continuation, FLAG.endHeaders, stream, Buffer.alloc(10_000, 0x80 | 62)),
        data(stream, "{}", FLAG.endStream),
      ),
    );
    expect(found.label).toMatch(/^(protocol|reset sent)$/);
    expect(process.memoryUsage().rss - before).toBeLessThan(24 * 1_048_576);
  });
});

describe("windows and limits that are set against us", () => {
  it("F6: no streams at all: each call is answered or given up in time, and connections that take none are closed", async () => {
    const to = await destination(whole, { greeting: settings([SETTING.maxConcurrentStreams, 0]) });
    const port = transport();
    for (let i = 0; i < 6; i += 1) {
      const { label } = await told(await port.dispatch(h2c(to.port, HURRIED), never()));
      expect(label).toMatch(/^(whole|timeout first_byte)$/);
      await until(() => to.seen().filter(({ type, flags }) => type === TYPE.settings && flags === FLAG.ack).length > i, "the settings are taken");
    }
    await until(() => to.open <= 1, "connections without use are closed");
  });

  it("F6: a window of nothing: the call is given up in time, and no number of calls opens connections without end", async () => {
    const to = await destination(whole, { greeting: settings([SETTING.initialWindowSize, 0]) });
    const port = transport();
    await told(await port.dispatch(h2c(to.port, HURRIED), never()));
    await until(() => to.seen().some(({ type, flags }) => type === TYPE.settings && flags === FLAG.ack), "the settings are taken");
    const calls = await Promise.all(Array.from({ length: 6 }, async () => (await told(await port.dispatch(h2c(to.port, HURRIED), never()))).label));
    expect(new Set(calls)).toEqual(new Set(["timeout first_byte"]));
    expect(to.peers.length).toBe(1);
  });

  it.each([
    ["a window that grows past 2^31 - 1", Buffer.concat([frame(TYPE.windowUpdate, 0, 0, word(0x7fffffff)), frame(TYPE.windowUpdate, 0, 0, word(0x7fffffff))])],
    ["a window that grows by nothing", frame(TYPE.windowUpdate, 0, 0, word(0))],
    ["settings of an odd length", frame(TYPE.settings, 0, 0, Buffer.alloc(5))],
    ["an initial window of 2^31", settings([SETTING.initialWindowSize, 0x80000000])],
    ["frames of at most a byte", settings([SETTING.maxFrameSize, 1])],
    ["a push of its own allowed to us", settings([SETTING.enablePush, 1])],
  ])("F12: %s ends the connection, and the next call gets another one", async (_name, bytes) => {
    const to = await destination((peer, stream, index) => (index === 0 ? peer.send(bytes) : whole(peer, stream)));
    const port = transport();
    expect((await told(await port.dispatch(h2c(to.port), never()))).label).toBe("reset sent");
    expect(await told(await port.dispatch(h2c(to.port), never()))).toEqual({ label: "whole", text: "{}" });
    await until(() => to.open === 1, "the first connection is closed");
  });

  it("F16: data beyond a window that nobody reads ends the connection instead of filling memory", async () => {
    let written = 0;
    const to = await destination((peer, stream) => {
      peer.send(head(stream));
      const pump = (): void => {
        while (written < 64 * 1_048_576 && !peer.socket.destroyed) {
          written += 16_384;
          if (!peer.socket.write(data(stream, Buffer.alloc(16_384)))) return void peer.socket.once("drain", pump);
        }
      };
      pump();
    });
    const outcome = await transport().dispatch(h2c(to.port), never());
    expect(outcome.kind).toBe("answer");
    await until(() => to.open === 0, "the connection is closed");
    expect(written).toBeLessThan(16 * 1_048_576);
    if (outcome.kind === "answer") expect((await drain(outcome.body)).failure).not.toBe(null);
  });
});

describe("an upload over HTTP/2 that breaks off never looks whole", () => {
  const ends = (to: Http2Destination): boolean =>
    to.seen().some(({ type, flags }) => (type === TYPE.data || type === TYPE.headers) && (flags & FLAG.endStream) !== 0);
  const streamed = (length: number | null, open: StreamBody["open"]): StreamBody => ({
    kind: "stream",
    length,
    replayable: () => false,
    overflowed: () => false,
    open,
  });

  it.each([null, 100])("B6: the caller leaves in the middle (declared length: %s)", async (length) => {
    const to = await destination(() => {});
    const body = streamed(length, async function* () {
      yield Buffer.from("half");
      await until(() => to.seen().some(({ type }) => type === TYPE.data), "the half has arrived");
      throw new Error("the caller left");
    });
    expect(await told(await transport().dispatch(h2c(to.port, { body }), never()))).toMatchObject({ label: "request_body" });
    await until(() => to.seen().some(({ type }) => type === TYPE.reset), "the stream is reset");
    expect(ends(to)).toBe(false);
  });

  it("B6: the body is shorter than it was declared", async () => {
    const to = await destination(whole);
    const body = streamed(100, async function* () {
      yield Buffer.from("half");
    });
    expect(await told(await transport().dispatch(h2c(to.port, { body }), never()))).toMatchObject({ label: "request_body" });
    await until(() => to.seen().some(({ type }) => type === TYPE.reset), "the stream is reset");
    expect(ends(to)).toBe(false);
  });

  it("B6: the body is longer than it was declared", async () => {
    const to = await destination(whole);
    const body = streamed(3, async function* () {
      yield Buffer.from("too much");
    });
    expect(await told(await transport().dispatch(h2c(to.port, { body }), never()))).toMatchObject({ label: "request_body" });
    await until(() => to.seen().some(({ type }) => type === TYPE.reset), "the stream is reset");
    expect(ends(to)).toBe(false);
  });

  it.each(["bytes", "stream"])("F15 B6: the call is cancelled while the destination's window is closed (%s)", async (kind) => {
    const to = await destination(() => {}, { greeting: settings([SETTING.initialWindowSize, 10]) });
    const controller = new AbortController();
    const large = Buffer.alloc(200_000, "x");
    const body =
      kind === "bytes"
        ? ({ kind: "bytes", bytes: large } as const)
        : streamed(large.length, async function* () {
            yield large;
          });
    const outcome = transport().dispatch(h2c(to.port, { body }), controller.signal);
    await until(() => to.seen().some(({ type }) => type === TYPE.settings), "the connection is made");
    await until(() => to.seen().some(({ type }) => type === TYPE.headers), "the head has arrived");
    await new Promise((resolve) => setTimeout(resolve, 30));
    controller.abort();
    expect(labelOf(await outcome)).toBe("cancelled");
    await until(() => to.seen().some(({ type }) => type === TYPE.reset), "the stream is reset");
    expect(ends(to)).toBe(false);
  });

  it("F6 B16: a window that never opens ends the upload in time", async () => {
    const to = await destination(() => {}, { greeting: settings([SETTING.initialWindowSize, 10]) });
    const body = streamed(null, async function* () {
      for (let i = 0; i < 100; i += 1) yield Buffer.alloc(16_384);
    });
    expect(await told(await transport().dispatch(h2c(to.port, { ...HURRIED, body }), never()))).toMatchObject({ label: "timeout first_byte" });
    expect(ends(to)).toBe(false);
  });
});

describe("a call over HTTP/2 that nobody wants any more", () => {
  type Moment = readonly [string, (peer: DestinationPeer, stream: number) => void, (outcome: Promise<Outcome>, to: Http2Destination) => Promise<unknown>];
  const moments: readonly Moment[] = [
    ["before any byte of the answer", () => {}, (_outcome, to) => until(() => to.seen().some(({ type }) => type === TYPE.data), "the request is there")],
    ["behind the head", (peer, stream) => peer.send(head(stream)), (outcome) => outcome],
    [
      "in the middle of a stream that goes on",
      (peer, stream) => {
        peer.send(head(stream), data(stream, "data: 1\n\n"));
        const timer = setInterval(() => peer.send(data(stream, "data: more\n\n")), 5);
        peer.socket.once("close", () => clearInterval(timer));
      },
      async (outcome) => {
        const answered = await outcome;
        if (answered.kind === "answer") await answered.body.peek(20);
      },
    ],
    [
      "in the middle of a stream that is silent",
      (peer, stream) => peer.send(head(stream), data(stream, "data: 1\n\n")),
      async (outcome) => {
        const answered = await outcome;
        if (answered.kind === "answer") await answered.body.peek(0);
      },
    ],
  ];
  it.each(moments)("F15 B11: %s: RST_STREAM CANCEL at once, and the connection serves the next", async (moment, answer, reached) => {
    const to = await destination((peer, stream, index) => (index < 10 ? answer(peer, stream) : whole(peer, stream)));
    const port = transport();
    const times: number[] = [];
    for (let i = 0; i < 10; i += 1) {
      const controller = new AbortController();
      const outcome = port.dispatch(h2c(to.port), controller.signal);
      const resets = (): number => to.seen().filter(({ type, payload }) => type === TYPE.reset && payload.readUInt32BE(0) === 8).length;
      await until(() => to.seen().filter(({ type }) => type === TYPE.headers).length > i, "the call is there");
      await reached(outcome, to);
      controller.abort();
      times.push(await until(() => resets() === i + 1, "the stream is reset"));
      await outcome;
    }
    expect(await told(await port.dispatch(h2c(to.port), never()))).toEqual({ label: "whole", text: "{}" });
    expect(to.peers.length).toBe(1);
    recordFigure({
      row: "F15",
      what: `HTTP/2, ${moment}: hang-up to RST_STREAM, slowest of 10`,
      value: Math.round(Math.max(...times)),
      unit: "ms",
      bar: "<= 50 ms",
    });
  });
});

/** What follows 127 in a length of HPACK (RFC 7541 section 5.1). */
function prefixed(rest: number): readonly number[] {
  return rest < 128 ? [rest] : [(rest % 128) + 128, ...prefixed(Math.floor(rest / 128))];
}
