import type { Socket } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createUndiciTransport } from "../../adapters/transport/undici-transport.ts";
import { rawClient, startNodeServer } from "../fakes/node-broker.ts";
import { answerOf, outbound } from "../fakes/outbound.ts";
import { chunk, STREAM_HEAD, startUpstream, type Upstream } from "../fakes/upstream.ts";

// Buffers that writes are gathered in serve again for the next write, of whichever call. A write that the kernel has not taken keeps its own.

const CALLERS = 8;
/** More than the kernel's buffers on both connections take of a caller that does not read. */
const BYTES = 12 * 1_048_576;
/** Prime, so that reads cut pieces everywhere. */
const PIECE = 1_531;

let upstream: Upstream;
let transport: ReturnType<typeof createUndiciTransport>;
let broker: Awaited<ReturnType<typeof startNodeServer>>;

/** The letter of the caller, position after position, so that what is missing, twice there or another's is seen. */
function pieceOf(letter: string, index: number): string {
  return `${letter}${index}|`.padEnd(PIECE, letter);
}

function pump(socket: Socket, letter: string): void {
  socket.write(STREAM_HEAD);
  let index = 0;
  const more = (): void => {
    while (index * PIECE < BYTES) {
      index += 1;
      if (!socket.write(chunk(pieceOf(letter, index - 1)))) return void socket.once("drain", more);
    }
    socket.write(chunk(""));
  };
  more();
}

beforeAll(async () => {
  upstream = await startUpstream((socket, request) => pump(socket, request.target.slice(-1)));
  transport = createUndiciTransport();
  broker = await startNodeServer(async (exchange) => {
    const outcome = await transport.dispatch(outbound(upstream.port, { method: "GET", path: exchange.target, body: { kind: "none" } }), exchange.signal);
    const { status, body } = answerOf(outcome);
    await exchange.responder.deliver({ status, headers: ["content-type", "text/plain"], body, codec: null, trailers: null, onFirstByte: () => {} });
  });
});
afterAll(async () => {
  await broker?.server.drain(0);
  await transport?.close();
  await upstream?.close();
});

it("T24 B13: callers that read, stop and read on beside each other get their own bytes, all of them, in order", async () => {
  const letters = Array.from({ length: CALLERS }, (_, index) => String.fromCharCode(97 + index));
  const clients = letters.map((letter) => rawClient(broker.port, `GET /v1/${letter} HTTP/1.1\r\nHost: broker.test\r\nConnection: close\r\n\r\n`));
  // Every other one stops at its first bytes, and again and again on the way.
  const timers = clients.map(({ socket }, index) => {
    if (index % 2 === 0) return undefined;
    socket.once("data", () => socket.pause());
    return setInterval(() => (socket.isPaused() ? socket.resume() : socket.pause()), 60 + index * 7);
  });
  const received = await Promise.all(clients.map((client) => client.closed));
  for (const timer of timers) clearInterval(timer);
  for (const [index, letter] of letters.entries()) {
    const pieces = Array.from({ length: Math.ceil(BYTES / PIECE) }, (_, piece) => pieceOf(letter, piece)).join("");
    expect(unchunked(received[index] ?? "") === pieces).toBe(true);
  }
});

function unchunked(answer: string): string {
  const parts: string[] = [];
  for (let at = answer.indexOf("\r\n\r\n") + 4; ; ) {
    const line = answer.indexOf("\r\n", at);
    const length = Number.parseInt(answer.slice(at, line), 16);
    if (line < 0 || !(length > 0)) return parts.join("");
    parts.push(answer.slice(line + 2, line + 2 + length));
    at = line + 2 + length + 2;
  }
}
