import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A KV namespace as workerd asks for one: over HTTP, with the metadata in a header. */
export interface FakeNamespace {
  readonly port: number;
  /** Keys that were asked for. */
  readonly asked: string[];
  /** True: every request fails. */
  down: boolean;
  put(key: string, value: string, metadata?: object): void;
  close(): Promise<void>;
}

export async function startFakeNamespace(): Promise<FakeNamespace> {
  const values = new Map<string, { readonly value: string; readonly metadata: object | null }>();
  const fake = { down: false, asked: [] as string[] };
  const server = createServer((request, response) => {
    const key = decodeURIComponent(new URL(request.url ?? "/", "http://kv").pathname.slice(1));
    fake.asked.push(key);
    const held = values.get(key);
    if (fake.down) response.writeHead(500).end();
    else if (held === undefined) response.writeHead(404).end();
    else response.writeHead(200, held.metadata === null ? {} : { "cf-kv-metadata": JSON.stringify(held.metadata) }).end(held.value);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A TCP server's address is an AddressInfo once it listens.
  const { port } = server.address() as AddressInfo;
  return Object.assign(fake, {
    port,
    put: (key: string, value: string, metadata: object | null = null) => {
      values.set(key, { value, metadata });
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}
