import { createSecureServer } from "node:http2";
import { createServer } from "node:https";
import type { TLSSocket, TlsOptions } from "node:tls";

/** A provider that answers `{}` to everything, over TLS, in one protocol. */
export interface TlsProvider {
  readonly port: number;
  /** Calls that it has answered. */
  calls: number;
  /** Handshakes that it has finished. */
  connections: number;
  /** Of these, those that resumed a session. */
  resumed: number;
  /** Connections that are open now. */
  readonly open: number;
  /** Serial numbers of the client certificates it was shown, in upper-case hexadecimal; one a connection, empty for none. */
  readonly clients: string[];
  /** What it shows to the connections that come from now on. */
  renew(options: TlsOptions): void;
  close(): Promise<void>;
}

export interface TlsProviderOptions extends TlsOptions {
  readonly protocol: "http1" | "h2";
  /** True: every answer ends its connection. */
  readonly once?: boolean;
  /** Milliseconds before it answers. */
  readonly delayMs?: number;
}

/** On loopback, on a free port. */
export async function startTlsProvider({ protocol, once = false, delayMs = 0, ...options }: TlsProviderOptions): Promise<TlsProvider> {
  const sockets = new Set<TLSSocket>();
  const server = protocol === "h2" ? createSecureServer(options) : createServer(options);
  server.on("secureConnection", (socket: TLSSocket) => {
    provider.connections += 1;
    if (socket.isSessionReused()) provider.resumed += 1;
    const shown = socket.getPeerCertificate();
    provider.clients.push(shown === null || shown.serialNumber === undefined ? "" : shown.serialNumber);
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {
      // Tests break connections on purpose.
    });
  });
  server.on("tlsClientError", () => {
    // Tests refuse certificates on purpose.
  });
  server.on("request", (request, response) => {
    request.resume();
    request.on("end", () => {
      setTimeout(() => {
        provider.calls += 1;
        if (once && protocol === "http1") response.setHeader("connection", "close");
        response.setHeader("content-type", "application/json");
        response.end("{}");
        if (once && "stream" in response) response.stream.session?.close();
      }, delayMs);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  const provider: TlsProvider = {
    port: typeof address === "object" && address !== null ? address.port : 0,
    calls: 0,
    connections: 0,
    get open() {
      return sockets.size;
    },
    resumed: 0,
    clients: [],
    renew: (changed) => server.setSecureContext({ ...options, ...changed }),
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
  return provider;
}
