import { type AdminPages, type Broker, type BrokerPlace, createAdminPages, createBroker, createDegradations } from "../../src/index.ts";
import { workerOutlets } from "../events/outlets.ts";
import { readEventLease } from "../events/read-event-lease.ts";
import { createWorkerEvents } from "../events/worker-event-sink.ts";
import { createWorkerSecretStores } from "../secrets/worker-stores.ts";
import { createWorkerAudit } from "../telemetry/worker-audit.ts";
import { createWorkerTraces } from "../telemetry/worker-traces.ts";
import { createFetchDocumentFetcher } from "../transport/fetch-document-fetcher.ts";
import { createFetchTransport } from "../transport/fetch-transport.ts";
import { loneLimits } from "../usage/lone-limits.ts";
import { workerUsageOutlet } from "../usage/usage-outlet.ts";
import builtIn from "./manifests.bundle";
import { workerClock } from "./worker-clock.ts";
import { bundleNamespace, createWorkerManifests, type WorkerManifests } from "./worker-manifests.ts";
import { workerPageFiles } from "./worker-page-files.ts";
import { workerPlace } from "./worker-place.ts";
import { createWorkerState } from "./worker-state.ts";
import { createWorkerUsage, isSharedOnWorkers } from "./worker-usage.ts";

/** The bindings of the Worker; docs/platforms.md lists those that it knows. */
export type WorkerBindings = Readonly<Record<string, unknown>>;

/** The broker of one isolate. */
export interface WorkerInstance {
  readonly broker: Broker;
  readonly admin: AdminPages;
  readonly manifests: WorkerManifests;
  /** Sends what the calls have told, usage, events and spans, by itself. Never rejects. */
  flush(signal: AbortSignal): Promise<void>;
  /** Null: what the platform says of a request that is none, such as a batch of a queue. */
  readonly placeOf: (request: Request | null) => BrokerPlace;
  readonly complain: (text: string) => void;
}

/** Chooses the ports of a Worker. Throws when a binding is not what it has to be: every call then fails, and the log says why. */
export function createWorkerInstance(bindings: WorkerBindings): WorkerInstance {
  const transport = createFetchTransport(bindings);
  const log = (line: string): void => console.log(line);
  const complain = (text: string): void => console.error(text);
  const degradations = createDegradations(workerClock, log);
  const { sink, answers } = createWorkerEvents(bindings, log, degradations);
  const traces = createWorkerTraces(textsOf(bindings), complain);
  const audit = createWorkerAudit(bindings, log);
  const lease = bindings["SPILLWAY_EVENT_LEASE"];
  const isShared = isSharedOnWorkers(bindings);
  const namespace = bundleNamespace(bindings["SPILLWAY_MANIFESTS"]);
  const broker: Broker = createBroker({
    clock: workerClock,
    random: Math.random,
    transport,
    secretStores: createWorkerSecretStores(bindings),
    documents: createFetchDocumentFetcher(),
    sink,
    log,
    // Inside the call that asked, which `waitUntil` keeps alive: a timer would be dropped with it.
    schedule: queueMicrotask,
    // Null would be the tracer that somebody has registered globally: nobody has.
    tracer: traces.tracer,
    conventions: traces.conventions,
    shareFlights: false,
    outlets: workerOutlets(bindings),
    degradations,
    ...(audit === null ? {} : { audit }),
    usage: { open: createWorkerUsage(bindings, workerClock.now), outlet: workerUsageOutlet(bindings, isShared), timers: false },
    events: {
      state: createWorkerState(bindings, workerClock.now),
      answers,
      reload: namespace === null ? null : () => manifests.reload(),
      source: "/spillway",
      // A message of a Queue takes 128,000 bytes, some of them for itself.
      maxEventBytes: 124_000,
      leaseMs: readEventLease({ SPILLWAY_EVENT_LEASE: typeof lease === "string" ? lease : undefined }),
    },
  });
  const manifests = createWorkerManifests({
    broker,
    degraded: degradations,
    platform: { name: "workers", features: transport.features },
    builtIn,
    namespace,
    now: workerClock.now,
    remarks: (snapshot) => loneLimits(snapshot, isShared),
    complain,
  });
  // No metrics: each isolate would tell of its own calls only.
  const admin = createAdminPages(broker, { metrics: () => null, now: workerClock.now, files: workerPageFiles });
  const flush = async (signal: AbortSignal): Promise<void> => {
    broker.attribution.drain();
    await Promise.all([broker.flushUsage(signal), sink.flush(signal), traces.flush(signal)]);
  };
  return { broker, admin, manifests, flush, placeOf: workerPlace(bindings), complain };
}

function textsOf(bindings: WorkerBindings): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(bindings).filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}
