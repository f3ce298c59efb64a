import { type Broker, type Clock, compile, createAdminApp, createBroker } from "../../src/index.ts";
import { formatFaults, formatRefused } from "../config/report.ts";
import { createConsoleSink } from "../events/console-sink.ts";
import { createWorkerSecretStores } from "../secrets/worker-stores.ts";
import { createFetchDocumentFetcher } from "../transport/fetch-document-fetcher.ts";
import { createFetchTransport } from "../transport/fetch-transport.ts";
import bundledManifests from "./manifests.yaml";
import { createWorkerExchange, type WorkerContext } from "./worker-exchange.ts";

/** The bindings of the Worker. `SPILLWAY_MANIFESTS`: manifests as text, in place of `manifests.yaml` beside this file. */
type Bindings = Readonly<Record<string, unknown>>;

interface Instance {
  readonly broker: Broker;
  readonly admin: ReturnType<typeof createAdminApp>;
}

const workerClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** One an isolate, made by its first request: bindings are not known before. */
let instance: Instance | null = null;

/** Composition root of the Cloudflare Worker. */
export default {
  async fetch(request: Request, bindings: Bindings, context: WorkerContext): Promise<Response> {
    instance ??= createInstance(bindings);
    const { broker, admin } = instance;
    if (/^\w+:\/\/[^/]*\/-\//.test(request.url)) return admin.fetch(request);
    return new Promise((resolve) => {
      const exchange = createWorkerExchange(request, context, resolve);
      // The call outlives the head of its answer. One that ends without an answer has no caller left; the platform wants one all the same.
      context.waitUntil(broker.handle(exchange).then(() => resolve(new Response(null, { status: 499 }))));
    });
  },
};

function createInstance(bindings: Bindings): Instance {
  const transport = createFetchTransport();
  const log = (line: string): void => console.log(line);
  const broker = createBroker({
    clock: workerClock,
    random: Math.random,
    transport,
    secretStores: createWorkerSecretStores(bindings),
    documents: createFetchDocumentFetcher(),
    sink: createConsoleSink(log),
    log,
    // Inside the call that asked, which `waitUntil` keeps alive: a timer would be dropped with it.
    schedule: queueMicrotask,
    tracer: null,
    shareFlights: false,
  });
  const written = bindings["SPILLWAY_MANIFESTS"];
  const source =
    typeof written === "string" && written !== "" ? { path: "SPILLWAY_MANIFESTS", text: written } : { path: "manifests.yaml", text: bundledManifests };
  const compiled = compile([source], { name: "workers", features: transport.features });
  broker.load(compiled);
  const { faults, conditions } = compiled;
  // A refused manifest is seen in the log; its traffic gets the refusal.
  const told = [formatFaults(faults, { color: false }), formatRefused(conditions, { color: false })].filter((text) => text !== "");
  for (const text of told) console.error(text);
  // No metrics page: each isolate would tell of its own calls only.
  const admin = createAdminApp({ ready: broker.ready, status: broker.status, metrics: () => null, authorize: broker.authorize });
  return { broker, admin };
}
