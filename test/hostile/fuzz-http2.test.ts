import { afterAll, beforeAll, expect, it } from "vitest";
import { createUndiciTransport } from "../../adapters/transport/undici-transport.ts";
import type { Transport } from "../../src/index.ts";
import { block, FLAG, frame, frameReader, PREFACE, readFrames, SETTING, settings, TYPE, word } from "../fakes/http2-frames.ts";
import { CALLER_TOKEN } from "../fakes/manifests.ts";
import { rawClient } from "../fakes/node-broker.ts";
import { drain, outbound } from "../fakes/outbound.ts";
import { type SocketBroker, startSocketBroker } from "../fakes/socket-broker.ts";
import { reply, startUpstream, type Upstream } from "../fakes/upstream.ts";
import { type Http2Destination, startHttp2Destination } from "./http2-destination.ts";
import { caseCount, type Dice, diceOf, mutated, runCases, seedOfRun } from "./mutation.ts";

const CASES = caseCount(1_500, 300_000);
const MEMORY = 96 * 1_048_576;
const PATH = "/v1/things";
const HEAD = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", PATH],
  [":authority", "broker.test"],
  ["authorization", `Bearer ${CALLER_TOKEN}`],
  ["content-type", "application/json"],
] as const;
/** `:status: 200` of the static table. */
const OK = Buffer.from([0x88]);

/** Sequences that are valid on stream 1: what a caller sends, and what a destination answers. */
const CALLS: readonly (readonly Buffer[])[] = [
  [settings(), frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, 1, block(HEAD))],
  [
    settings([SETTING.initialWindowSize, 100_000]),
    frame(TYPE.headers, FLAG.endHeaders, 1, block(HEAD)),
    frame(TYPE.data, 0, 1, Buffer.from('{"a":')),
    frame(TYPE.data, FLAG.endStream, 1, Buffer.from("1}")),
  ],
  [
    settings(),
    frame(TYPE.headers, 0, 1, block(HEAD.slice(0, 3))),
    frame(TYPE.continuation, FLAG.endHeaders, 1, block(HEAD.slice(3))),
    frame(TYPE.data, 0, 1, Buffer.from("{}")),
    frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, 1, block([["x-trailer", "a"]])),
  ],
  [
    settings(),
    frame(TYPE.ping, 0, 0, Buffer.alloc(8)),
    frame(TYPE.headers, FLAG.endHeaders, 1, block([...HEAD, ["content-length", "2"]])),
    frame(TYPE.windowUpdate, 0, 1, word(1_000)),
    frame(TYPE.data, FLAG.endStream | FLAG.padded, 1, Buffer.from([2, 0x7b, 0x7d, 0, 0])),
    frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, 3, block(HEAD)),
  ],
];
const ANSWERS: readonly (readonly Buffer[])[] = [
  [frame(TYPE.headers, FLAG.endHeaders, 1, OK), frame(TYPE.data, FLAG.endStream, 1, Buffer.from("{}"))],
  [
    frame(TYPE.headers, FLAG.endHeaders, 1, block([[":status", "103"]])),
    frame(TYPE.headers, 0, 1, OK),
    frame(TYPE.continuation, FLAG.endHeaders, 1, block([["content-length", "2"]])),
    frame(TYPE.data, 0, 1, Buffer.from("{")),
    frame(TYPE.windowUpdate, 0, 1, word(10)),
    frame(TYPE.data, FLAG.endStream, 1, Buffer.from("}")),
  ],
  [
    frame(TYPE.headers, FLAG.endHeaders, 1, Buffer.concat([OK, block([["content-type", "text/event-stream"]])])),
    frame(TYPE.data, 0, 1, Buffer.from("data: 1\n\n")),
    frame(TYPE.ping, 0, 0, Buffer.alloc(8)),
    frame(TYPE.data, 0, 1, Buffer.from("data: 2\n\n")),
    frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, 1, block([["x-trailer", "a"]])),
    frame(TYPE.goaway, 0, 0, Buffer.concat([word(1), word(0)])),
  ],
];

/** One to four mutations of frames: dropped, doubled, exchanged, another type, flags, stream or length, other bytes, a frame of chance. */
function mutatedFrames(frames: readonly Buffer[], dice: Dice): Buffer {
  const list: Buffer[] = frames.map((one) => Buffer.from(one));
  const pick = (bound: number): number => Math.floor(dice() * bound);
  for (let times = 1 + pick(4); times > 0; times -= 1) {
    const at = pick(list.length);
    const one = list[at];
    if (one === undefined || one.length < 9) continue;
    switch (pick(9)) {
      case 0:
        list.splice(at, 1);
        break;
      case 1:
        list.splice(at, 0, ...Array.from({ length: 1 + pick(dice() < 0.1 ? 500 : 3) }, () => one));
        break;
      case 2:
        list.splice(pick(list.length), 0, ...list.splice(at, 1));
        break;
      case 3:
        one[3] = pick(dice() < 0.8 ? 11 : 256);
        break;
      case 4:
        one[4] = pick(256);
        break;
      case 5:
        one.writeUInt32BE(dice() < 0.7 ? pick(6) : pick(2 ** 32), 5);
        break;
      case 6:
        one.writeUIntBE(dice() < 0.5 ? pick(64) : pick(2 ** 24), 0, 3);
        break;
      case 7:
        list[at] = mutated(one, dice);
        break;
      default: {
        const payload = Buffer.from(Array.from({ length: pick(40) }, () => pick(256)));
        list.splice(at, 0, frame(pick(11), pick(256), pick(6), payload));
      }
    }
  }
  return Buffer.concat(list);
}

