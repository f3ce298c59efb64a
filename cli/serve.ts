import { formatFaults, formatRefused } from "../adapters/config/report.ts";
import { serve } from "../adapters/knative/serve.ts";
import type { Compiled } from "../src/index.ts";
import { CliError, EXIT } from "./exit.ts";
import { describeFault, installLastResort } from "./last-resort.ts";
import { givenPaths, manifestPaths, parseOptions, parsePort, parseSeconds } from "./options.ts";
import { print, wantsColor, warn } from "./terminal.ts";

const HELP = `usage: spillway serve [DIR|FILE|-]... [--kubernetes] [--port N] [--tls-port N] [--host H]

Serves the manifests of files and folders (read with all below them) or of - (standard input). Files are watched: a good change is
taken over, a bad one is reported and the last good state goes on serving.

  --manifests  the same as naming the files (else SPILLWAY_MANIFESTS, colon-separated)
  --bundle     a bundle that spillway compile made, in place of manifests (else SPILLWAY_BUNDLE); watched as well
  --kubernetes serve the objects of a cluster (KUBECONFIG, else the pod's service account, else ~/.kube/config), follow
               them, and write their status; manifests or a bundle named besides serve until the cluster has answered
  --port       port to listen on (else PORT, else 8787; 0 takes a free one)
  --tls-port   port for the HTTPS listeners of the Gateways (else SPILLWAY_TLS_PORT; without it they are not served)
  --host       address to listen on (default 127.0.0.1; 0.0.0.0 in a container or where K_SERVICE is set)
  --grace      seconds that open calls get after SIGTERM (default 25)
  --quiet      no access log on standard output

environment: PORT, SPILLWAY_TLS_PORT, SPILLWAY_MANIFESTS, SPILLWAY_BUNDLE, SPILLWAY_REGION (where it runs, for RegionPolicy also.brokerRegion),
             SPILLWAY_AUDIT, SPILLWAY_AUDIT_LOG (audit log: a file or -), SPILLWAY_SINK_REGION, SPILLWAY_ANSWER_SINK_REGION,
             SPILLWAY_TELEMETRY_REGION, SPILLWAY_USAGE_REGION (where those are, for RegionPolicy also.eventSinks and also.telemetry),
             SPILLWAY_ADDRESS (hostname that --kubernetes writes into the status of Gateways),
             SPILLWAY_ADMIN_PORT (metrics and probes on a port of their own, without a credential), SPILLWAY_SECRETS_DIR,
             SPILLWAY_OVERLOAD (off: takes every call, however late the event loop and however short the memory is),
             K_SINK and K_CE_OVERRIDES (events), the standard OTEL_* variables,
             SPILLWAY_EVENT_LEASE (seconds, 1 to 600, default 30: an instance that is silent for so long loses the
             event that it works on to another)`;

