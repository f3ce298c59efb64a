import { EventEmitter } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allowAnswersAtOnce, type Prelude, type ResponseStream } from "../../../adapters/lambda/runtime-client.ts";
import { StreamedResponder } from "../../../adapters/lambda/streamed-responder.ts";
import type { AnswerBody, BodyConsumer } from "../../../src/index.ts";

/** The runtime client's stream, of which `from` gives back the same one. */
class FakeStream extends EventEmitter implements ResponseStream {
  readonly log: string[] = [];
  readonly agent = { maxSockets: 1 };
  writableFinished = false;
  destroyed = false;
  room = true;

  write(chunk: Uint8Array | string): boolean {
    this.log.push(`write ${Buffer.from(chunk).toString()}`);
    return this.room;
  }
  end(): void {
    this.log.push("end");
    this.writableFinished = true;
  }
  destroy(): void {
    this.log.push("destroy");
    this.destroyed = true;
    this.break();
  }
  break(): void {
    this.emit("error", new Error("socket hang up"));
    this.emit("close");
  }
}

let preludes: Prelude[] = [];
beforeAll(() => {
  const HttpResponseStream = {
    from: (stream: ResponseStream, prelude: Prelude) => {
      preludes.push(prelude);
      return stream;
    },
  };
  Reflect.set(globalThis, "awslambda", { streamifyResponse: (handler: unknown) => handler, HttpResponseStream });
});
afterAll(() => void Reflect.deleteProperty(globalThis, "awslambda"));

function setUp(method = "GET") {
  preludes = [];
  const stream = new FakeStream();
  let gone = 0;
  const responder = new StreamedResponder(stream, method, () => {
    gone += 1;
  });
  return { stream, responder, gone: () => gone };
}

function body(): AnswerBody & { readonly log: string[]; consumer(): BodyConsumer } {
  const log: string[] = [];
  let given: BodyConsumer | null = null;
  return {
    log,
    consumer: () => {
      if (given === null) throw new Error("nobody consumes");
      return given;
    },
    peek: () => ({ bytes: new Uint8Array(0), ended: false, failure: null }),
    consume: (consumer) => {
      given = consumer;
    },
    pause: () => void log.push("pause"),
    resume: () => void log.push("resume"),
    cancel: () => void log.push("cancel"),
  };
}

const deliver = (responder: StreamedResponder, source: AnswerBody, status = 200) =>
  responder.deliver({ status, headers: ["content-length", "3", "x-a", "1"], body: source, codec: null, trailers: null, onFirstByte: () => {} });

describe("the way back by the response stream", () => {
  it("has a prelude, the cookies apart, and no framing", () => {
    const { stream, responder } = setUp();
    responder.reply(200, ["Set-Cookie", "a=1", "set-cookie", "b=2", "X-A", "1", "content-length", "2"], Buffer.from("ok"));
    responder.reply(500, [], null);
    responder.finish();
    expect(preludes).toEqual([{ statusCode: 200, headers: { "x-a": "1" }, cookies: ["a=1", "b=2"] }]);
    expect(stream.log).toEqual(["write ok", "end"]);
  });

  it("writes something even for an answer without a body: the prelude leaves with it", () => {
    for (const [method, status] of [
      ["HEAD", 200],
      ["GET", 204],
    ] as const) {
      const { stream, responder } = setUp(method);
      responder.reply(status, [], Buffer.from("hidden"));
      expect(stream.log).toEqual(["write ", "end"]);
    }
  });

  it("waits for room", async () => {
    const { stream, responder } = setUp();
    const source = body();
    const ended = deliver(responder, source);
    stream.room = false;
    source.consumer().chunk(Buffer.from("one"));
    stream.emit("drain");
    source.consumer().end(null);
    expect(source.log).toEqual(["pause", "resume"]);
    expect(await ended).toMatchObject({ kind: "complete", bytes: 3 });
    expect(responder.broken).toBeNull();
  });

  it("a stream that breaks stops the upstream, tells once, and takes no more", async () => {
    const { stream, responder, gone } = setUp();
    const source = body();
    const ended = deliver(responder, source);
    source.consumer().chunk(Buffer.from("one"));
    stream.break();
    stream.break();
    expect(await ended).toMatchObject({ kind: "caller_gone", bytes: 3 });
    expect([source.log, gone()]).toEqual([["cancel"], 1]);
    responder.finish();
    expect(stream.log).toEqual(["write one"]);
    const late = body();
    expect(await deliver(responder, late)).toMatchObject({ kind: "caller_gone" });
    expect(late.log).toEqual(["cancel"]);
  });

  it("a stream that closes when all is said is no caller who left", () => {
    const { stream, responder, gone } = setUp();
    responder.reply(200, [], null);
    stream.emit("close");
    expect(gone()).toBe(0);
  });

  it("a broken answer ends neither well nor by itself: the invocation fails with it", async () => {
    const { stream, responder } = setUp();
    const source = body();
    const ended = deliver(responder, source);
    source.consumer().chunk(Buffer.from("one"));
    source.consumer().failed({ kind: "reset", sent: true, message: "broke" });
    expect(await ended).toMatchObject({ kind: "upstream_failed" });
    expect(responder.broken?.name).toBe("BrokenAnswer");
    expect(stream.log).toEqual(["write one"]);
  });

  it("a head that is not HTTP has never begun", async () => {
    const { stream, responder } = setUp();
    const source = body();
    const ended = responder.deliver({ status: 200, headers: ["x-a", "one\r\ntwo"], body: source, codec: null, trailers: null, onFirstByte: () => {} });
    source.consumer().chunk(Buffer.from("one"));
    expect(await ended).toMatchObject({ kind: "upstream_failed", failure: { kind: "protocol" } });
    expect([responder.started, stream.log]).toEqual([false, []]);
    responder.reply(502, [], null);
    expect(preludes).toMatchObject([{ statusCode: 502 }]);
  });

  it("an answer for a call without one", () => {
    const { responder } = setUp();
    responder.finish();
    expect(preludes).toMatchObject([{ statusCode: 499 }]);
  });
});

describe("answers at once", () => {
  it("have a connection each, and a client that is made differently is left as it is", () => {
    const stream = new FakeStream();
    allowAnswersAtOnce(stream, 10);
    expect(stream.agent.maxSockets).toBe(10);
    stream.agent.maxSockets = 20;
    allowAnswersAtOnce(stream, 10);
    expect(stream.agent.maxSockets).toBe(20);
    const other = Object.assign(new FakeStream(), { agent: null });
    expect(() => allowAnswersAtOnce(other as unknown as ResponseStream, 10)).not.toThrow(); // as: a stream without an agent is what is tested
  });
});
