import type { Socket } from "node:net";
import type { Connect, Connection } from "./guarded-connect.ts";
import { Client } from "./undici-parts.ts";

/** Connections of one pool that may be open at one time; a call beyond it fails at once instead of waiting in a queue. */
const CONNECTIONS = 16_384;
const KEEP_ALIVE_MS = 30_000;
const MAX_HEADER_BYTES = 32_768;

/** One undici client, which is one connection at a time, and what is known of that connection. */
export interface Slot {
  readonly client: Client;
  connection: Connection | null;
  /** Lets undici's parser run again; of the call under way. */
  resume: (() => void) | null;
  busy: boolean;
}

/** Connections to one origin for one pool key. HTTP/1.1 without pipelining: a connection serves one call at a time. */
export interface H1Pool {
  readonly protocol: "http1";
  /** A free connection, or a new one; null: the pool is full. */
  acquire(): Slot | null;
  /** `reusable` false: the connection is thrown away. */
  release(slot: Slot, reusable: boolean): void;
  readonly busy: number;
  /** Idle connections at once, busy ones when they are done. */
  close(): void;
}

/** undici's own Pool looks through all its clients for each call; a stack of free ones costs nothing and keeps the warm ones warm. */
export function createH1Pool(origin: string, connect: Connect, connectMs: () => number): H1Pool {
  const idle: Slot[] = [];
  let busy = 0;
  let closed = false;

  function open(): Slot {
    const client = new Client(origin, {
      connect: (_options, callback) => {
        connect(connectMs()).then(
          (connection) => {
            slot.connection = connection;
            tellEnds(connection.socket, slot);
            callback(null, connection.socket);
          },
          (error: Error) => callback(error, null),
        );
      },
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: 300_000,
      maxHeaderSize: MAX_HEADER_BYTES,
      // The attempt runs its own, exact to the millisecond; undici's tick twice a second.
      headersTimeout: 0,
      bodyTimeout: 0,
      allowH2: false,
    });
    const slot: Slot = { client, connection: null, resume: null, busy: false };
    client.on("disconnect", () => {
      slot.connection = null;
      const index = slot.busy ? -1 : idle.indexOf(slot);
      if (index === -1) return;
      idle.splice(index, 1);
      destroy(client);
    });
    return slot;
  }

  return {
    protocol: "http1",
    acquire: () => {
      const slot = idle.pop() ?? (busy < CONNECTIONS ? open() : null);
      if (slot === null) return null;
      slot.busy = true;
      busy += 1;
      return slot;
    },
    release: (slot, reusable) => {
      if (!slot.busy) return;
      slot.busy = false;
      slot.resume = null;
      busy -= 1;
      if (reusable && !closed) idle.push(slot);
      else destroy(slot.client);
    },
    get busy() {
      return busy;
    },
    close: () => {
      closed = true;
      for (const slot of idle.splice(0)) destroy(slot.client);
    },
  };
}

/**
 * undici must not hear that a connection has ended while its parser is stopped: it asserts the contrary, outside of any call, and the process would
 * end with it. These listeners stand before its own.
 */
function tellEnds(socket: Socket, slot: Slot): void {
  // All that came is read by now, so what the parser still gives is little.
  socket.once("end", () => slot.resume?.());
  // Of a reset it would make the proper end of an answer that lasts until the connection closes.
  socket.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "ECONNRESET") error.code = "SPILLWAY_RESET";
  });
}

function destroy(client: Client): void {
  client.destroy().catch(() => {
    // Already gone.
  });
}
