import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { PLATFORMS } from "../../adapters/config/platforms.ts";
import { compile, writeBundle } from "../../src/compiler.ts";
import { onceARun } from "./once-a-run.ts";
import { startWorkerd } from "./workerd.ts";

const root = resolve(import.meta.dirname, "../..");

/** What `wrangler deploy` would upload. */
export interface WorkerBundle {
  readonly folder: string;
  /** File name of the code, and of every other module. */
  readonly files: readonly string[];
  readonly code: string;
  /** The sources of which something went into the code, and what the code still imports when it runs. */
  readonly inputs: readonly string[];
  readonly imports: readonly string[];
  remove(): Promise<void>;
}

interface Output {
  readonly inputs: Readonly<Record<string, { readonly bytesInOutput: number }>>;
  readonly imports: readonly { readonly path: string }[];
}

interface Metafile {
  readonly outputs: Readonly<Record<string, Output>>;
}

/** Bundles the Worker as a deployment does, without a network or an account, and once for all files of a test run. `environment` is one of wrangler.toml's; empty: none of them. */
export async function bundleWorker(environment = ""): Promise<WorkerBundle> {
  const shared = await onceARun(`worker-${environment}`, (into) => bundleInto(into, environment));
  const folder = shared ?? (await mkdtemp(join(tmpdir(), "spillway-worker-")));
  if (shared === null) await bundleInto(folder, environment);
  const files = (await readdir(folder)).filter((name) => name.endsWith(".js") || name.endsWith(".bundle"));
  const meta = JSON.parse(await readFile(join(folder, "meta.json"), "utf8")) as Metafile; // esbuild's own format
  const outputs = Object.values(meta.outputs);
  return {
    folder,
    files,
    code: await readFile(join(folder, "worker.js"), "utf8"),
    inputs: outputs.flatMap((output) => Object.entries(output.inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : []))),
    imports: outputs.flatMap((output) => output.imports.map(({ path }) => path)),
    remove: async () => {
      if (shared === null) await rm(folder, { recursive: true, force: true });
    },
  };
}

async function bundleInto(folder: string, environment: string): Promise<void> {
  await promisify(execFile)(
    process.execPath,
    [
      join(root, "node_modules/wrangler/bin/wrangler.js"),
      "deploy",
      "--dry-run",
      `--env=${environment}`,
      "--outdir",
      folder,
      "--metafile",
      join(folder, "meta.json"),
    ],
    {
      cwd: root,
      env: { ...process.env, WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_LOG: "error", WRANGLER_HIDE_BANNER: "true" },
    },
  );
}

/** The Worker in workerd, the runtime that Cloudflare runs. */
export interface WorkerBroker {
  readonly url: string;
  /** Access-log lines so far, parsed. */
  calls(): readonly Record<string, unknown>[];
  /** Hands the Worker a batch of a queue, as the platform does. */
  queue(name: string, messages: readonly { readonly id: string; readonly body: unknown; readonly attempts?: number }[]): Promise<QueueResult>;
  /** Runs the cron trigger. */
  cron(): Promise<{ readonly outcome: string }>;
  stdout(): string;
  stderr(): string;
  stop(): Promise<void>;
}

export interface WorkerBrokerOptions {
  readonly bundle: WorkerBundle;
  /** YAML, compiled as a deployment does. Null: the manifests that the repository's Worker is deployed with. */
  readonly manifests: string | null;
  /** Worker secrets by name. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Secrets of a Secrets Store by name: bindings with `get()`. */
  readonly stored?: Readonly<Record<string, string>>;
  /** Where every outgoing connection arrives, whatever its host: a port of loopback. */
  readonly worldPort: number;
  /** Port of the KV namespace `SPILLWAY_MANIFESTS` (`startFakeNamespace`); left out: it is not bound. */
  readonly namespacePort?: number;
  /** Durable Objects at `SPILLWAY_STATE`, gone with the process. */
  readonly state?: boolean;
  /** The same for limits and usage at `SPILLWAY_USAGE`. */
  readonly usage?: boolean;
  /** Further bindings, and the services that they need, as workerd's configuration has them. */
  readonly extra?: { readonly bindings: readonly string[]; readonly services: readonly string[] };
}

/** What became of a message of a queue. */
export interface QueueResult {
  readonly outcome: string;
  readonly explicitAcks: readonly string[];
  readonly retryMessages: readonly { readonly msgId: string; readonly delaySeconds?: number }[];
}

/** Delivers what a platform would. */
const DOOR = `
export default {
  async fetch(request, { MAIN }) {
    const { queue, messages } = await request.json();
    if (queue === undefined) return Response.json(await MAIN.scheduled({ cron: "* * * * *" }));
    return Response.json(await MAIN.queue(queue, messages.map(({ id, body, attempts = 1 }) => ({ id, body, attempts, timestamp: new Date() }))));
  },
};
`;

