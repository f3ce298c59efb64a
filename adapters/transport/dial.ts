import { connect, type Socket } from "node:net";
import { platform } from "node:process";
import { connectFailure } from "./connect-failure.ts";

/** How long an address may keep silent before the next one is tried beside it (RFC 8305 section 5). */
const STAGGER_MS = 250;
/** Bytes of an answer that may wait in a TLS socket before it stops reading. */
export const SOCKET_BYTES = 16_384;
/** What one read of a plain socket takes. Node's own take 64 KiB, and a stalled answer held three of them; with 16 KiB a large answer costs half as much again. */
const READ_BYTES = 32_768;
/** Where the kernel puts what is read, to be copied out at once. Windows fills it in the background, so a socket needs its own there. */
const shared = platform === "win32" ? null : new Uint8Array(READ_BYTES);

/**
 * Opens a TCP connection to the first of the addresses that takes one; the others are closed. Rejects with a `ConnectFailure`
 * when all have failed or `signal` aborts. The addresses must have been checked: they are dialled as they are.
 * `bounded`: the socket is read as it is, by its owner; TLS and HTTP/2 read the handle under it in their own way.
 */
export function dial(addresses: readonly string[], port: number, signal: AbortSignal, bounded: boolean): Promise<Socket> {
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
      const socket: Socket = connect({
        host: address,
        port,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: 60_000,
        // Not in Node's types, and handed on to the stream by its code. One full read must not stop the socket, which costs system calls.
        ...{ highWaterMark: bounded ? READ_BYTES + 1 : SOCKET_BYTES },
        // False, which `push` gives when more waits, stops the reading until somebody reads.
        ...(bounded ? { onread: { buffer: shared ?? new Uint8Array(READ_BYTES), callback: (length, bytes) => socket.push(copyOf(bytes, length)) } } : {}),
      });
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

function copyOf(bytes: Uint8Array, length: number): Buffer {
  // By itself and not from Node's pool, of which a small piece that waits would keep 64 KiB.
  const copy = Buffer.allocUnsafeSlow(length);
  copy.set(length === bytes.length ? bytes : bytes.subarray(0, length));
  return copy;
}

function ignore(): void {}
