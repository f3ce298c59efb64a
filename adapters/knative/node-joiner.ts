import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Joiner, Joining, JoiningEnd } from "../../src/index.ts";
import { JoinedSockets } from "./joined-sockets.ts";
import { onCut } from "./node-responder.ts";

/**
 * The joiner of one handshake. Until the 101 the caller must keep silent (RFC 6455 section 4.1): bytes that come earlier were meant for somebody
 * behind the broker, and end the connection (T10).
 */
export function createNodeJoiner(socket: Socket, response: ServerResponse): Joiner {
  const early = (): void => void socket.destroy();
  socket.on("data", early);
  // A caller that has ended its side can take part in no WebSocket.
  socket.on("end", early);
  return {
    join: (joining) =>
      new Promise<JoiningEnd>((resolve) => {
        socket.off("data", early).off("end", early);
        socket.pause();
        if (socket.destroyed || !writeHead(response, joining)) {
          joining.body.cancel();
          resolve({ kind: "caller_gone", bytes: 0, bytesSent: 0, failure: null });
          return;
        }
        response.detachSocket(socket);
        const joined = new JoinedSockets(socket, joining, (end) => {
          onCut(response, null);
          // The server takes the call for open as long as its answer is.
          response.emit("close");
          resolve(end);
        });
        onCut(response, () => joined.cut());
        joined.start();
      }),
  };
}

/** False: the head holds something that node:http will not write. */
function writeHead(response: ServerResponse, { headers }: Joining): boolean {
  try {
    response.writeHead(101, ["connection", "Upgrade", "upgrade", "websocket", ...headers]);
    response.flushHeaders();
    return true;
  } catch {
    return false;
  }
}
