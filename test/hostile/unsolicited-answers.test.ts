import type { Socket } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CALLER_TOKEN, OTHER_TOKEN } from "../fakes/manifests.ts";
import { type SocketBroker, startSocketBroker } from "../fakes/socket-broker.ts";
import { type Answer, reply, startUpstream, type Upstream } from "../fakes/upstream.ts";
import { chatAnswer, chatCall } from "./chat-bytes.ts";
import { recordFigure } from "./figure.ts";
import { rawCall } from "./raw-client.ts";

const PAIRS = 20;
const POISON = reply(chatAnswer("poison"));
const pause = (ms: number) => new Promise<void>((settle) => setTimeout(settle, ms));

let script: Answer = () => {};
let upstream: Upstream;
let world: SocketBroker;
beforeAll(async () => {
  upstream = await startUpstream((socket, request) => script(socket, request));
  // One backend and one key of the broker's own, which two namespaces share.
  world = await startSocketBroker({ backends: [{ name: "one", port: upstream.port, key: "shared-key", api: "OpenAI" }] });
});
afterAll(async () => {
  await world?.stop();
  await upstream?.close();
});
beforeEach(() => {
  upstream.seen.length = 0;
});

/** Every first request of a connection gets its answer and one more that nobody asked for. */
function twice(extra: (socket: Socket) => void): Answer {
  return (socket, request) => {
    const word = /of-team-[ab]/.exec(request.headers.find(([name]) => name === "x-who")?.[1] ?? "")?.[0] ?? "nobody";
    if (request.index > 0) socket.write(reply(chatAnswer(word)));
    else {
      socket.write(reply(chatAnswer(word)));
      extra(socket);
    }
  };
}

const ask = (who: "of-team-a" | "of-team-b") =>
  rawCall(chatCall({ token: who === "of-team-a" ? CALLER_TOKEN : OTHER_TOKEN, headers: [["x-who", who]] }), { port: world.port }).answer;

const TIMINGS: readonly (readonly [string, Answer, number])[] = [
  ["in the same packet", (socket, request) => void socket.write(request.index > 0 ? reply(chatAnswer("later")) : `${reply(chatAnswer("first"))}${POISON}`), 0],
  ["5 ms later, and the next call after 150 ms", twice((socket) => setTimeout(() => socket.destroyed || socket.write(POISON), 5)), 150],
  ["5 ms later, and the next call at once", twice((socket) => setTimeout(() => socket.destroyed || socket.write(POISON), 5)), 0],
  [
    "in three pieces, 20 ms apart",
    twice(async (socket) => {
      for (let piece = 0; piece < 3; piece += 1) {
        await pause(20);
        if (!socket.destroyed) socket.write(POISON.slice((piece * POISON.length) / 3, ((piece + 1) * POISON.length) / 3));
      }
    }),
    0,
  ],
];

describe("an answer that nobody asked for, on a connection that is kept", () => {
  it.each(TIMINGS)("T9 B5: %s: never reaches another tenant's call", async (timing, answer, waitMs) => {
    script = answer;
    let crossed = 0;
    for (let pair = 0; pair < PAIRS; pair += 1) {
      expect((await ask("of-team-a")).status).toBe(200);
      await pause(waitMs);
      const other = await ask("of-team-b");
      if (other.body.includes("poison") || other.body.includes("of-team-a")) crossed += 1;
      expect(other.status).toBe(200);
    }
    expect(crossed).toBe(0);
    recordFigure({ row: "T9 B5", what: `unasked answers that reached another tenant, sent ${timing}`, value: crossed, unit: `of ${PAIRS}`, bar: "0" });
  });

  it("T9: that is there before the next call of its own tenant ends the connection", async () => {
    script = twice((socket) => setTimeout(() => socket.destroyed || socket.write(POISON), 5));
    for (const socket of upstream.sockets) socket.destroy();
    await expect.poll(() => upstream.sockets.size).toBe(0);
    await pause(100);
    const before = upstream.connections;
    for (let call = 0; call < 5; call += 1) {
      expect((await ask("of-team-a")).body).toContain("of-team-a");
      await expect.poll(() => upstream.sockets.size).toBe(0);
    }
    expect(upstream.connections - before).toBe(5);
  });
});
