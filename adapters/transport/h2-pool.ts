import type { ClientHttp2Session } from "node:http2";
import { connectFailure } from "./connect-failure.ts";
import type { Connect, Connection } from "./guarded-connect.ts";

/** Calls on one connection at a time, where the destination allows that many. */
const STREAMS = 100;
const SESSIONS = 64;
const IDLE_MS = 30_000;
/** Of one stream: what a stalled caller can make the destination send ahead. */
const STREAM_WINDOW = 65_535;
/** Of the connection: more than all streams together, so that one that is stalled does not stop the others. */
const CONNECTION_WINDOW = STREAM_WINDOW * (STREAMS + 1);
const MAX_HEADER_BYTES = 32_768;

/** One HTTP/2 connection. `retired`: no new call goes on it, and it closes with its last one. */
export interface Session {
  readonly http2: ClientHttp2Session;
  readonly connection: Connection;
  streams: number;
  retired: boolean;
}

export interface H2Pool {
  readonly protocol: "h2";
  /** A connection with room. Rejects with a `ConnectFailure`. */
  acquire(): Promise<Session>;
  /** The call is over. */
  release(session: Session): void;
  readonly busy: number;
  close(): void;
}

export function createH2Pool(origin: string, connect: Connect, connectMs: () => number, idleMs: number = IDLE_MS): H2Pool {
  const sessions = new Set<Session>();
  let opening: Promise<Session> | null = null;
  let closed = false;

  function withRoom(): Session | null {
    for (const session of sessions) {
      const allowed = Math.min(STREAMS, session.http2.remoteSettings?.maxConcurrentStreams ?? STREAMS);
      // A destination that takes no call on a connection does not get to keep it open.
      if (allowed === 0) {
        session.retired = true;
        closeIfDone(session);
      }
      if (!session.retired && !session.http2.closed && !session.http2.destroyed && session.streams < allowed) return session;
    }
    return null;
  }

  async function open(): Promise<Session> {
    if (sessions.size >= SESSIONS) throw connectFailure("full", "too many connections to this destination are in use");
    const connection = await connect(connectMs());
    // With the first connection: few destinations speak HTTP/2, and loading it costs every start half of Node's own.
    const http2 = process.getBuiltinModule("node:http2").connect(origin, {
      createConnection: () => connection.socket,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW, maxHeaderListSize: MAX_HEADER_BYTES },
    });
    const session: Session = { http2, connection, streams: 0, retired: false };
    sessions.add(session);
    http2.once("connect", () => http2.setLocalWindowSize(CONNECTION_WINDOW));
    http2.on("error", () => {
      // Each of its streams reports it.
      session.retired = true;
    });
    http2.on("goaway", () => {
      session.retired = true;
    });
    http2.once("close", () => {
      session.retired = true;
      sessions.delete(session);
    });
    http2.setTimeout(idleMs);
    // Not as its callback, which Node calls once: a silence during a call would be the last that is heard of.
    http2.on("timeout", () => {
      if (session.streams === 0) http2.close();
    });
    return session;
  }

  function closeIfDone(session: Session): void {
    if (session.streams > 0) return;
    if (closed || session.retired) http2Close(session);
    else session.http2.unref();
  }

  async function acquire(): Promise<Session> {
    for (;;) {
      const session = withRoom();
      if (session !== null) {
        session.streams += 1;
        session.http2.ref();
        return session;
      }
      // One connection at a time is opened: those who wait share it as far as it has room.
      opening ??= open().finally(() => {
        opening = null;
      });
      await opening;
    }
  }

  return {
    protocol: "h2",
    acquire,
    release: (session) => {
      session.streams -= 1;
      closeIfDone(session);
    },
    get busy() {
      let streams = 0;
      for (const session of sessions) streams += session.streams;
      return streams;
    },
    close: () => {
      closed = true;
      for (const session of sessions) closeIfDone(session);
    },
  };
}

function http2Close(session: Session): void {
  if (!session.http2.closed) session.http2.close();
}
