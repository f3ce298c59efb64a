import type { Clock, Compiled, DegradedPort, EgressEvent, EventSink, Platform } from "../../src/index.ts";
import type { ClusterSource } from "../kubernetes/cluster-source.ts";

export interface ClusterLinkOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly platform: Platform;
  /** Told of every compile of the cluster's objects. */
  readonly load: (compiled: Compiled) => void;
  readonly onTrouble: (error: Error) => void;
  /** Told while the API gives no answer. */
  readonly degraded: DegradedPort;
}

/** What ties a server to the cluster that it serves: configuration comes in, statuses and Events go out. */
export interface ClusterLink {
  /** Passes the broker's events on, and tells the cluster of denials and failures. */
  readonly sink: EventSink;
  /** Rejects when there is no cluster to talk to; does not wait for its answers. */
  start(options: ClusterLinkOptions): Promise<void>;
  /** True once the cluster's objects serve: files do not count from then on. */
  serves(): boolean;
  /** Never rejects. */
  stop(): Promise<void>;
}

/** A link that does nothing but pass events on until it is started. */
export function createClusterLink(sink: EventSink): ClusterLink {
  let source: ClusterSource | null = null;
  let serves = false;
  return {
    sink: {
      emit: (event: EgressEvent) => {
        sink.emit(event);
        source?.events.emit(event);
      },
    },
    async start({ environment, clock, platform, load, onTrouble, degraded }) {
      // The Kubernetes client and the compiler are heavy, and most instances need neither.
      const [{ startClusterSource }, { compileManifests }] = await Promise.all([
        import("../kubernetes/cluster-source.ts"),
        import("../config/compile-manifests.ts"),
      ]);
      source = await startClusterSource({
        environment,
        clock,
        random: Math.random,
        compile: (sources) => compileManifests(sources, { ...platform, holdsAllSecrets: true }),
        onCompiled: (compiled) => {
          serves ||= compiled.snapshot !== null;
          load(compiled);
        },
        onTrouble: (message) => onTrouble(new Error(message)),
        degraded,
      });
    },
    serves: () => serves,
    async stop() {
      await source?.stop();
    },
  };
}
