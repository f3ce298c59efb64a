import { type Broker, type BrokerPlace, createAdminApp, createBroker } from "../../src/index.ts";
import { createConsoleSink } from "../events/console-sink.ts";
import { createWorkerSecretStores } from "../secrets/worker-stores.ts";
import { createFetchDocumentFetcher } from "../transport/fetch-document-fetcher.ts";
import { createFetchTransport } from "../transport/fetch-transport.ts";
import builtIn from "./manifests.bundle";
import { workerClock } from "./worker-clock.ts";
import { createWorkerExchange, type WorkerContext } from "./worker-exchange.ts";
import { bundleNamespace, createWorkerManifests, type WorkerManifests } from "./worker-manifests.ts";
import { workerPlace } from "./worker-place.ts";

/** The bindings of the Worker; docs/platforms.md lists those that it knows. */
type Bindings = Readonly<Record<string, unknown>>;

interface Instance {
  readonly broker: Broker;
  readonly admin: ReturnType<typeof createAdminApp>;
  readonly manifests: WorkerManifests;
  readonly placeOf: (request: Request) => BrokerPlace;
}

/** One an isolate, made by its first event: bindings are not known before. */
let instance: Instance | null = null;

/** Composition root of the Cloudflare Worker. */
export default {
  async fetch(request: Request, bindings: Bindings, context: WorkerContext): Promise<Response> {
    instance ??= createInstance(bindings);
    const { broker, admin, manifests, placeOf } = instance;
    if (!broker.ready()) await manifests.prepare();
    else if (manifests.due()) context.waitUntil(manifests.look());
    if (/^\w+:\/\/[^/]*\/-\//.test(request.url)) return admin.fetch(request);
    return new Promise((resolve) => {
      const exchange = createWorkerExchange(request, context, placeOf(request), resolve);
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
  const manifests = createWorkerManifests({
    broker,
    platform: { name: "workers", features: transport.features },
    builtIn,
    namespace: bundleNamespace(bindings["SPILLWAY_MANIFESTS"]),
    now: workerClock.now,
    complain: (text) => console.error(text),
  });
  // No metrics page: each isolate would tell of its own calls only.
  const admin = createAdminApp({
    ready: broker.ready,
    status: broker.status,
    metrics: () => null,
    authorize: broker.authorize,
    takeEvents: broker.events?.takeMessage ?? null,
  });
  return { broker, admin, manifests, placeOf: workerPlace(bindings) };
}
