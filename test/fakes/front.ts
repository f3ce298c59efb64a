import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

/** What stands in front of a broker in the field: it ends TLS, has its address before the broker has one, and fails when a test wants it to. */
export interface Front {
  readonly port: number;
  /** Requests that came, as far as heads can be told by their first line. */
  requests(): number;
  /** Where the bytes go from now on; null: every connection, an open one too, is broken off with the next byte that comes. */
  aim(port: number | null): void;
  /** Nobody listens any more. */
  close(): Promise<void>;
}

export interface FrontOptions {
  readonly tls?: { readonly certPem: string; readonly keyPem: string };
  /** Changes what the client sends, chunk for chunk. */
  readonly edit?: (text: string) => string;
}

export async function startFront(options: FrontOptions = {}): Promise<Front> {
  const open = new Set<Socket>();
  let target: number | null = null;
  let seen = 0;
  const take = (client: Socket): void => {
    open.add(client);
    client.on("error", () => {}).on("close", () => open.delete(client));
    const server = target === null ? null : connect({ host: "127.0.0.1", port: target });
    if (server !== null) {
      open.add(server);
      server.on("error", () => client.destroy()).on("close", () => open.delete(server));
      server.pipe(client);
      client.on("close", () => server.destroy());
    }
    client.on("data", (bytes: Buffer) => {
      const text = bytes.toString("latin1");
      seen += text.match(/ HTTP\/1\.1\r\n/g)?.length ?? 0;
      if (server === null || target === null) client.destroy();
      else server.write(Buffer.from(options.edit === undefined ? text : options.edit(text), "latin1"));
    });
  };
  const server = options.tls === undefined ? createServer(take) : createTlsServer({ cert: options.tls.certPem, key: options.tls.keyPem }, take);
  await new Promise<void>((settle) => server.listen(0, "127.0.0.1", settle));
  const { port } = server.address() as AddressInfo; // listening on TCP
  return {
    port,
    requests: () => seen,
    aim: (next) => {
      target = next;
    },
    close: () =>
      new Promise((settle) => {
        server.close(() => settle());
        for (const socket of open) socket.destroy();
      }),
  };
}
