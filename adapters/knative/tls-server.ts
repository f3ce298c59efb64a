import type { Socket } from "node:net";
import type { Server, TLSSocket } from "node:tls";
import type { ListenerCertificates, Presented } from "./listener-certificates.ts";

/** As long as a header section may take. */
const HANDSHAKE_MS = 9_000;
/** How often the certificates are looked at anew, that for callers without SNI among them. */
const LOOK_MS = 10_000;

/** A port that terminates TLS. */
export interface TlsServer {
  /** Rejects when the port is taken. */
  listen(port: number, host: string): Promise<void>;
  /** To be called after the certificates have changed. */
  renew(): Promise<void>;
  readonly server: Server;
  /** Resolves when it accepts no more and every connection is closed. */
  close(): Promise<void>;
}

/**
 * TLS 1.2 and up; the listener is chosen by SNI, the protocol by ALPN. Callers without SNI get the certificate of the listener that takes every
 * host, where there is one; whoever asks for a name that no listener has is refused in the handshake.
 */
export function createTlsServer(
  certificates: ListenerCertificates,
  serve: { readonly http1: (socket: Socket) => void; readonly http2: (socket: Socket) => void },
): TlsServer {
  const tls = process.getBuiltinModule("node:tls");
  // A handshake begun anew costs the server more than the caller (CVE-2011-1473), and nobody needs it.
  const floor = { minVersion: "TLSv1.2", secureOptions: process.getBuiltinModule("node:crypto").constants.SSL_OP_NO_RENEGOTIATION } as const;
  let port: number | null = null;
  const server = tls.createServer(
    {
      ...floor,
      ALPNProtocols: ["h2", "http/1.1"],
      handshakeTimeout: HANDSHAKE_MS,
      noDelay: true,
      SNICallback: (serverName, done) => {
        void certificates.choose(serverName, port).then((presented) => {
          if (presented === null) done(new Error("no listener has this name"));
          else done(null, presented.context);
        });
      },
    },
    (socket: TLSSocket) => {
      socket.on("error", ignore);
      if (socket.alpnProtocol === "h2") serve.http2(socket);
      else serve.http1(socket);
    },
  );
  server.on("tlsClientError", (_error, socket) => socket.destroy());

  let current: Presented | null = null;
  /** Node asks for nothing where no name was sent, and takes what the server itself holds. */
  async function renew(): Promise<void> {
    const presented = await certificates.choose("", port);
    if (presented === current) return;
    current = presented;
    const pems = presented?.secrets.map((secret) => secret.reveal()) ?? [];
    server.setSecureContext({ ...floor, ...(pems.length === 0 ? {} : { cert: pems, key: pems }) });
  }
  const looking = setInterval(() => void Promise.all([certificates.look(), renew()]), LOOK_MS);
  looking.unref();

  return {
    server,
    renew,
    listen: (wanted, host) =>
      new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen(wanted, host, () => {
          server.off("error", reject);
          const address = server.address();
          port = typeof address === "object" && address !== null ? address.port : null;
          void renew().then(resolve);
        });
      }),
    close: () =>
      new Promise((resolve) => {
        clearInterval(looking);
        server.close(() => resolve());
      }),
  };
}

function ignore(): void {}