/** Runs the bundle. Its `fetch` is the platform's own; only the address of the world outside is the test's. */
export async function startWorkerBroker(options: WorkerBrokerOptions): Promise<WorkerBroker> {
  const {
    bundle,
    manifests,
    secrets,
    stored = {},
    worldPort,
    namespacePort = null,
    state = false,
    usage = false,
    extra = { bindings: [], services: [] },
  } = options;
  const settings = await readFile(join(root, "wrangler.toml"), "utf8");
  const folder = join(bundle.folder, `run-${crypto.randomUUID()}`);
  await mkdir(folder);
  for (const [name, value] of Object.entries(secrets)) await writeFile(join(folder, name), value);
  if (manifests !== null) await writeFile(join(folder, "manifests.bundle"), bundleText(manifests));
  const modules = bundle.files.map((name) => {
    if (name.endsWith(".js")) return `(name = "${name}", esModule = embed "../${name}")`;
    const isOurs = manifests !== null && name.endsWith("-manifests.bundle");
    return `(name = "${name}", text = embed "${isOurs ? "manifests.bundle" : `../${name}`}")`;
  });
  modules.sort((one, other) => Number(other.includes("esModule")) - Number(one.includes("esModule")));
  const bindings = [
    ...Object.keys(secrets).map((name) => `(name = "${name}", text = embed "${name}")`),
    ...Object.keys(stored).map((name) => `(name = "${name}", service = (name = "store", entrypoint = "${name}"))`),
    ...(namespacePort === null ? [] : ['(name = "SPILLWAY_MANIFESTS", kvNamespace = "kv")']),
    ...(state ? ['(name = "SPILLWAY_STATE", durableObjectNamespace = "SpillwayState")'] : []),
    ...(usage ? ['(name = "SPILLWAY_USAGE", durableObjectNamespace = "SpillwayUsage")'] : []),
    ...extra.bindings,
  ];
  const services = [...(namespacePort === null ? [] : [`(name = "kv", external = (address = "127.0.0.1:${namespacePort}", http = ()))`]), ...extra.services];
  await mkdir(join(folder, "disk"));
  await writeFile(join(folder, "door.js"), DOOR);
  const store = Object.entries(stored).map(([name, value]) => `export class ${name} extends WorkerEntrypoint { get() { return ${JSON.stringify(value)}; } }`);
  await writeFile(join(folder, "store.js"), `import { WorkerEntrypoint } from "cloudflare:workers";\n${store.join("\n")}\nexport default {};\n`);
  await writeFile(
    join(folder, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main), (name = "store", worker = .store),
    (name = "world", external = (address = "127.0.0.1:${worldPort}", http = ())),
    (name = "door", worker = .door), (name = "disk", disk = (path = "${join(folder, "disk")}", writable = true)),
    ${services.join(", ")} ],
  sockets = [
    (name = "http", address = "127.0.0.1:0", http = (cfBlobHeader = "test-cf"), service = "main"),
    (name = "door", address = "127.0.0.1:0", http = (), service = "door") ] );
const main :Workerd.Worker = (
  modules = [ ${modules.join(", ")} ],
  compatibilityDate = "${/^compatibility_date = "(.+)"$/m.exec(settings)?.[1]}",
  compatibilityFlags = ${/^compatibility_flags = (\[.+\])$/m.exec(settings)?.[1]},
  durableObjectNamespaces = [
    (className = "SpillwayState", uniqueKey = "state", enableSql = true), (className = "SpillwayUsage", uniqueKey = "usage", enableSql = true) ],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [ ${bindings.join(", ")} ], globalOutbound = "world" );
const door :Workerd.Worker = (
  modules = [ (name = "door.js", esModule = embed "door.js") ], compatibilityDate = "2026-11-01",
  compatibilityFlags = ["service_binding_extra_handlers"], bindings = [ (name = "MAIN", service = "main") ] );
const store :Workerd.Worker = (
  modules = [ (name = "store.js", esModule = embed "store.js") ], compatibilityDate = "2026-11-01", globalOutbound = "world" );
`,
  );
  const workerd = await startWorkerd(join(folder, "config.capnp"), ["http", "door"]);
  const port = workerd.ports.get("http");
  const door = async (call: object): Promise<unknown> =>
    (await fetch(`http://127.0.0.1:${workerd.ports.get("door")}/`, { method: "POST", body: JSON.stringify(call) })).json();
  return {
    url: `http://127.0.0.1:${port}`,
    calls: () =>
      workerd
        .stdout()
        .split("\n")
        .filter((line) => line.startsWith("{") && line.includes('"request_id"'))
        .map((line) => JSON.parse(line) as Record<string, unknown>), // the test looks at single members
    // What workerd itself answers to its service bindings.
    queue: (name, messages) => door({ queue: name, messages }) as Promise<QueueResult>,
    cron: () => door({}) as Promise<{ outcome: string }>,
    stdout: workerd.stdout,
    stderr: workerd.stderr,
    stop: workerd.stop,
  };
}

/** What `spillway compile --platform workers` writes. */
export function bundleText(manifests: string): string {
  return writeBundle(compile([{ path: "manifests.yaml", text: manifests }], PLATFORMS.workers), PLATFORMS.workers);
}
