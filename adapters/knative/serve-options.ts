import type { Broker, Compiled } from "../../src/index.ts";

/** How to serve: what the command line and the environment chose. */
export interface ServeOptions {
  /** Files, folders, or `-` for standard input. */
  readonly manifests: readonly string[];
  /** A compiled bundle in place of manifests; null: none. */
  readonly bundle: string | null;
  /** Serve what the cluster holds; manifests or a bundle serve until that is known. */
  readonly kubernetes: boolean;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** The port for HTTPS listeners, 0 for a free one; null: they cannot be served. */
  readonly tlsPort: number | null;
  /** A port of its own for `/-/metrics`, where nobody is asked who they are, 0 for a free one; null serves it beside the calls, to operators. */
  readonly adminPort: number | null;
  /** Milliseconds that open calls get after SIGTERM. */
  readonly graceMs: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Told of every load of the manifests, the first one too, with what locks refuse where the broker is set up as it is, and with what else is worth a line. */
  readonly onLoad: (compiled: Compiled, notices: readonly string[], remarks: readonly string[]) => void;
  /** Told when a change of the manifests cannot be read; what was served before is still served. */
  readonly onReadError: (error: Error) => void;
  /** Told of each trouble with the cluster's API once; what was served before is still served. */
  readonly onClusterTrouble: (error: Error) => void;
  /** Told of a listener's certificate that cannot be read or used; the last good one is still presented. */
  readonly onCertificateTrouble: (error: Error) => void;
  /** Told of an exception in a call that was no refusal, with the id that its caller has; the process goes on. */
  readonly onFault: (id: string, error: unknown) => void;
  /** Whether each call is told in a line on standard output. */
  readonly accessLog: boolean;
}

export interface RunningServer {
  readonly url: string;
  /** Null: there is no port for TLS. */
  readonly tlsUrl: string | null;
  /** Where `/-/metrics` is served; null: beside the calls. */
  readonly adminPort: number | null;
  readonly broker: Broker;
  /** Stops as SIGTERM does: not ready, drains, flushes telemetry, closes. Milliseconds of grace as in the options. */
  stop(): Promise<void>;
}
