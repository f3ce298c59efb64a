import { createServer, type Socket } from "node:net";
import { TLSSocket, type TLSSocketOptions } from "node:tls";

export interface TlsDestination {
  readonly port: number;
  /** Connections that are open. */
  readonly open: number;
  /** Bytes of requests, as text. */
  received(): string;
  close(): Promise<void>;
}

/** A server whose TLS lies over a socket that the test holds: what a server's own TLS would say at the end can be left out. On loopback, on a free port. */
export async function startTlsDestination(answer: (secure: TLSSocket, wire: Socket) => void, options: TLSSocketOptions): Promise<TlsDestination> {
  const sockets = new Set<Socket>();
  let received = "";
  const server = createServer((wire) => {
    sockets.add(wire);
    wire.on("close", () => sockets.delete(wire));
    const secure = new TLSSocket(wire, { ...options, isServer: true });
    const ignore = (): void => {
      // Tests break connections on purpose.
    };
    wire.on("error", ignore);
    secure.on("error", ignore);
    secure.on("data", (bytes: Buffer) => {
      received += bytes.toString("latin1");
    });
    secure.once("data", () => answer(secure, wire));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    get open() {
      return sockets.size;
    },
    received: () => received,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
