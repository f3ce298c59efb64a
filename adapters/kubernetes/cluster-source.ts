import { hostname } from "node:os";
import type { Clock, Compiled, DegradedPort, EventSink, ManifestSource, Random } from "../../src/index.ts";
import { openApiClient } from "./api-client.ts";
import { openClusterView } from "./cluster-view.ts";
import { desiredStatuses } from "./desired-status.ts";
import { createEventRecorder } from "./event-recorder.ts";
import { compileIsolated, type FaultyObject } from "./isolate-faults.ts";
import { startLease } from "./lease.ts";
import { createStatusWriter } from "./status-writer.ts";

export interface ClusterSourceOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly compile: (sources: readonly ManifestSource[]) => Compiled;
  /** Told of every compile of the cluster's objects; first when all kinds have been listed. */
  readonly onCompiled: (compiled: Compiled) => void;
  /** Told of each trouble with the API once. What was served before is still served. */
  readonly onTrouble: (message: string) => void;
  /** Told while the API gives no answer; left out: nobody is. */
  readonly degraded?: DegradedPort;
}

/** The cluster as the place where the configuration comes from, and where it is told what became of it. */
export interface ClusterSource {
  /** Denials and failures of calls, as Events of the cluster. */
  readonly events: EventSink;
  /** Lets go of the Lease and of every connection. Never rejects. */
  stop(): Promise<void>;
}

/** One a controller, in the namespace of the broker. */
const LEASE_NAME = "spillway";

/** Begins to follow the cluster. Rejects only when there is none to talk to (no kubeconfig, no service account): an API that is away is waited for. */
export async function startClusterSource(options: ClusterSourceOptions): Promise<ClusterSource> {
  const { environment, clock, random, compile, onCompiled, onTrouble } = options;
  const client = await openApiClient(environment);
  const stopping = new AbortController();
  const { signal } = stopping;
  const identity = `${environment["HOSTNAME"] ?? hostname()}_${crypto.randomUUID()}`;
  const address = environment["SPILLWAY_ADDRESS"]?.trim() || null;
  let lastGood: Compiled | null = null;
  let latest: { readonly compiled: Compiled; readonly faulty: readonly FaultyObject[] } | null = null;

  const view = openClusterView({
    client,
    clock,
    random,
    signal,
    onManifests: (sources) => {
      try {
        latest = compileIsolated(sources, compile);
      } catch (error) {
        // The compiler does not throw; if it did all the same, a changed object must not end a process that serves.
        onTrouble(`the objects cannot be compiled, and what was served before is still served: ${error instanceof Error ? error.message : "unknown fault"}`);
        return;
      }
      if (latest.compiled.snapshot !== null) lastGood = latest.compiled;
      onCompiled(latest.compiled);
      write();
    },
    // A status that another hand has changed is put right.
    onOther: () => statuses.look(),
    onTrouble,
    onAway: (why) => {
      if (why === null) options.degraded?.leave("config_source", "kubernetes");
      else options.degraded?.enter("config_source", "kubernetes", "unreachable", { detail: why });
    },
  });
  const lease = startLease({
    client,
    namespace: client.namespace ?? "default",
    name: LEASE_NAME,
    identity,
    clock,
    random,
    onChange: () => write(),
    onTrouble: (message) => onTrouble(`statuses are not written: ${message}`),
    signal,
  });
  const statuses = createStatusWriter({ client, view, clock, random, isLeader: lease.isHeld, onTrouble, signal });
  const events = createEventRecorder({ client, clock, identity, find: view.find, onTrouble, signal });

  function write(): void {
    if (latest === null || !lease.isHeld()) return;
    statuses.want(desiredStatuses({ ...latest, lastGood, objects: view.objects, address }));
  }

  return {
    events,
    async stop() {
      await lease.release();
      stopping.abort();
    },
  };
}
