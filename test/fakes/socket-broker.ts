import { createHash } from "node:crypto";
import { nodeClock } from "../../adapters/knative/node-clock.ts";
import { createNodeServer, type NodeServer } from "../../adapters/knative/node-server.ts";
import { createNodeSecretStores } from "../../adapters/secrets/node-stores.ts";
import { createUndiciTransport } from "../../adapters/transport/undici-transport.ts";
import { compile } from "../../src/compiler.ts";
import { type Broker, createBroker, type EgressEvent, type Transport, UNKNOWN_PLACE } from "../../src/index.ts";
import { type TestManifests, testManifests } from "./manifests.ts";

/** A whole broker in this process: real sockets on both sides, and all that it says of its calls. */
export interface SocketBroker {
  readonly broker: Broker;
  readonly server: NodeServer;
  readonly transport: Transport;
  readonly port: number;
  /** Access-log lines so far, parsed. */
  readonly log: Record<string, unknown>[];
  readonly events: EgressEvent[];
  /** The log's line number `index`, once it is there. */
  line(index: number): Promise<Record<string, unknown>>;
  stop(): Promise<void>;
}

/** Takes manifests as they are written. Throws when they have faults. */
export async function startSocketBroker(manifests: TestManifests | string): Promise<SocketBroker> {
  const transport = createUndiciTransport({});
  const log: Record<string, unknown>[] = [];
  const events: EgressEvent[] = [];
  const broker = createBroker({
    outlets: [],
    clock: nodeClock,
    random: Math.random,
    transport,
    secretStores: createNodeSecretStores({ environment: {} }),
    documents: { fetchJson: () => Promise.reject(new Error("no documents here")) },
    sink: { emit: (event) => void events.push(event) },
    // Our own line.
    log: (line) => void log.push(JSON.parse(line) as Record<string, unknown>),
    schedule: (work) => setImmediate(work),
    tracer: null,
    digest: (text) => createHash("sha256").update(text).digest("hex"),
  });
  const text = typeof manifests === "string" ? manifests : testManifests(manifests);
  const compiled = compile([{ path: "test.yaml", text }], { name: "knative", features: transport.features });
  if (!compiled.ok) throw new Error(compiled.faults.map((fault) => JSON.stringify(fault)).join("\n"));
  broker.load(compiled);
  const server = createNodeServer({
    place: UNKNOWN_PLACE,
    certificates: null,
    onExchange: (exchange) => void broker.handle(exchange),
    onFault: () => {},
    onAdmin: (_request, response) => void response.end("admin"),
  });
  await server.listen(0, "127.0.0.1");
  return {
    broker,
    server,
    transport,
    port: Number(new URL(server.url()).port),
    log,
    events,
    line: async (index) => {
      const started = performance.now();
      for (;;) {
        broker.attribution.drain();
        const line = log[index];
        if (line !== undefined) return line;
        if (performance.now() - started > 20_000) throw new Error(`there is no line ${index} in the log`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    stop: async () => {
      await server.drain(0);
      await broker.close();
    },
  };
}
