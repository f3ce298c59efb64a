import type { Socket } from "node:net";

/** How the preface of HTTP/2 begins (RFC 9113 section 3.4). No method of HTTP/1.1 does. */
const PREFACE = Buffer.from("PRI", "latin1");
/** How long a new connection may keep silent; as long as a header section may take. */
const PATIENCE_MS = 9_000;

/**
 * Hears the first bytes of a connection and hands it on with them: what speaks HTTP/2 by prior knowledge (h2c) says so at once. Connections
 * that say nothing are closed.
 */
export function tellProtocol(socket: Socket, serveHttp1: (socket: Socket) => void, serveHttp2: (socket: Socket) => void): void {
  let first: Buffer | null = null;
  const timer = setTimeout(() => socket.destroy(), PATIENCE_MS);
  const stop = (): void => {
    clearTimeout(timer);
    socket.off("data", heard).off("end", ended).off("close", stop);
  };
  const ended = (): void => {
    stop();
    socket.destroy();
  };
  const heard = (bytes: Buffer): void => {
    first = first === null ? bytes : Buffer.concat([first, bytes]);
    const known = Math.min(first.length, PREFACE.length);
    const fits = PREFACE.compare(first, 0, known, 0, known) === 0;
    if (fits && known < PREFACE.length) return;
    stop();
    socket.pause();
    (fits ? serveHttp2 : serveHttp1)(socket);
    socket.unshift(first);
    socket.resume();
  };
  // A connection may break while nobody else listens.
  socket.on("error", ignore);
  socket.on("data", heard).on("end", ended).on("close", stop);
}

function ignore(): void {}
