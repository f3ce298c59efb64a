import { connect, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { afterEach, expect, it } from "vitest";
import { CALLER_TOKEN } from "../fakes/manifests.ts";
import { chunk, STREAM_HEAD } from "../fakes/upstream.ts";
import { chatBody } from "./chat-bytes.ts";
import { recordFigure } from "./figure.ts";
import { type HostileWorld, startHostileWorld } from "./hostile-world.ts";
import { longestTurn, TURNS_WATCHED } from "./longest-turn.ts";
import { residentBytes } from "./process-memory.ts";
import { headerOf, rawCall, requestBytes } from "./raw-client.ts";
import type { SmallCalls, SmallCallsResult } from "./small-calls.ts";

const MIB = 1024 * 1024;
const AUTH = [["authorization", `Bearer ${CALLER_TOKEN}`]] as const;

/** A grown heap hides growth: a broker of its own for each case. */
let world: HostileWorld | null = null;
afterEach(async () => {
  await world?.close();
  world = null;
});

/** A broker that reads bodies, for a rule asks for the model, and that has served enough calls to have grown to its size. */
async function warmWorld(): Promise<HostileWorld> {
  const group = "backendRefs: [{group: spillway.dev, kind: BackendGroup, name: group}]";
  world = await startHostileWorld({
    firstBackend: { models: '[{name: m, price: {inputPerMTok: "1", outputPerMTok: "1"}}, {name: "*"}]' },
    manifests: { rules: `  - matches: [{headers: [{name: X-Gateway-Model-Name, value: m}]}]\n    ${group}\n  - ${group}\n` },
    env: TURNS_WATCHED,
  });
  for (let call = 0; call < 50; call += 1) await smallCall(world);
  return world;
}

async function smallCall({ port }: HostileWorld): Promise<void> {
  const answer = await rawCall(requestBytes({ headers: AUTH, body: chatBody() }), { port }).answer;
  expect(answer).toMatchObject({ status: 200, end: "clean" });
}

interface Watched {
  /** Bytes of resident memory at most, above what there was before; null where the system does not tell. */
  readonly grown: number | null;
  /** The slowest of the small calls beside. Milliseconds. */
  readonly slowest: number;
  /** What no call can be quicker than: the longest turn of the broker's loop, in milliseconds of its own processor time. */
  readonly turn: number;
}

/** Runs it with small calls beside, one after another, from a thread of their own. */
async function watch(one: HostileWorld, attack: () => Promise<unknown>): Promise<Watched> {
  const { pid } = one.broker;
  await longestTurn(one.broker);
  const before = residentBytes(pid);
  let peak = before ?? 0;
  const sampling = setInterval(() => {
    peak = Math.max(peak, residentBytes(pid) ?? 0);
  }, 10);
  const beside = new Worker(new URL("./small-calls.ts", import.meta.url), {
    workerData: { port: one.port, token: CALLER_TOKEN, body: chatBody() } satisfies SmallCalls,
  });
  const result = new Promise<SmallCallsResult>((resolve, reject) => beside.once("message", resolve).once("error", reject));
  await new Promise((resolve) => beside.once("online", resolve));
  await attack();
  beside.postMessage("stop");
  const { slowest, failed } = await result;
  expect(failed).toBe(0);
  clearInterval(sampling);
  const turn = await longestTurn(one.broker);
  // B14: whoever else calls waits for no longer turn than this, on a machine that has a core for the broker.
  expect(turn).toBeLessThan(100);
  return { grown: before === null ? null : peak - before, slowest, turn };
}

function tell(what: string, watched: Watched, bar: { readonly row: string; readonly bytes: number }): void {
  const mib = (bytes: number) => Math.round((bytes / MIB) * 10) / 10;
  if (watched.grown !== null)
    recordFigure({ row: `B12 ${bar.row}`, what: `${what}: memory at most`, value: mib(watched.grown), unit: "MiB", bar: `<= ${mib(bar.bytes)} MiB` });
  recordFigure({ row: "B14", what: `${what}: the slowest small call beside`, value: Math.round(watched.slowest), unit: "ms", bar: "< 100 ms" });
  recordFigure({ row: "B14", what: `${what}: processor time of the longest turn`, value: Math.round(watched.turn), unit: "ms", bar: "< 100 ms" });
  if (process.env["SPILLWAY_PRINT"] !== undefined)
    console.log(what, mib(watched.grown ?? 0), "MiB of", mib(bar.bytes), "; slowest", Math.round(watched.slowest), "ms; longest turn", watched.turn, "ms");
}

const closing = (socket: Socket) => new Promise<void>((resolve) => socket.once("close", () => resolve()));
const draining = (socket: Socket) => new Promise<void>((resolve) => socket.once("drain", () => resolve()));

/** A request whose body is longer than is taken, sent whole and slowly enough to be refused on the way. Gives the status; 0: a reset came first. */
async function sendHuge(port: number, bytes: number, declared: boolean): Promise<number> {
  const framing = declared ? `content-length: ${bytes}` : "transfer-encoding: chunked";
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("error", () => {});
  let text = "";
  socket.on("data", (data: Buffer) => {
    text += data.toString("latin1");
  });
  const closed = closing(socket);
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: broker.test\r\nauthorization: Bearer ${CALLER_TOKEN}\r\ncontent-type: application/json\r\n${framing}\r\n\r\n`,
  );
  const piece = Buffer.alloc(64 * 1024, "a");
  const start = '{"model":"m","messages":[{"role":"user","content":"';
  socket.write(declared ? start : chunk(start));
  for (let sent = 0; sent < bytes && socket.writable; sent += piece.length) {
    const block = declared ? piece : Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n")]);
    if (!socket.write(block)) await Promise.race([draining(socket), closed]);
  }
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 500))]);
  socket.destroy();
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
}

it("B12 B14 T19: a body of 50 MiB, eight at once, gets 413 and costs nothing of its length, and small calls go on beside", async () => {
  const one = await warmWorld();
  const statuses: number[] = [];
  const watched = await watch(one, async () => {
    statuses.push(await sendHuge(one.port, 50 * MIB, true));
    statuses.push(...(await Promise.all(Array.from({ length: 8 }, () => sendHuge(one.port, 50 * MIB, true)))));
  });
  tell("a body of 50 MiB, then eight at once", watched, { row: "T19", bytes: 8 * 64 * MIB });
  expect(statuses).toEqual(Array(9).fill(413));
  expect(watched.grown ?? 0).toBeLessThan(200 * MIB);
  expect(watched.slowest).toBeLessThan(3_000);
  expect(one.first.seen.filter(({ body }) => body.length > MIB)).toHaveLength(0);
});

it("B12 B14 T19: a body of 50 MiB that does not say its length is cut at the bound", async () => {
  const one = await warmWorld();
  const statuses: number[] = [];
  const watched = await watch(one, async () => {
    statuses.push(...(await Promise.all([0, 1].map(() => sendHuge(one.port, 50 * MIB, false)))));
  });
  tell("two chunked bodies of 50 MiB", watched, { row: "T19", bytes: 2 * 10 * 32 * MIB });
  expect(statuses.every((status) => status === 413 || status === 0)).toBe(true);
  expect(watched.grown ?? 0).toBeLessThan(2 * 128 * MIB);
  expect(watched.slowest).toBeLessThan(3_000);
});

it("B12 B14 T19: 10 GiB announced, nine bytes sent and then silence: 413 at once", async () => {
  const one = await warmWorld();
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: broker.test\r\nauthorization: Bearer ${CALLER_TOKEN}\r\ncontent-type: application/json\r\ncontent-length: 10737418240\r\n\r\n{"model":`;
  const answers: string[] = [];
  const watched = await watch(one, async () => {
    const all = await Promise.all(Array.from({ length: 50 }, () => rawCall(head, { port: one.port }).answer));
    answers.push(...all.map(({ status }) => `${status}`));
    expect(all.map((answer) => headerOf(answer, "x-egress-error"))).toEqual(Array(50).fill("request_too_large"));
  });
  tell("fifty times 10 GiB announced", watched, { row: "T19", bytes: 50 * MIB });
  expect(answers).toEqual(Array(50).fill("413"));
  expect(watched.grown ?? 0).toBeLessThan(32 * MIB);
  expect(watched.slowest).toBeLessThan(3_000);
});

