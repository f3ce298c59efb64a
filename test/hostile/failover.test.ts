import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Answer, chunk, STREAM_HEAD } from "../fakes/upstream.ts";
import { chatCall } from "./chat-bytes.ts";
import { recordFigure } from "./figure.ts";
import { type HostileWorld, startHostileWorld } from "./hostile-world.ts";
import { rawCall, tellsError } from "./raw-client.ts";
import { refuseWith, silence, stream } from "./upstream-scripts.ts";

/** More than who answers may need on a busy machine; the figure is of a quiet one. */
const FIRST_BYTE_MS = process.env["SPILLWAY_FIGURES"] === undefined ? 1_500 : 400;
/** Generous: a loaded machine must pass; the figures say how long it took. */
const ROOM_MS = 3_000;

let world: HostileWorld;
const switches: number[] = [];
const hangs: number[] = [];
beforeAll(async () => {
  world = await startHostileWorld({ failover: true, firstBackend: { timeouts: `{firstByte: ${FIRST_BYTE_MS}ms}` } });
  // The first call of a process loads and compiles; the bar is for a warm one.
  for (let index = 0; index < 5; index++) await rawCall(chatCall(), { port: world.port }).answer;
});
afterAll(async () => {
  const slowest = (times: readonly number[]): number => Math.round(Math.max(...times));
  if (switches.length > 0)
    recordFigure({
      row: "F1 F2 F3 B8",
      what: `whole call with a switch, slowest of ${switches.length}`,
      value: slowest(switches),
      unit: "ms",
      bar: "<= 50 ms",
    });
  if (hangs.length > 0)
    recordFigure({
      row: "F6 F7 B8",
      what: `beyond the first byte's time of ${FIRST_BYTE_MS} ms, slowest of ${hangs.length}`,
      value: slowest(hangs) - FIRST_BYTE_MS,
      unit: "ms",
      bar: "<= 50 ms",
    });
  await world?.close();
});
beforeEach(() => world.reset());

/** The second destination has answered, once, with its own key and nobody else's. */
async function switched(streamed: boolean, times: number[]): Promise<void> {
  const answer = await rawCall(chatCall({ stream: streamed }), { port: world.port }).answer;
  expect(answer).toMatchObject({ status: 200, end: "clean" });
  expect(answer.body).toContain("second");
  expect(answer.body.includes("[DONE]")).toBe(streamed);
  expect(world.second.seen).toHaveLength(1);
  expect(world.second.seen[0]?.headers).toContainEqual(["authorization", "Bearer second-canary-key"]);
  for (const seen of world.first.seen) expect(seen.headers).toContainEqual(["authorization", "Bearer first-canary-key"]);
  expect(answer.ms).toBeLessThan(FIRST_BYTE_MS + ROOM_MS);
  times.push(answer.ms);
}

const STATUSES: readonly (readonly [string, string, Answer])[] = [
  ["F1", "429 with Retry-After 30", refuseWith(429, { "retry-after": "30" })],
  ["F1", "429 without Retry-After", refuseWith(429)],
  ["F2", "503", refuseWith(503)],
  ["F2", "503 with Retry-After 3600", refuseWith(503, { "retry-after": "3600" })],
  ["F2", "529", refuseWith(529)],
  ["F3", "500", refuseWith(500)],
  ["F3", "502", refuseWith(502)],
  ["F3", "504", refuseWith(504)],
  ["F3", "408", refuseWith(408)],
];

describe.each([
  ["JSON", false],
  ["stream", true],
] as const)("a %s call switches, exactly once", (_kind, streamed) => {
  it.each(STATUSES)("%s T4 B8: %s", async (_row, _name, script) => {
    world.firstDoes(script);
    await switched(streamed, switches);
    expect(world.first.seen).toHaveLength(1);
  });

  it("F6 B8: a hang before the first byte, and the hung one is closed", async () => {
    world.firstDoes(silence);
    await switched(streamed, hangs);
    await expect.poll(() => world.first.sockets.size).toBe(0);
  });

  it("F7 B8: a head, then silence", async () => {
    world.firstDoes((socket) => void socket.write(streamed ? STREAM_HEAD : "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n"));
    await switched(streamed, hangs);
    await expect.poll(() => world.first.sockets.size).toBe(0);
  });

  it("F3: accept, reset", async () => {
    world.firstGreets((socket) => socket.resetAndDestroy());
    await switched(streamed, switches);
  });

  it("F3: accept, read, reset", async () => {
    world.firstDoes((socket) => socket.resetAndDestroy());
    await switched(streamed, switches);
  });

  it("F3: accept, read, close", async () => {
    world.firstDoes((socket) => void socket.end());
    await switched(streamed, switches);
  });

  it.each([401, 403])("F5 B10: %i to the broker's own key goes to the next with its own key; the same key is not tried twice", async (status) => {
    world.firstDoes(refuseWith(status));
    await switched(streamed, switches);
    expect(world.first.seen).toHaveLength(1);
  });

  it.each([400, 404, 405, 409, 410, 413, 415, 422, 451])("F4 B10: %i is handed on and nobody else is asked", async (status) => {
    world.firstDoes(refuseWith(status));
    const answer = await rawCall(chatCall({ stream: streamed }), { port: world.port }).answer;
    expect(answer).toMatchObject({ status, end: "clean" });
    expect(answer.body).toContain("made up");
    expect([world.first.seen.length, world.second.seen.length]).toEqual([1, 0]);
  });
});

describe("a stream", () => {
  it("F7: an error as the first event of a 200 still switches", async () => {
    world.firstDoes((socket) => void socket.write(`${STREAM_HEAD}${chunk('data: {"error":{"message":"overloaded","type":"server_error"}}\n\n')}${chunk("")}`));
    await switched(true, switches);
  });

  it("F7: a comment, then death, still switches", async () => {
    world.firstDoes((socket) => {
      socket.write(`${STREAM_HEAD}${chunk(": ping\n\n")}`);
      setTimeout(() => socket.resetAndDestroy(), 30);
    });
    await switched(true, []);
  });

  it("F8: that dies after three events gets no second answer glued on", async () => {
    world.firstDoes(stream(3, (socket) => socket.resetAndDestroy()));
    const answer = await rawCall(chatCall({ stream: true }), { port: world.port }).answer;
    expect(answer.end).toBe("aborted");
    expect(tellsError(answer)).toBe(true);
    expect(answer.body).not.toMatch(/second|\[DONE\]/);
    expect(world.second.seen).toHaveLength(0);
  });
});

it("F1 B9: the last one's 429 goes to the caller with its Retry-After, after one try", async () => {
  const alone = await startHostileWorld();
  alone.firstDoes(refuseWith(429, { "retry-after": "30" }));
  const answer = await rawCall(chatCall(), { port: alone.port }).answer;
  expect(answer.status).toBe(429);
  expect(answer.headers).toContainEqual(["retry-after", "30"]);
  expect(alone.first.seen).toHaveLength(1);
  await alone.close();
});
