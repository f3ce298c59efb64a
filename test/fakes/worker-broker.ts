import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { PLATFORMS } from "../../adapters/config/platforms.ts";
import { compile, writeBundle } from "../../src/index.ts";
import { startWorkerd } from "./workerd.ts";

const root = resolve(import.meta.dirname, "../..");

/** What `wrangler deploy` would upload. */
export interface WorkerBundle {
  readonly folder: string;
  /** File name of the code, and of every other module. */
  readonly files: readonly string[];
  readonly code: string;
  /** The sources that went into the code, and what the code still imports when it runs. */
  readonly inputs: readonly string[];
  readonly imports: readonly string[];
  remove(): Promise<void>;
}

interface Metafile {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, { readonly imports: readonly { readonly path: string }[] }>>;
}

/** Bundles the Worker as a deployment does, without a network or an account. */
export async function bundleWorker(): Promise<WorkerBundle> {
  const folder = await mkdtemp(join(tmpdir(), "spillway-worker-"));
  await promisify(execFile)(
    process.execPath,
    [join(root, "node_modules/wrangler/bin/wrangler.js"), "deploy", "--dry-run", "--outdir", folder, "--metafile", join(folder, "meta.json")],
    {
      cwd: root,
      env: { ...process.env, WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_LOG: "error", WRANGLER_HIDE_BANNER: "true" },
    },
  );
  const files = (await readdir(folder)).filter((name) => name.endsWith(".js") || name.endsWith(".bundle"));
  const meta = JSON.parse(await readFile(join(folder, "meta.json"), "utf8")) as Metafile; // esbuild's own format
  const outputs = Object.values(meta.outputs);
  return {
    folder,
    files,
    code: await readFile(join(folder, "worker.js"), "utf8"),
    inputs: Object.keys(meta.inputs),
    imports: outputs.flatMap((output) => output.imports.map(({ path }) => path)),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The Worker in workerd, the runtime that Cloudflare runs. */
export interface WorkerBroker {
  readonly url: string;
  /** Access-log lines so far, parsed. */
  calls(): readonly Record<string, unknown>[];
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
}

/** Runs the bundle. Its `fetch` is the platform's own; only the address of the world outside is the test's. */
export async function startWorkerBroker(options: WorkerBrokerOptions): Promise<WorkerBroker> {
  const { bundle, manifests, secrets, stored = {}, worldPort } = options;
  const settings = await readFile(join(root, "wrangler.toml"), "utf8");
  const folder = join(bundle.folder, `run-${crypto.randomUUID()}`);
  await mkdir(folder);
  for (const [name, value] of Object.entries(secrets)) await writeFile(join(folder, name), value);
  if (manifests !== null) await writeFile(join(folder, "manifests.bundle"), bundleText(manifests));
  const modules = bundle.files.map((name) => {
    if (name.endsWith(".js")) return `(name = "${name}", esModule = embed "../${name}")`;
    return `(name = "${name}", text = embed "${manifests === null ? `../${name}` : "manifests.bundle"}")`;
  });
  modules.sort((one, other) => Number(other.includes("esModule")) - Number(one.includes("esModule")));
  const bindings = [
    ...Object.keys(secrets).map((name) => `(name = "${name}", text = embed "${name}")`),
    ...Object.keys(stored).map((name) => `(name = "${name}", service = (name = "store", entrypoint = "${name}"))`),
  ];
  const store = Object.entries(stored).map(([name, value]) => `export class ${name} extends WorkerEntrypoint { get() { return ${JSON.stringify(value)}; } }`);
  await writeFile(join(folder, "store.js"), `import { WorkerEntrypoint } from "cloudflare:workers";\n${store.join("\n")}\nexport default {};\n`);
  await writeFile(
    join(folder, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main), (name = "store", worker = .store),
    (name = "world", external = (address = "127.0.0.1:${worldPort}", http = ())) ],
  sockets = [ (name = "http", address = "127.0.0.1:0", http = (), service = "main") ] );
const main :Workerd.Worker = (
  modules = [ ${modules.join(", ")} ],
  compatibilityDate = "${/^compatibility_date = "(.+)"$/m.exec(settings)?.[1]}",
  compatibilityFlags = ${/^compatibility_flags = (\[.+\])$/m.exec(settings)?.[1]},
  bindings = [ ${bindings.join(", ")} ], globalOutbound = "world" );
const store :Workerd.Worker = (
  modules = [ (name = "store.js", esModule = embed "store.js") ], compatibilityDate = "2026-11-01", globalOutbound = "world" );
`,
  );
  const workerd = await startWorkerd(join(folder, "config.capnp"), ["http"]);
  const port = workerd.ports.get("http");
  return {
    url: `http://127.0.0.1:${port}`,
    calls: () =>
      workerd
        .stdout()
        .split("\n")
        .filter((line) => line.startsWith("{") && line.includes('"request_id"'))
        .map((line) => JSON.parse(line) as Record<string, unknown>), // the test looks at single members
    stdout: workerd.stdout,
    stderr: workerd.stderr,
    stop: workerd.stop,
  };
}

/** What `spillway compile --platform workers` writes. */
export function bundleText(manifests: string): string {
  return writeBundle(compile([{ path: "manifests.yaml", text: manifests }], PLATFORMS.workers), PLATFORMS.workers);
}
