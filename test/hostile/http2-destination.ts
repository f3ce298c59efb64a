import { createServer as createTcpServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { FLAG, type Frame, frame, frameReader, PREFACE, settings, TYPE } from "../fakes/http2-frames.ts";

/** One connection to a hostile destination, written to by hand. */
export interface DestinationPeer {
  readonly socket: Socket;
  /** What came from the broker, frame by frame. */
  readonly frames: readonly Frame[];
  send(...frames: readonly Buffer[]): void;
}

export interface Http2Destination {
  readonly port: number;
  readonly peers: readonly DestinationPeer[];
  /** Connections that are open. */
  readonly open: number;
  /** Frames of every connection. */
  seen(): readonly Frame[];
  close(): Promise<void>;
}

export interface DestinationOptions {
  /** Null: plaintext with prior knowledge. */
  readonly tls?: TlsOptions | null;
  /** What it says first; default: settings without entries. */
  readonly greeting?: Buffer;
  /** False: it never acknowledges settings. */
  readonly acknowledges?: boolean;
  /** `head`: it answers when the head of a request is there; default `request`: when all of it is. */
  readonly on?: "head" | "request";
}

/** A server that reads frames and answers with whatever bytes the test says. On loopback, on a free port. */
export async function startHttp2Destination(
  answer: (peer: DestinationPeer, stream: number, index: number) => void,
  { tls = null, greeting = settings(), acknowledges = true, on = "request" }: DestinationOptions = {},
): Promise<Http2Destination> {
  const peers: DestinationPeer[] = [];
  const sockets = new Set<Socket>();
  let calls = 0;

  function serve(socket: Socket): void {
    const frames: Frame[] = [];
    const peer: DestinationPeer = {
      socket,
      frames,
      send: (...bytes) => {
        if (!socket.destroyed) socket.write(Buffer.concat(bytes));
      },
    };
    peers.push(peer);
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {
      // Tests break connections on purpose.
    });
    socket.write(greeting);
    const read = frameReader((one) => {
      frames.push(one);
      if (one.type === TYPE.settings && (one.flags & FLAG.ack) === 0 && acknowledges) peer.send(frame(TYPE.settings, FLAG.ack, 0));
      const begins = one.type === TYPE.headers;
      const ends = (begins || one.type === TYPE.data) && (one.flags & FLAG.endStream) !== 0;
      if (on === "head" ? begins : ends) {
        calls += 1;
        answer(peer, one.stream, calls - 1);
      }
    });
    let skipped = 0;
    socket.on("data", (bytes: Buffer) => {
      const rest = bytes.subarray(Math.min(bytes.length, PREFACE.length - skipped));
      skipped += bytes.length - rest.length;
      read(rest);
    });
  }

  const server = tls === null ? createTcpServer(serve) : createTlsServer({ ALPNProtocols: ["h2"], ...tls }, serve);
  server.on("tlsClientError", () => {
    // Tests refuse certificates on purpose.
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    peers,
    get open() {
      return sockets.size;
    },
    seen: () => peers.flatMap(({ frames }) => frames),
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
