import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "../../adapters/knative/serve.ts";
import type { RunningServer, ServeOptions } from "../../adapters/knative/serve-options.ts";

/** A broker in the test's own process, with its sockets. */
export interface ServedBroker {
  readonly server: RunningServer;
  readonly port: number;
  /** Null: none was asked for. */
  readonly tlsPort: number | null;
  /** File of the manifests, to be written anew while it runs. */
  readonly file: string;
  stop(): Promise<void>;
}

/** Serves manifests from a temporary folder on free ports of loopback. */
export async function serveManifests(manifests: string, options: Partial<ServeOptions> = {}): Promise<ServedBroker> {
  const folder = await mkdtemp(join(tmpdir(), "spillway-served-"));
  const file = join(folder, "manifests.yaml");
  await writeFile(file, manifests);
  const refusals: string[] = [];
  const server = await serve({
    manifests: [folder],
    bundle: null,
    kubernetes: false,
    host: "127.0.0.1",
    port: 0,
    tlsPort: null,
    adminPort: null,
    graceMs: 200,
    onLoad: ({ faults }) => refusals.push(...faults.filter((fault) => fault.severity === "error").map((fault) => fault.message)),
    onReadError: (error) => refusals.push(error.message),
    onClusterTrouble: () => {},
    onCertificateTrouble: () => {},
    onFault: () => {},
    accessLog: false,
    ...options,
    // A machine that runs tests is late for reasons of its own: a test of overload switches it on.
    environment: { SPILLWAY_OVERLOAD: "off", ...options.environment },
  });
  if (!server.broker.ready()) throw new Error(`the manifests have faults: ${refusals.join("; ")}`);
  return {
    server,
    file,
    port: Number(new URL(server.url).port),
    tlsPort: server.tlsUrl === null ? null : Number(new URL(server.tlsUrl).port),
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
