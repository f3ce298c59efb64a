import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { connect, type Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import { ConnectFailure } from "../../../adapters/transport/connect-failure.ts";
import type { Connection } from "../../../adapters/transport/guarded-connect.ts";
import { createH2Pool, type H2Pool, type Session } from "../../../adapters/transport/h2-pool.ts";

let close = () => {};
afterEach(() => close());

/** A pool over plain connections to a server that answers when it is told. */
async function startPool(settings: { readonly maxConcurrentStreams?: number }, idleMs: number) {
  const server: Http2Server = createServer({ settings });
  const sessions = new Set<ServerHttp2Session>();
  const waiting: ServerHttp2Stream[] = [];
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => {});
    session.once("close", () => sessions.delete(session));
  });
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    waiting.push(stream);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const dial = (): Promise<Connection> =>
    new Promise((connected) => {
      const socket: Socket = connect(port, "127.0.0.1", () => connected({ socket, address: "127.0.0.1", failed: false, errorCode: null }));
      socket.on("error", () => {});
    });
  const pool = createH2Pool(`http://127.0.0.1:${port}`, dial, () => 5_000, idleMs);
  close = () => {
    for (const session of sessions) session.destroy();
    server.close();
  };
  return { pool, sessions, waiting };
}

async function call(pool: H2Pool): Promise<{ readonly session: Session; readonly ended: Promise<void> }> {
  const session = await pool.acquire();
  const stream = session.http2.request({ ":path": "/" });
  stream.on("error", () => {});
  stream.resume();
  const ended = new Promise<void>((over) =>
    stream.once("close", () => {
      pool.release(session);
      over();
    }),
  );
  return { session, ended };
}

it("closes a connection that nobody uses, also where a call on it was silent for longer than that before", async () => {
  const { pool, sessions, waiting } = await startPool({}, 100);
  const { session, ended } = await call(pool);
  let silences = 0;
  session.http2.on("timeout", () => {
    silences += 1;
  });
  await expect.poll(() => waiting.length).toBe(1);
  await expect.poll(() => silences, { timeout: 5_000 }).toBeGreaterThan(0);
  expect(sessions.size).toBe(1);
  waiting[0]?.respond({ ":status": 200 }, { endStream: true });
  await ended;
  await expect.poll(() => sessions.size, { timeout: 5_000 }).toBe(0);
});

it("says that it is full, and not that the destination cannot be reached", async () => {
  const { pool, waiting } = await startPool({ maxConcurrentStreams: 1 }, 60_000);
  for (let open = 1; open <= 64; open += 1) {
    await call(pool);
    await expect.poll(() => waiting.length, { interval: 1 }).toBe(open);
  }
  const failure = await pool.acquire().catch((error: unknown) => error);
  expect(failure instanceof ConnectFailure && failure.failure).toMatchObject({ kind: "connect", detail: "full" });
});
