import type { ServerHttp2Session, ServerHttp2Stream, ServerOptions } from "node:http2";
import type { Duplex } from "node:stream";

/** A connection without a call is closed after this long, whatever it says: pings keep no connection open. */
const IDLE_MS = 75_000;
const STREAM_WINDOW = 65_535;
/** Of all uploads of a connection that nobody reads yet. */
const CONNECTION_WINDOW = 1_048_576;

/**
 * The limits of a connection, written out. What goes beyond them ends the connection: resets in a row (CVE-2023-44487), settings and pings
 * that want answers, frames that make no sense. nghttp2 itself bounds CONTINUATION frames and acknowledgements that wait.
 */
const LIMITS: ServerOptions = {
  settings: { maxConcurrentStreams: 100, initialWindowSize: STREAM_WINDOW, maxHeaderListSize: 16_384, enableConnectProtocol: false },
  // The headers that a call may have, one more so that the excess is seen and refused in words, and the pseudo-headers.
  maxHeaderListPairs: 105,
  maxSessionMemory: 10,
  maxSettings: 32,
  maxOutstandingPings: 10,
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100,
  streamResetBurst: 200,
  streamResetRate: 50,
};

/** The HTTP/2 connections of a server. */
export interface Http2Sessions {
  /** Takes over a connection that speaks HTTP/2. */
  accept(socket: Duplex): void;
  /** GOAWAY to all: calls under way go on, and each connection closes with its last one. */
  drain(): void;
  destroy(): void;
}

/** `onStream` gets each call: its stream, and its header section as it came. It may throw nothing. */
export function createHttp2Sessions(onStream: (stream: ServerHttp2Stream, raw: readonly string[]) => void): Http2Sessions {
  const sessions = new Set<ServerHttp2Session>();
  let draining = false;

  function accept(socket: Duplex): void {
    // A server of node:http leaves connections half open; here the end of one side is the end.
    socket.allowHalfOpen = false;
    // With the first connection: most servers never see one, and loading it makes each start dearer.
    const session = process.getBuiltinModule("node:http2").performServerHandshake(socket, LIMITS);
    sessions.add(session);
    session.setLocalWindowSize(CONNECTION_WINDOW);
    let streams = 0;
    let idle: NodeJS.Timeout | undefined;
    const wait = (): void => {
      idle = setTimeout(() => session.close(), IDLE_MS);
    };
    wait();
    session.on("error", ignore);
    session.once("close", () => {
      clearTimeout(idle);
      sessions.delete(session);
      // Closing the session leaves the socket to whoever opened it.
      socket.destroy();
    });
    session.on("stream", (stream, _headers, _flags, raw) => {
      clearTimeout(idle);
      streams += 1;
      stream.on("error", ignore);
      stream.once("close", () => {
        streams -= 1;
        if (streams === 0 && !session.closed) wait();
      });
      onStream(stream, raw);
    });
    if (draining) session.close();
  }

  return {
    accept,
    drain: () => {
      draining = true;
      for (const session of sessions) session.close();
    },
    destroy: () => {
      for (const session of sessions) session.destroy();
    },
  };
}

function ignore(): void {}
