import { connect, type Socket } from "node:net";
import { connectFailure } from "./connect-failure.ts";

/** How long an address may keep silent before the next one is tried beside it (RFC 8305 section 5). */
const STAGGER_MS = 250;
/** Bytes of an answer that wait in the socket while nobody reads; each read still takes up to 64 KiB. */
export const SOCKET_BYTES = 16_384;

/**
 * Opens a TCP connection to the first of the addresses that takes one; the others are closed. Rejects with a `ConnectFailure`
 * when all have failed or `signal` aborts. The addresses must have been checked: they are dialled as they are.
 */
export function dial(addresses: readonly string[], port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const open = new Set<Socket>();
    let next = 0;
    let timer: NodeJS.Timeout | undefined;

    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    };
    const abort = (): void => {
      finish();
      for (const socket of open) socket.destroy();
      reject(connectFailure("other", "the connection was given up"));
    };
    const tryNext = (): void => {
      clearTimeout(timer);
      const address = addresses[next];
      if (address === undefined) {
        if (open.size > 0) return;
        finish();
        reject(connectFailure("refused", "no address of the destination takes connections"));
        return;
      }
      next += 1;
      // Not in Node's types, and handed on to the stream by its code.
      const bounded = { highWaterMark: SOCKET_BYTES };
      const socket = connect({ host: address, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000, ...bounded });
      open.add(socket);
      const failed = (): void => {
        open.delete(socket);
        tryNext();
      };
      socket.once("error", failed);
      socket.once("connect", () => {
        finish();
        socket.off("error", failed);
        open.delete(socket);
        for (const other of open) other.removeAllListeners().on("error", ignore).destroy();
        resolve(socket);
      });
      timer = setTimeout(tryNext, STAGGER_MS);
    };

    signal.addEventListener("abort", abort, { once: true });
    tryNext();
  });
}

function ignore(): void {}
