import { hash } from "node:crypto";
import { type BrokerPlace, type Compiled, createAdminPages, createBroker, type EventPlatform, type ManifestSource } from "../../src/index.ts";
import { createFileSource } from "../config/files.ts";
import { nodePageFiles } from "../console/node-page-files.ts";
import { createNodeEvents, eventSource } from "../events/node-event-sink.ts";
import { readEventLease } from "../events/read-event-lease.ts";
import { createNodeSecretStores } from "../secrets/node-stores.ts";
import { createNodeState } from "../state/node-state.ts";
import { createNodeAudit } from "../telemetry/node-audit.ts";
import { startTelemetry } from "../telemetry/node-telemetry.ts";
import { createDocumentFetcher } from "../transport/json-document-fetcher.ts";
import { createUndiciTransport } from "../transport/undici-transport.ts";
import { loneLimits } from "../usage/lone-limits.ts";
import { createNodeUsage, isSharedOnNode } from "../usage/node-usage.ts";
import { nodeUsageOutlet } from "../usage/usage-outlet.ts";
import { createAdminListener } from "./admin-listener.ts";
import { createClusterLink } from "./cluster-link.ts";
import { handleExchanges } from "./handle-exchanges.ts";
import { createListenerCertificates } from "./listener-certificates.ts";
import { nodeClock } from "./node-clock.ts";
import { nodePlatform } from "./node-platform.ts";
import { createNodePressure } from "./node-pressure.ts";
import { createNodeServer } from "./node-server.ts";
import { readOneBundle } from "./read-one-bundle.ts";
import { serveAdminPort } from "./serve-admin-port.ts";
import type { RunningServer, ServeOptions } from "./serve-options.ts";

/** Composition root of the Node server, which is what Knative, a Deployment and a laptop run. */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const telemetry = await startTelemetry(options.environment, { clock: nodeClock });
  const { degradations } = telemetry;
  // Nobody tells a container where it runs but whoever deploys it.
  const place: BrokerPlace = { region: options.environment["SPILLWAY_REGION"]?.trim() || null, country: null };
  // Events without a sink of the platform go to the log: an evicted backend or a secret that cannot be read must be seen somewhere.
  const { sink, answers, outlets } = await createNodeEvents(options.environment, telemetry.log, degradations);
  const cluster = createClusterLink(sink);
  const transport = createUndiciTransport({ emit: (event) => cluster.sink.emit(event), degraded: degradations });
  const audit = createNodeAudit(options.environment, telemetry.log, degradations);
  const pressure = options.environment["SPILLWAY_OVERLOAD"] === "off" ? null : createNodePressure(nodeClock);
  const broker = createBroker({
    clock: nodeClock,
    random: Math.random,
    transport,
    secretStores: createNodeSecretStores({ environment: options.environment }),
    documents: createDocumentFetcher({ degraded: degradations, now: nodeClock.now }),
    tokenReviewer: async () => (await import("../kubernetes/token-reviewer.ts")).createTokenReviewer(options.environment),
    sink: cluster.sink,
    log: options.accessLog ? telemetry.log : null,
    schedule: (work) => setImmediate(work),
    tracer: telemetry.tracer,
    conventions: telemetry.conventions,
    digest: (text) => hash("sha256", text, "hex"),
    outlets,
    degradations,
    ...(audit === null ? {} : { audit: audit.ports }),
    usage: { open: createNodeUsage(options.environment), outlet: nodeUsageOutlet(options.environment), timers: true },
    ...(pressure === null ? {} : { pressure }),
    prices: async () => (await import("../prices/genai-prices.ts")).genaiPrices,
    events: {
      state: await createNodeState(options.environment),
      answers,
      reload: async () => (hasFiles ? load(await source.read()) : undefined),
      source: eventSource(options.environment),
      leaseMs: readEventLease(options.environment),
    },
  });
  telemetry.observe(broker.attribution.metrics);
  broker.attribution.metrics.watchDrops(() => ({ events: sink.dropped(), audit_lines: audit?.dropped() ?? 0 }));

  // The compiler with its YAML reader and its schemas is half of the server, and a bundle needs none of it.
  const compileSources = options.bundle === null ? (await import("../config/compile-manifests.ts")).compileManifests : readOneBundle;
  const platform = await nodePlatform(options);
  const certificates =
    options.tlsPort === null
      ? null
      : createListenerCertificates({ readSecret: broker.readSecret, now: nodeClock.now, onTrouble: options.onCertificateTrouble, degraded: degradations });
  const admin = createAdminPages(broker, {
    metrics: () => (options.adminPort === null ? broker.metricsText() : null),
    now: nodeClock.now,
    files: nodePageFiles,
  });
  // A server's process lives on by itself: what goes on after the answer needs nobody to wait for it.
  const eventPlatform: EventPlatform = { principal: null, place, remainingMs: null, waitUntil: () => {} };
  const nodeServer = createNodeServer({
    place,
    certificates,
    onExchange: handleExchanges(broker, options.onFault),
    onFault: options.onFault,
    onAdmin: createAdminListener(admin, broker.ready, eventPlatform, options.onFault),
  });
  const take = (compiled: Compiled): void => {
    broker.load(compiled);
    if (compiled.snapshot !== null) certificates?.load(compiled.snapshot);
    nodeServer.renewCertificates();
    options.onLoad(compiled, broker.notices(), compiled.snapshot === null ? [] : loneLimits(compiled.snapshot, isSharedOnNode(options.environment)));
  };
  const load = (sources: readonly ManifestSource[]): void => {
    if (!cluster.serves()) take(compileSources(sources, platform));
  };
  const watching = new AbortController();
  const source = createFileSource({
    paths: options.bundle === null ? options.manifests : [options.bundle],
    signal: watching.signal,
    onChange: load,
    onError: (error) => {
      degradations.enter("config_source", "files", "unreadable", { detail: error.message });
      options.onReadError(error);
    },
    onRecovered: () => degradations.leave("config_source", "files"),
  });
  const hasFiles = options.bundle !== null || options.manifests.length > 0;
  if (hasFiles || !options.kubernetes) load(await source.read());
  if (options.kubernetes)
    await cluster.start({
      environment: options.environment,
      clock: nodeClock,
      platform,
      load: take,
      onTrouble: options.onClusterTrouble,
      degraded: degradations,
    });

  await nodeServer.listen(options.port, options.host, options.tlsPort ?? undefined);
  const { adminPort, host } = options;
  const ownPort = adminPort === null ? null : await serveAdminPort({ metricsText: broker.metricsText, ready: broker.ready, port: adminPort, host });

  return {
    url: nodeServer.url(),
    tlsUrl: nodeServer.tlsUrl(),
    adminPort: ownPort?.port ?? null,
    broker,
    stop: async () => {
      broker.retire();
      pressure?.close();
      watching.abort();
      // Another instance may write statuses from now on.
      await cluster.stop();
      await nodeServer.drain(options.graceMs);
      ownPort?.close();
      await broker.flushUsage(AbortSignal.timeout(2_000));
      await broker.close();
      broker.attribution.close();
      await Promise.all([sink.close(), audit?.close()]);
      await telemetry.shutdown(2_000);
    },
  };
}