/** `spillway serve`: runs until SIGTERM or SIGINT. */
export async function runServe(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions(
    args,
    {
      manifests: { type: "string", multiple: true, short: "m" },
      bundle: { type: "string" },
      kubernetes: { type: "boolean" },
      port: { type: "string", short: "p" },
      "tls-port": { type: "string" },
      host: { type: "string" },
      grace: { type: "string" },
      quiet: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
    true,
  );
  if (values.help === true) {
    print(HELP);
    return EXIT.good;
  }
  const { env } = process;
  let stop: (code: number) => void = (code) => process.exit(code);
  installLastResort((code) => stop(code));

  let loadedOnce = false;
  const onLoad = (compiled: Compiled, notices: readonly string[], remarks: readonly string[]): void => {
    reportLoad(compiled, loadedOnce);
    for (const notice of notices) warn(`spillway: a region lock refuses calls: ${notice}`);
    for (const remark of remarks) warn(`spillway: ${remark}`);
    loadedOnce ||= compiled.snapshot !== null;
  };
  const bundle = values.bundle ?? env["SPILLWAY_BUNDLE"] ?? null;
  const given = [...positionals, ...(values.manifests ?? [])];
  if (bundle !== null && given.length > 0) throw new CliError("either --bundle or --manifests: a bundle stands in the place of manifests");
  const kubernetes = values.kubernetes === true;
  const tlsPort = values["tls-port"] ?? env["SPILLWAY_TLS_PORT"];
  const server = await serve({
    bundle,
    kubernetes,
    manifests: bundle !== null ? [] : kubernetes ? givenPaths(given) : manifestPaths(given),
    port: parsePort(values.port ?? env["PORT"] ?? "8787", "--port"),
    tlsPort: tlsPort === undefined ? null : parsePort(tlsPort, values["tls-port"] === undefined ? "SPILLWAY_TLS_PORT" : "--tls-port"),
    host: values.host ?? (env["K_SERVICE"] === undefined && env["KUBERNETES_SERVICE_HOST"] === undefined ? "127.0.0.1" : "0.0.0.0"),
    adminPort: env["SPILLWAY_ADMIN_PORT"] === undefined ? null : parsePort(env["SPILLWAY_ADMIN_PORT"], "SPILLWAY_ADMIN_PORT"),
    graceMs: parseSeconds(values.grace ?? "25", "--grace"),
    environment: env,
    onLoad,
    onReadError: (error) => warn(`spillway: the manifests cannot be read: ${error.message}; what was served before is still served`),
    onClusterTrouble: (error) => warn(`spillway: kubernetes: ${error.message}`),
    onCertificateTrouble: (error) => warn(`spillway: certificate: ${error.message}; the last good one, if there was one, is still presented`),
    onFault: (id, error) => warn(`spillway: fault ${id} in a call, which was answered 500 if it had no answer: ${describeFault(error)}`),
    accessLog: values.quiet !== true,
  }).catch((error: unknown) => {
    throw listenFault(error) ?? error;
  });
  warn(`spillway: listening on ${server.url}${server.broker.ready() ? "" : " (not ready: no good manifests yet)"}`);

  if (server.tlsUrl !== null) warn(`spillway: listening on ${server.tlsUrl} for HTTPS listeners`);
  if (server.adminPort !== null) warn(`spillway: metrics and probes at port ${server.adminPort}, without a credential`);

  return new Promise((resolve) => {
    let stopping = false;
    let status: number = EXIT.good;
    stop = (code) => {
      // A fault while calls end is a fault all the same.
      status = Math.max(status, code);
      if (stopping) return;
      stopping = true;
      server.stop().then(
        () => resolve(status),
        () => resolve(EXIT.faults),
      );
    };
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => {
        if (stopping) return;
        warn(`spillway: ${signal}: no new calls, open ones may finish`);
        stop(EXIT.good);
      });
    }
  }).then((code) => {
    warn("spillway: stopped");
    // Sockets of callers that would not let go must not keep the process.
    process.exit(code as number); // resolve is only ever called with an exit status
  });
}

function reportLoad(compiled: Compiled, loadedBefore: boolean): void {
  const color = wantsColor(process.stderr);
  if (compiled.faults.length > 0) warn(formatFaults(compiled.faults, { color }));
  if (compiled.snapshot === null) {
    warn(
      loadedBefore
        ? "spillway: these manifests were not taken over; what was served before is still served"
        : "spillway: these manifests were not taken over; every call is refused until they are mended",
    );
    return;
  }
  const { snapshot } = compiled;
  const rules = snapshot.gateways.flatMap((gateway) => gateway.listeners.flatMap((listener) => listener.routes.rules));
  const refused = formatRefused(compiled.conditions, { color });
  warn(
    `spillway: manifests ${snapshot.id}: ${snapshot.gateways.length} Gateway, ${new Set(rules.map((rule) => rule.id)).size} rules, ${snapshot.backends.size} backends`,
  );
  if (refused !== "") warn(refused);
}

/** Why it cannot listen, in words, with what to do; null: it is something else. */
function listenFault(error: unknown): CliError | null {
  if (!(error instanceof Error) || !("syscall" in error) || (error.syscall !== "listen" && error.syscall !== "getaddrinfo")) return null;
  const code = "code" in error ? error.code : null;
  const where = "port" in error ? `port ${String(error.port)}${"address" in error ? ` of ${String(error.address)}` : ""}` : "the address";
  if (code === "EADDRINUSE")
    return new CliError(`${where} is taken: choose another with --port (metrics: SPILLWAY_ADMIN_PORT), or 0 for a free one`, EXIT.faults);
  if (code === "EACCES") return new CliError(`${where} may not be opened by this user: choose one from 1024 up with --port`, EXIT.faults);
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") return new CliError("--host is not an address of this machine", EXIT.faults);
  return null;
}
