import { afterEach, describe, expect, it } from "vitest";
import type { BodyConsumer, Exchange, Joining, JoiningEnd } from "../../src/index.ts";
import { rawClient, startNodeServer } from "../fakes/node-broker.ts";

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

const HANDSHAKE =
  "GET /x HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n";
/** 1001 of a server. */
const GOING_AWAY = "\x88\x02\x03\xe9";

/** A destination that a test plays itself. */
interface Played {
  readonly consumer: () => BodyConsumer;
  readonly written: Buffer[];
  paused: boolean;
  cancelled: boolean;
  ended: boolean;
  full: boolean;
  drain: () => void;
}

async function join(idleMs: number | null) {
  const played: Played = { consumer: () => missing(), written: [], paused: false, cancelled: false, ended: false, full: false, drain: () => {} };
  let end: Promise<JoiningEnd> = new Promise(() => {});
  const take = async (exchange: Exchange): Promise<void> => {
    let consumer: BodyConsumer | null = null;
    const joining: Joining = {
      headers: ["x-a", "1"],
      idleMs,
      onFirstByte: () => {},
      sender: {
        write: (bytes) => {
          played.written.push(Buffer.from(bytes));
          return !played.full;
        },
        onDrain: (listener) => {
          played.drain = listener;
        },
        end: () => {
          played.ended = true;
        },
      },
      body: {
        peek: () => ({ bytes: new Uint8Array(), ended: false, failure: null }),
        consume: (next) => {
          consumer = next;
        },
        pause: () => {
          played.paused = true;
        },
        resume: () => {
          played.paused = false;
        },
        cancel: () => {
          played.cancelled = true;
        },
      },
    };
    Object.assign(played, { consumer: () => consumer ?? missing() });
    end = exchange.joiner?.join(joining) ?? Promise.reject(new Error("no joiner"));
  };
  const { server, port } = await startNodeServer(take);
  cleanUp.push(() => server.drain(0));
  const client = rawClient(port, HANDSHAKE);
  cleanUp.push(() => client.socket.destroy());
  await expect.poll(client.received).toContain("\r\n\r\n");
  const frames = () => client.received().slice(client.received().indexOf("\r\n\r\n") + 4);
  return { played, client, frames, server, end: () => end };
}

function missing(): never {
  throw new Error("nobody has joined yet");
}

describe("two joined connections", () => {
  it("end with 1001 to both sides after silence both ways, and not while one side speaks", async () => {
    const { played, client, end } = await join(400);
    const started = performance.now();
    const talking = setInterval(() => played.consumer().chunk(Buffer.from([0x89, 0x00])), 50);
    setTimeout(() => clearInterval(talking), 900);
    const all = await client.closed;
    expect(performance.now() - started).toBeGreaterThan(1_200);
    expect(all.endsWith(GOING_AWAY)).toBe(true);
    expect(await end()).toMatchObject({ kind: "idle" });
    expect(played.ended).toBe(true);
    const last = played.written.at(-1) ?? Buffer.alloc(0);
    // A client's frame is masked.
    expect([last[0], last[1]]).toEqual([0x88, 0x82]);
    expect([(last[6] ?? 0) ^ (last[2] ?? 0), (last[7] ?? 0) ^ (last[3] ?? 0)]).toEqual([0x03, 0xe9]);
  });

  it("get no close frame in the middle of another frame", async () => {
    const { played, client, frames, server, end } = await join(null);
    played.consumer().chunk(Buffer.from([0x82, 0x05, 1, 2]));
    await expect.poll(() => frames().length).toBe(4);
    client.socket.write(Buffer.from([0x82, 0x85, 0, 0, 0, 0, 9]));
    await expect.poll(() => Buffer.concat(played.written).length).toBe(7);
    await server.drain(10);
    expect(frames()).toHaveLength(4);
    expect(Buffer.concat(played.written)).toHaveLength(7);
    expect(await end()).toMatchObject({ kind: "cut", bytes: 4, bytesSent: 7 });
  });

  it("stop the caller where the destination takes no more, and go on when it does", async () => {
    const { played, client } = await join(null);
    played.full = true;
    const piece = Buffer.alloc(65_536);
    let flushed = 0;
    for (let count = 0; count < 256; count += 1) {
      client.socket.write(piece, () => {
        flushed += piece.length;
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
    const held = Buffer.concat(played.written).length;
    // One read and what was on its way when the socket stopped.
    expect(held).toBeLessThan(200_000);
    played.full = false;
    played.drain();
    await expect.poll(() => played.written.reduce((sum, part) => sum + part.length, 0)).toBe(256 * piece.length);
    expect(flushed).toBe(256 * piece.length);
  });

  it("tell the destination's transport to stop where the caller does not read, and to go on when it does", async () => {
    const { played, client } = await join(null);
    client.socket.pause();
    const piece = Buffer.alloc(262_144);
    for (let count = 0; count < 400 && !played.paused; count += 1) {
      played.consumer().chunk(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(played.paused).toBe(true);
    client.socket.resume();
    await expect.poll(() => played.paused).toBe(false);
  });

  it("end in order where the caller ends its side, and the destination then its own", async () => {
    const { played, client, end } = await join(null);
    client.socket.end();
    await expect.poll(() => played.ended).toBe(true);
    played.consumer().chunk(Buffer.from("last"));
    played.consumer().end(null);
    expect((await client.closed).endsWith("last")).toBe(true);
    expect(await end()).toMatchObject({ kind: "complete", bytes: 4, failure: null });
  });

  it("cancel the destination where the caller is reset", async () => {
    const { played, client, end } = await join(null);
    client.socket.resetAndDestroy();
    expect(await end()).toMatchObject({ kind: "caller_gone" });
    expect(played.cancelled).toBe(true);
  });

  it("end the caller where the destination breaks", async () => {
    const { played, client, end } = await join(null);
    const failure = { kind: "reset", sent: true, message: "broken" } as const;
    played.consumer().failed(failure);
    await client.closed;
    expect(await end()).toMatchObject({ kind: "upstream_failed", failure });
  });
});

describe("a caller that speaks before it is answered", () => {
  it("loses its connection: what it said was meant for somebody behind", async () => {
    let joined = false;
    const { server, port } = await startNodeServer(async (exchange) => {
      joined = exchange.joiner !== null;
      // Never answered.
    });
    cleanUp.push(() => server.drain(0));
    const client = rawClient(port, HANDSHAKE);
    await expect.poll(() => joined).toBe(true);
    client.socket.write("GET /admin HTTP/1.1\r\nhost: a\r\n\r\n");
    expect(await client.closed).toBe("");
  });
});
