import type { Socket } from "node:net";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { CALLER_TOKEN } from "../fakes/manifests.ts";
import { chatCall } from "./chat-bytes.ts";
import { recordFigure } from "./figure.ts";
import { type HostileWorld, startHostileWorld } from "./hostile-world.ts";
import { rawCall } from "./raw-client.ts";

const HEADERS = 80;
const BODIES = 20;
/** Beyond the promise: a loaded machine looks late. */
const ROOM_MS = 10_000;

let world: HostileWorld;
beforeAll(async () => {
  world = await startHostileWorld();
});
afterAll(() => world?.close());

interface Drip {
  readonly kind: "header" | "body";
  readonly socket: Socket;
  /** Milliseconds until the broker closed it; null: it has not. */
  endedAfter: number | null;
  received: string;
}

/** One byte a second, for ever. */
function drip(kind: Drip["kind"], port: number): Drip {
  const socket = connect({ host: "127.0.0.1", port });
  const started = performance.now();
  const slow: Drip = { kind, socket, endedAfter: null, received: "" };
  const head = "POST /v1/chat/completions HTTP/1.1\r\nhost: broker.test\r\n";
  socket.write(
    kind === "header" ? `${head}x-slow: ` : `${head}authorization: Bearer ${CALLER_TOKEN}\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{`,
  );
  const timer = setInterval(() => socket.write("a"), 1_000);
  const over = (): void => {
    clearInterval(timer);
    slow.endedAfter ??= performance.now() - started;
    socket.destroy();
  };
  socket.on("data", (data: Buffer) => {
    slow.received += data.toString("latin1");
  });
  socket.on("error", () => {});
  socket.on("end", over);
  socket.on("close", over);
  return slow;
}

it("T19 B16: headers that drip are cut within 10 s and bodies within 30 s, and good calls beside them are served", { timeout: 90_000 }, async () => {
  const drips = [...Array.from({ length: HEADERS }, () => drip("header", world.port)), ...Array.from({ length: BODIES }, () => drip("body", world.port))];
  await new Promise((settle) => setTimeout(settle, 1_500));
  const good: number[] = [];
  for (let index = 0; index < 20; index++) {
    const answer = await rawCall(chatCall(), { port: world.port }).answer;
    expect(answer).toMatchObject({ status: 200, end: "clean" });
    good.push(answer.ms);
  }
  await expect.poll(() => drips.filter((one) => one.endedAfter === null).length, { timeout: 30_000 + ROOM_MS, interval: 250 }).toBe(0);
  for (const [kind, bar] of [
    ["header", 10_000],
    ["body", 30_000],
  ] as const) {
    const some = drips.filter((one) => one.kind === kind);
    const slowest = Math.max(...some.map((one) => one.endedAfter ?? 0));
    expect(slowest).toBeLessThan(bar + ROOM_MS);
    recordFigure({
      row: "T19 B16",
      what: `slow ${kind} cut, slowest of ${some.length}`,
      value: Math.round(slowest / 100) / 10,
      unit: "s",
      bar: `<= ${bar / 1000} s`,
    });
    for (const one of some) expect(one.received).toMatch(/^(HTTP\/1\.1 408 |$)/);
  }
  recordFigure({ row: "T19 B14", what: "good call beside 100 slow ones, slowest of 20", value: Math.round(Math.max(...good)), unit: "ms", bar: "< 100 ms" });
  // What never became a whole request reached nobody.
  expect(world.first.seen.every((seen) => seen.body.toString().startsWith('{"model"'))).toBe(true);
});
