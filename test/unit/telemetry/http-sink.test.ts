import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { readOverrides } from "../../../adapters/events/cloud-event.ts";
import { createConsoleSink } from "../../../adapters/events/console-sink.ts";
import { createHttpSink, type HttpSinkOptions } from "../../../adapters/events/http-sink.ts";
import { createEventSink } from "../../../adapters/events/node-event-sink.ts";
import type { EgressEvent } from "../../../src/model/event.ts";
import { createFakeClock } from "../../fakes/clock.ts";

const event: EgressEvent = { type: "egress.denied", time: Date.UTC(2026, 10, 22, 12), subject: "team-a/openai/0", data: { code: "region_locked" } };
const opened: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});

interface Delivered {
  readonly type: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A receiver on loopback; `statuses` are given in turn, then 202. 0 never answers. */
async function receiver(statuses: number[] = []) {
  const delivered: Delivered[] = [];
  const waiters: { count: number; resolve: () => void }[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => {
      text += chunk;
    });
    request.on("end", () => {
      delivered.push({ type: request.headers["content-type"], body: JSON.parse(text) });
      const status = statuses.shift() ?? 202;
      if (status !== 0) response.writeHead(status).end("thanks");
      for (const waiter of waiters) if (delivered.length >= waiter.count) waiter.resolve();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  opened.push(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  );
  // A TCP server's address is an AddressInfo.
  const { port } = server.address() as AddressInfo;
  const arrived = (count: number) =>
    new Promise<void>((resolve) => {
      if (delivered.length >= count) resolve();
      else waiters.push({ count, resolve });
    });
  return { url: `http://127.0.0.1:${port}/`, delivered, arrived };
}

function open(url: string, options: Partial<HttpSinkOptions> = {}) {
  const clock = createFakeClock();
  const sink = createHttpSink({ url, source: "/spillway", extensions: {}, after: clock.after, random: () => 1, ...options });
  opened.push(() => sink.close(0));
  return { sink, clock };
}

/** Lets real sockets work while the fake clock moves on, until the condition holds. */
async function until(condition: () => boolean, step: () => Promise<void> = async () => {}): Promise<void> {
  for (let turn = 0; turn < 2_000 && !condition(); turn += 1) {
    await step();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(condition()).toBe(true);
}

describe("the HTTP sink", () => {
  it("sends a CloudEvent in structured mode, with the extensions of K_CE_OVERRIDES", async () => {
    const { url, delivered, arrived } = await receiver();
    const sink = createEventSink({ K_SINK: url, K_SERVICE: "egress", K_CE_OVERRIDES: '{"extensions":{"tenant":"blue"}}' });
    opened.push(() => sink.close());
    sink.emit(event);
    await arrived(1);
    expect(delivered[0]?.type).toBe("application/cloudevents+json; charset=utf-8");
    expect(delivered[0]?.body).toEqual({
      specversion: "1.0",
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      source: "/spillway/egress",
      type: "dev.spillway.egress.denied.v1",
      subject: "team-a/openai/0",
      time: "2026-11-22T12:00:00.000Z",
      datacontenttype: "application/json",
      data: { code: "region_locked" },
      tenant: "blue",
    });
  });

  it("sends again what was not taken, under the same id", async () => {
    const { url, delivered } = await receiver([503, 429, 202]);
    const { sink, clock } = open(url);
    sink.emit(event);
    await until(
      () => delivered.length === 3,
      () => clock.advance(500),
    );
    expect(new Set(delivered.map(({ body }) => body["id"])).size).toBe(1);
    await sink.close();
    expect(sink.dropped()).toBe(0);
  });

  it("gives up on what is refused, and after its last try", async () => {
    const { url, delivered } = await receiver([400, 500, 500]);
    const { sink, clock } = open(url, { maxAttempts: 2, concurrency: 1 });
    sink.emit(event);
    sink.emit(event);
    await until(
      () => sink.dropped() === 2,
      () => clock.advance(500),
    );
    expect(delivered).toHaveLength(3);
  });

  it("holds no more than its bound while the receiver hangs, and stops when told to", async () => {
    const { url, arrived } = await receiver([0, 0, 0, 0]);
    const { sink, clock } = open(url, { queueBound: 10, concurrency: 2 });
    for (let index = 0; index < 1_000; index += 1) sink.emit(event);
    expect(sink.dropped()).toBe(988);
    await arrived(2);
    const closed = sink.close(1_000);
    await clock.advance(1_000);
    await closed;
    expect(sink.dropped()).toBe(1_000);
    sink.emit(event);
    expect(sink.dropped()).toBe(1_001);
  });

  it("sends what waits before it closes", async () => {
    const { url, delivered } = await receiver();
    const { sink } = open(url, { concurrency: 2 });
    for (let index = 0; index < 50; index += 1) sink.emit(event);
    await sink.close();
    expect(delivered).toHaveLength(50);
    expect(sink.dropped()).toBe(0);
  });
});

describe("the choice of sink", () => {
  it("is none without K_SINK", async () => {
    const sink = createEventSink({});
    sink.emit(event);
    expect(sink.dropped()).toBe(0);
    await sink.close();
  });

  it("is the log where one is given, without what the access log says already", () => {
    const lines: string[] = [];
    const sink = createEventSink({}, (line) => lines.push(line));
    sink.emit({ ...event, type: "backend.degraded" });
    sink.emit({ ...event, type: "backend.recovered" });
    for (const type of ["egress.denied", "egress.failover", "egress.completed"] as const)
      createConsoleSink((line) => lines.push(line)).emit({ ...event, type });
    const common = { time: "2026-11-22T12:00:00.000Z", msg: "event", subject: "team-a/openai/0", data: { code: "region_locked" } };
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { ...common, level: "warn", type: "backend.degraded" },
      { ...common, level: "info", type: "backend.recovered" },
    ]);
  });

  it("fails at start when the environment cannot be meant", () => {
    expect(() => createEventSink({ K_SINK: "broker" })).toThrow("K_SINK");
    expect(() => createEventSink({ K_SINK: "file:///tmp/x" })).toThrow("K_SINK");
    for (const text of ["{", "[]", '{"extensions":[]}', '{"extensions":{"Big":"x"}}', '{"extensions":{"id":"x"}}', '{"extensions":{"n":1}}']) {
      expect(() => readOverrides(text), text).toThrow("K_CE_OVERRIDES");
    }
    expect(readOverrides('{"other":1}')).toEqual({});
  });
});
