import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Answer } from "../fakes/upstream.ts";
import { chatCall } from "./chat-bytes.ts";
import { recordFigure } from "./figure.ts";
import { type HostileWorld, startHostileWorld } from "./hostile-world.ts";
import { headerOf, type RawAnswer, rawCall, tellsError } from "./raw-client.ts";
import { silence, stream } from "./upstream-scripts.ts";

/** Beyond the promise: a loaded machine looks late. */
const ROOM_MS = 8_000;

const headOnly: Answer = (socket) => void socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n");
const trickle: Answer = (socket) => {
  socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n");
  const timer = setInterval(() => void socket.write("1\r\n \r\n"), 250);
  socket.on("close", () => clearInterval(timer));
};
const threeEvents = stream(3, () => {});

/** Says which of the scripts to play, so that the cases wait beside each other and not one after another. */
const SCRIPTS: Readonly<Record<string, Answer>> = { silence, headOnly, threeEvents, trickle };

async function startStalling(options: Parameters<typeof startHostileWorld>[0]): Promise<HostileWorld> {
  const world = await startHostileWorld(options);
  world.firstDoes((socket, request) => SCRIPTS[request.headers.find(([name]) => name === "x-script")?.[1] ?? ""]?.(socket, request));
  return world;
}

const ask = (world: HostileWorld, script: keyof typeof SCRIPTS, streamed: boolean): Promise<RawAnswer> =>
  rawCall(chatCall({ stream: streamed, headers: [["x-script", script]] }), { port: world.port, ms: 60_000 }).answer;

function refusedInTime(answer: RawAnswer, limitMs: number): void {
  expect([answer.status, answer.end, headerOf(answer, "x-egress-error")]).toEqual([504, "clean", "upstream_timeout"]);
  expect(answer.ms).toBeGreaterThan(limitMs * 0.9);
  expect(answer.ms).toBeLessThan(limitMs + ROOM_MS);
}

function brokenInTime(answer: RawAnswer, limitMs: number): void {
  expect([answer.status, answer.end]).toEqual([200, "aborted"]);
  expect(answer.ms).toBeGreaterThan(limitMs * 0.9);
  expect(answer.ms).toBeLessThan(limitMs + ROOM_MS);
}

describe("a destination that goes quiet", () => {
  let defaults: HostileWorld;
  let short: HostileWorld;
  beforeAll(async () => {
    defaults = await startStalling({});
    short = await startStalling({ firstBackend: { timeouts: "{firstByte: 500ms, streamIdle: 700ms}" }, manifests: { rule: "    timeouts: {request: 2s}\n" } });
  });
  afterAll(async () => {
    await defaults?.close();
    await short?.close();
  });

  it("F6 F10 B16: is given up without any configuration: 20 s for the first byte, 30 s of silence", async () => {
    const [none, head, three] = await Promise.all([ask(defaults, "silence", false), ask(defaults, "headOnly", false), ask(defaults, "threeEvents", true)]);
    refusedInTime(none, 20_000);
    refusedInTime(head, 20_000);
    brokenInTime(three, 30_000);
    expect(tellsError(three)).toBe(true);
    expect(three.body).not.toContain("[DONE]");
    await expect.poll(() => defaults.first.sockets.size).toBe(0);
    const seconds = (ms: number) => Math.round(ms / 100) / 10;
    recordFigure({ row: "F6 B16", what: "no first byte, by default", value: seconds(none.ms), unit: "s", bar: "20 s" });
    recordFigure({ row: "F10 B16", what: "silence after three events, by default", value: seconds(three.ms), unit: "s", bar: "30 s" });
  });

  it("F6 F10 F11: and sooner where the manifest says so, a trickle too", async () => {
    const [none, head, three, drops] = await Promise.all([
      ask(short, "silence", false),
      ask(short, "headOnly", false),
      ask(short, "threeEvents", true),
      ask(short, "trickle", false),
    ]);
    refusedInTime(none, 500);
    refusedInTime(head, 500);
    brokenInTime(three, 700);
    brokenInTime(drops, 2_000);
    await expect.poll(() => short.first.sockets.size).toBe(0);
    recordFigure({ row: "F11", what: "trickle with timeouts.request of 2 s", value: Math.round(drops.ms), unit: "ms", bar: "2 s" });
  });
});
