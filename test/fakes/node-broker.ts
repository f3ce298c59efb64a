import { connect, type Socket } from "node:net";
import { createNodeServer, type NodeServer } from "../../adapters/knative/node-server.ts";
import { type Exchange, UNKNOWN_PLACE } from "../../src/index.ts";

/** The Node server around a test's own pipeline, on a free port of loopback. */
export async function startNodeServer(
  onExchange: (exchange: Exchange) => void | Promise<void>,
  onFault: (id: string, error: unknown) => void = () => {},
): Promise<{ readonly server: NodeServer; readonly port: number }> {
  const server = createNodeServer({
    place: UNKNOWN_PLACE,
    certificates: null,
    onExchange: (exchange) => void onExchange(exchange),
    onFault,
    onAdmin: (_request, response) => void response.end("admin"),
  });
  await server.listen(0, "127.0.0.1");
  return { server, port: Number(new URL(server.url()).port) };
}

/** A client that writes bytes as they are and keeps all that comes back. */
export interface RawClient {
  readonly socket: Socket;
  received(): string;
  /** Resolves with all that came when the connection is closed, by whichever side and in whichever way. */
  readonly closed: Promise<string>;
}

export function rawClient(port: number, bytes: string | Buffer): RawClient {
  const parts: Buffer[] = [];
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("data", (data) => parts.push(data));
  socket.on("error", () => {});
  socket.write(bytes);
  const received = (): string => Buffer.concat(parts).toString("latin1");
  return { socket, received, closed: new Promise((resolve) => socket.on("close", () => resolve(received()))) };
}
