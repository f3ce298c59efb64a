import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Outlet, PacedDelivery } from "../../../adapters/delivery/paced-delivery.ts";
import type { AnswerBody, BodyConsumer, DeliveryEnd, StreamCodec } from "../../../src/index.ts";

interface Rig {
  readonly delivery: PacedDelivery;
  /** What happened, in order. */
  readonly log: string[];
  readonly ends: DeliveryEnd[];
  upstream(): BodyConsumer;
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const bytes = (word: string) => Buffer.from(word);

function rig(options: { readonly room?: () => boolean; readonly codec?: StreamCodec; readonly bodiless?: boolean; readonly refuses?: boolean } = {}): Rig {
  const log: string[] = [];
  const ends: DeliveryEnd[] = [];
  let sent = false;
  let consumer: BodyConsumer | null = null;
  const body: AnswerBody = {
    peek: () => ({ bytes: new Uint8Array(0), ended: false, failure: null }),
    consume: (given) => {
      consumer = given;
    },
    pause: () => void log.push("pause"),
    resume: () => void log.push("resume"),
    cancel: () => void log.push("cancel"),
  };
  const outlet: Outlet = {
    get sent() {
      return sent;
    },
    begin: () => {
      if (options.refuses === true) throw new Error("no such status");
      sent = true;
      log.push("head");
    },
    write: (given) => {
      log.push(text(given));
      return options.room?.() ?? true;
    },
    end: () => void log.push("end"),
    cut: () => void log.push("cut"),
    drop: () => void log.push("drop"),
  };
  const onFirstByte = () => void log.push("first");
  const delivery = new PacedDelivery(
    { status: 200, headers: [], body, codec: options.codec ?? null, trailers: null, onFirstByte },
    outlet,
    options.bodiless ?? false,
    (end) => void ends.push(end),
  );
  delivery.start();
  return {
    delivery,
    log,
    ends,
    upstream: () => {
      if (consumer === null) throw new Error("nobody consumes");
      return consumer;
    },
  };
}

const codec = (complete: boolean): StreamCodec => ({
  chunk: (given) => (text(given) === "hidden" ? null : given),
  end: () => ({ bytes: bytes("tail"), complete }),
  fail: () => bytes("error event"),
});
const reset = { kind: "reset", sent: true, message: "broke" } as const;

describe("a paced delivery", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("sends the head with the first byte, and ends once", () => {
    const { upstream, log, ends } = rig();
    upstream().chunk(bytes("one"));
    upstream().chunk(bytes("two"));
    upstream().end(null);
    upstream().end(null);
    upstream().failed(reset);
    expect(log).toEqual(["head", "one", "first", "two", "end"]);
    expect(ends).toEqual([{ kind: "complete", bytes: 6, failure: null }]);
  });

  it("sends the head of an answer without a body, and no byte where there may be none", () => {
    const empty = rig();
    empty.upstream().end(null);
    expect(empty.log).toEqual(["head", "end"]);
    const bodiless = rig({ bodiless: true, codec: codec(false) });
    bodiless.upstream().chunk(bytes("one"));
    bodiless.upstream().end(null);
    expect(bodiless.log).toEqual(["head", "end"]);
    expect(bodiless.ends[0]).toMatchObject({ kind: "complete", bytes: 0 });
  });

  it("pauses the upstream while there is no room, and goes on", () => {
    let room = false;
    const { delivery, upstream, log } = rig({ room: () => room });
    upstream().chunk(bytes("one"));
    upstream().chunk(bytes("two"));
    delivery.taken();
    delivery.taken();
    room = true;
    upstream().chunk(bytes("three"));
    expect(log).toEqual(["head", "one", "first", "pause", "two", "resume", "three"]);
  });

  it("gives up on a caller who takes nothing for a minute", () => {
    const { upstream, log, ends } = rig({ room: () => false });
    upstream().chunk(bytes("one"));
    vi.advanceTimersByTime(59_999);
    expect(ends).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(log.slice(-2)).toEqual(["cancel", "drop"]);
    expect(ends).toEqual([{ kind: "stalled", bytes: 3, failure: null }]);
  });

  it("cuts a broken answer after the dialect's error event, and lets the broker answer while nothing has left", () => {
    const broken = rig({ codec: codec(true) });
    broken.upstream().chunk(bytes("hidden"));
    broken.upstream().chunk(bytes("one"));
    broken.upstream().failed(reset);
    expect(broken.log).toEqual(["head", "one", "first", "error event", "cut"]);
    expect(broken.ends).toEqual([{ kind: "upstream_failed", bytes: 14, failure: reset }]);
    const early = rig({ codec: codec(true) });
    early.upstream().failed(reset);
    expect(early.log).toEqual([]);
    expect(early.ends).toEqual([{ kind: "upstream_failed", bytes: 0, failure: reset }]);
  });

  it("cuts an answer whose end marker never came", () => {
    const { upstream, log, ends } = rig({ codec: codec(false) });
    upstream().chunk(bytes("one"));
    upstream().end(null);
    expect(log).toEqual(["head", "one", "first", "tail", "error event", "cut"]);
    expect(ends[0]).toMatchObject({ kind: "truncated" });
  });

  it("is over with nothing started when the platform cannot send the head", () => {
    const { upstream, log, ends } = rig({ refuses: true });
    upstream().chunk(bytes("one"));
    upstream().end(null);
    expect(log).toEqual(["cancel"]);
    expect(ends).toEqual([{ kind: "upstream_failed", bytes: 0, failure: { kind: "protocol", message: expect.any(String) } }]);
  });

  it("stops the upstream when the caller leaves", () => {
    const { delivery, upstream, log, ends } = rig();
    upstream().chunk(bytes("one"));
    delivery.abandon("caller_gone");
    upstream().chunk(bytes("two"));
    delivery.taken();
    expect(log).toEqual(["head", "one", "first", "cancel"]);
    expect(ends).toEqual([{ kind: "caller_gone", bytes: 3, failure: null }]);
  });
});