const BOMB_BYTES = 256 * MIB;
const gzip = (bytes: Buffer) => gzipSync(bytes, { level: 1 });
/** 256 MiB of JSON, some hundred thousand times smaller on the wire. */
const BOMBS: Readonly<Record<string, () => Buffer>> = {
  gzip: () => gzip(bombText()),
  br: () => brotliCompressSync(bombText(), { params: { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_LGWIN]: 22 } }),
  "gzip, gzip": () => gzip(gzip(bombText())),
};

function bombText(): Buffer {
  const text = Buffer.alloc(BOMB_BYTES, " ");
  text.write('{"object":"chat.completion","choices":[]');
  text.write("}", BOMB_BYTES - 1);
  return text;
}

it.each(Object.entries(BOMBS))(
  "B12 B14 T17: 256 MiB of JSON as %s passes as it is, to a caller that asks for it and to one that does not",
  async (encoding, make) => {
    const bomb = make();
    const one = await warmWorld();
    one.firstDoes((socket, request) => {
      if (request.body.includes("explode"))
        socket.write(
          Buffer.concat([
            Buffer.from(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: ${encoding}\r\ncontent-length: ${bomb.length}\r\n\r\n`),
            bomb,
          ]),
        );
      else socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}");
    });
    const body = chatBody({ user: "explode" });
    const watched = await watch(one, async () => {
      for (const accept of [null, "gzip, br"]) {
        const headers = accept === null ? AUTH : [...AUTH, ["accept-encoding", accept] as const];
        const answer = await rawCall(requestBytes({ headers, body }), { port: one.port }).answer;
        expect(answer.raw.length).toBeLessThan(bomb.length * 1.1 + 4_096);
        if (answer.status === 200) expect(Buffer.from(answer.body, "latin1").equals(bomb)).toBe(true);
        else expect(answer.status).toBe(502);
      }
    });
    tell(`${(bomb.length / 1024).toFixed(0)} KiB that are 256 MiB (${encoding})`, watched, { row: "T17", bytes: 10 * bomb.length + MIB });
    // The memory of a whole process, as the system sees it, moves by some MiB without any cause.
    expect(watched.grown ?? 0).toBeLessThan(32 * MIB);
    expect(watched.slowest).toBeLessThan(3_000);
  },
);

it.each([8, 32])("B12 B14: an event of %i MiB that never ends is no whole answer, takes no memory of its length, and nobody else waits", async (mib) => {
  const one = await warmWorld();
  const piece = Buffer.from("x".repeat(4_096));
  one.firstDoes((socket, request) => {
    if (!request.body.includes("endless")) return void socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}");
    void pour(socket, piece, mib * MIB);
  });
  const watched = await watch(one, async () => {
    const { end, tail } = await readToEnd(one.port, requestBytes({ headers: AUTH, body: chatBody({ stream: true, user: "endless" }) }));
    expect(end).toBe("aborted");
    expect(tail).toContain("error");
    expect(tail).not.toContain("[DONE]");
  });
  tell(`an event of ${mib} MiB in pieces of 4 KiB`, watched, { row: "T18", bytes: (10 * mib + 1) * MIB });
  expect(watched.grown ?? 0).toBeLessThan(128 * MIB);
  expect(watched.slowest).toBeLessThan(3_000);
});

/** Reads an answer of any length, of which only the end is kept. `clean`: the last chunk came. */
function readToEnd(port: number, request: Buffer): Promise<{ readonly end: "clean" | "aborted"; readonly tail: string }> {
  const socket = connect({ host: "127.0.0.1", port });
  let tail = "";
  socket.on("error", () => {});
  socket.on("data", (data: Buffer) => {
    tail = (tail + data.subarray(-2_048).toString("latin1")).slice(-2_048);
    if (tail.endsWith("\r\n0\r\n\r\n")) socket.destroy();
  });
  socket.write(request);
  return closing(socket).then(() => ({ end: tail.endsWith("\r\n0\r\n\r\n") ? "clean" : "aborted", tail }));
}

/** Writes the beginning of an event and then pieces of it as fast as they are taken, until all is out or the connection is over; then ends it. */
async function pour(socket: Socket, piece: Buffer, bytes: number): Promise<void> {
  socket.write(`${STREAM_HEAD}${chunk('data: {"choices":[{"delta":{"content":"')}`);
  const block = Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n")]);
  const closed = closing(socket);
  let sent = 0;
  for (; sent < bytes && !socket.destroyed; sent += piece.length) {
    if (!socket.write(block)) await Promise.race([draining(socket), closed]);
  }
  socket.destroy();
}
