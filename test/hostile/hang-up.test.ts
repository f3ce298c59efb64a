import type { Socket } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { type Answer, chunk, STREAM_HEAD } from "../fakes/upstream.ts";
import { chatCall, chatEvent } from "./chat-bytes.ts";
import { recordFigure } from "./figure.ts";
import { type HostileWorld, startHostileWorld } from "./hostile-world.ts";
import { rawCall } from "./raw-client.ts";
import { silence, stream } from "./upstream-scripts.ts";

const RUNS = 10;
/** Generous: a loaded machine must pass, and a call that nobody closes lasts for twenty seconds. The bar is 50 ms, and the figure says how far from it. */
const MOST_MS = 10_000;

let world: HostileWorld;
beforeAll(async () => {
  world = await startHostileWorld();
});
afterAll(() => world?.close());
beforeEach(() => world.reset());

/** A chunk each 50 ms until the connection is gone. */
const talkOn: Answer = (socket) => {
  socket.write(STREAM_HEAD);
  let index = 0;
  const timer = setInterval(() => void socket.write(chunk(chatEvent(index++))), 50);
  socket.on("close", () => clearInterval(timer));
};

const MOMENTS: readonly (readonly [string, Answer, boolean, number])[] = [
  ["at the third event, the destination talking on", talkOn, true, 3],
  ["at the third event, the destination silent since", stream(3, () => {}), true, 3],
  ["before any byte of a JSON answer", silence, false, 0],
  ["before any byte of a stream", silence, true, 0],
];

it.each(MOMENTS)("F15 B11: a caller that hangs up %s closes the call to the destination at once", async (moment, script, streamed, events) => {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    let socket: Socket | null = null;
    world.firstDoes((opened, request) => {
      socket = opened;
      script(opened, request);
    });
    const call = rawCall(chatCall({ stream: streamed }), { port: world.port });
    await expect.poll(() => socket !== null && call.received().split("data: ").length > events, { interval: 2 }).toBe(true);
    const closed = new Promise<void>((settle) => (socket as Socket | null)?.once("close", () => settle())); // Set by the script, which the compiler does not see.
    const started = performance.now();
    call.socket.destroy();
    await closed;
    times.push(performance.now() - started);
  }
  const slowest = Math.max(...times);
  recordFigure({
    row: "F15 B11",
    what: `hang-up ${moment} to destination closed, slowest of ${RUNS}`,
    value: Math.round(slowest),
    unit: "ms",
    bar: "<= 50 ms",
  });
  expect(slowest).toBeLessThan(MOST_MS);
});

it("F15: hanging up in the middle of a stream is told as such, and the next call is served", async () => {
  world.firstDoes(talkOn);
  const call = rawCall(chatCall({ stream: true }), { port: world.port });
  await expect.poll(() => call.received().split("data: ").length).toBeGreaterThan(4);
  call.socket.destroy();
  await world.broker.call((line) => line["outcome"] === "caller_gone" && line["status"] === 200 && line["first_byte_ms"] !== null);
  world.reset();
  expect(await rawCall(chatCall(), { port: world.port }).answer).toMatchObject({ status: 200, end: "clean" });
});
