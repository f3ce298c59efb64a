import type { Socket } from "node:net";
import type { UpgradedSender } from "../../src/index.ts";

/** What is told of a connection after its 101. After `end` or `broken` only `closed` follows. */
export interface UpgradedSocketEvents {
  /** False: the socket stops until `resume`. */
  chunk(bytes: Uint8Array): boolean;
  /** The destination has said its last word. */
  end(): void;
  broken(): void;
  /** Nothing is left of the connection. */
  closed(): void;
}

export interface UpgradedSocket {
  readonly sender: UpgradedSender;
  resume(): void;
  /** Ends both directions at once. */
  destroy(): void;
}

/** How long a connection whose other side has ended may take for the last bytes. */
const LAST_BYTES_MS = 5_000;

/** A connection that HTTP has left: bytes both ways, with back-pressure. Never outlives its end by more than 5 s. */
export function createUpgradedSocket(socket: Socket, events: UpgradedSocketEvents): UpgradedSocket {
  let ended = false;
  let listener = (): void => {};
  let timer: NodeJS.Timeout | undefined;

  function destroySoon(): void {
    timer ??= setTimeout(() => socket.destroy(), LAST_BYTES_MS);
  }

  socket.setNoDelay(true);
  socket.on("data", (bytes: Buffer) => {
    if (!events.chunk(bytes)) socket.pause();
  });
  socket.on("drain", () => listener());
  socket.on("end", () => {
    ended = true;
    events.end();
    if (!socket.writableEnded) socket.end();
    destroySoon();
  });
  // `close` follows and tells.
  socket.on("error", () => {});
  socket.on("close", () => {
    clearTimeout(timer);
    if (!ended) events.broken();
    events.closed();
  });

  return {
    sender: {
      write: (bytes) => socket.destroyed || socket.writableEnded || socket.write(bytes),
      onDrain: (next) => {
        listener = next;
      },
      end: () => {
        if (socket.destroyed || socket.writableEnded) return;
        socket.end();
        destroySoon();
      },
    },
    resume: () => void socket.resume(),
    destroy: () => void socket.destroy(),
  };
}