let upstream: Upstream;
let broker: SocketBroker;
let destination: Http2Destination;
let transport: Transport;
let answer: Buffer = Buffer.alloc(0);
beforeAll(async () => {
  upstream = await startUpstream((socket) => void socket.write(reply("{}")));
  // Only one method and path are routed, so that whatever else arrives at the destination got there by a trick.
  broker = await startSocketBroker({
    backends: [{ name: "one", port: upstream.port, key: "key-of-one" }],
    rules: `  - name: one\n    matches: [{method: POST, path: {type: Exact, value: ${PATH}}}]\n    backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: one}]\n`,
  });
  destination = await startHttp2Destination((peer) => void peer.socket.end(answer), { on: "head" });
  transport = createUndiciTransport();
});
afterAll(async () => {
  await broker?.stop();
  await transport?.close();
  await Promise.all([upstream?.close(), destination?.close()]);
});

it(`F37 B7 T10: ${CASES} mutated sequences of a caller's frames make no 500, reach no other method or path, and cost no memory`, {
  timeout: 60_000 + CASES * 20,
}, async () => {
  const seed = seedOfRun("mutated frames of callers");
  const wrong: string[] = [];
  const before = process.memoryUsage().rss;
  await runCases("mutated frames of callers", CASES, 32, async (index) => {
    const dice = diceOf(seed, index);
    const bytes = mutatedFrames(CALLS[index % CALLS.length] ?? [], dice);
    const note = (what: string): void => void wrong.push(`SPILLWAY_SEED=${seed} case ${index}: ${what}: ${bytes.toString("hex").slice(0, 600)}`);
    const client = rawClient(broker.port, Buffer.concat([PREFACE, bytes]));
    client.socket.on(
      "data",
      // 0x8e: `:status: 500` of the static table.
      frameReader(({ type, payload }) => {
        if (type === TYPE.headers && payload[0] === 0x8e) note("500");
      }),
    );
    await Promise.race([client.closed, new Promise((resolve) => setTimeout(resolve, 40))]);
    client.socket.destroy();
    for (const { method, target, headers } of upstream.seen.splice(0)) {
      if (method !== "POST" || target.split("?")[0] !== PATH) note(`the destination saw ${method} ${target}`);
      if (headers.some(([name]) => name.startsWith(":") || (name === "transfer-encoding" && headers.some(([other]) => other === "content-length"))))
        note("two framings");
    }
  });
  expect(wrong).toEqual([]);
  expect(process.memoryUsage().rss - before).toBeLessThan(MEMORY);
  const client = rawClient(broker.port, Buffer.concat([PREFACE, ...(CALLS[0] ?? [])]));
  // HEADERS that begin with `:status: 200`.
  await expect
    .poll(() => readFrames(Buffer.from(client.received(), "latin1")).some(({ type, payload }) => type === TYPE.headers && payload[0] === 0x88))
    .toBe(true);
  client.socket.destroy();
});

it(`F12 F37 B6: ${CASES} mutated sequences of a destination's frames end in time, and none that is cut looks whole`, {
  timeout: 60_000 + CASES * 20,
}, async () => {
  const seed = seedOfRun("mutated frames of destinations");
  const wrong: string[] = [];
  const request = () => outbound(destination.port, { protocol: "h2c", timeouts: { connectMs: 20_000, firstByteMs: 500, streamIdleMs: 500 } });
  for (let index = 0; index < CASES; index += 1) {
    const dice = diceOf(seed, index);
    const valid = ANSWERS[index % ANSWERS.length] ?? [];
    // Every other is a good one that is cut off somewhere: it must never look whole unless its last byte of data was there.
    const cut = index % 2 === 0 ? Math.floor(dice() * Buffer.concat([...valid]).length) : null;
    answer = cut === null ? mutatedFrames(valid, dice) : Buffer.concat([...valid]).subarray(0, cut);
    const outcome = await transport.dispatch(request(), AbortSignal.timeout(20_000));
    const ended = outcome.kind === "answer" ? await drain(outcome.body) : null;
    const whole = ended !== null && ended.failure === null;
    if (ended?.failure?.kind === "timeout" && ended.failure.phase === "total")
      wrong.push(`SPILLWAY_SEED=${seed} case ${index}: no end: ${answer.toString("hex").slice(0, 600)}`);
    if (cut !== null && whole && !endsStream(answer))
      wrong.push(`SPILLWAY_SEED=${seed} case ${index}: cut and called whole: ${answer.toString("hex").slice(0, 600)}`);
  }
  expect(wrong).toEqual([]);
  answer = Buffer.concat([...(ANSWERS[0] ?? [])]);
  // The connection of the last case may be on its way out still.
  const good = async (): Promise<unknown> => {
    const outcome = await transport.dispatch(request(), AbortSignal.timeout(20_000));
    return outcome.kind === "answer" ? await drain(outcome.body) : outcome;
  };
  await expect.poll(good).toEqual({ text: "{}", failure: null });
});

/** Whether a whole frame of it ends the stream. */
function endsStream(bytes: Buffer): boolean {
  let ends = false;
  frameReader(({ type, flags }) => {
    if ((type === TYPE.data || type === TYPE.headers) && (flags & FLAG.endStream) !== 0) ends = true;
  })(bytes);
  return ends;
}
