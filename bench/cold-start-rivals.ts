import { spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { bundleText, bundleWorker } from "../test/fakes/worker-broker.ts";
import { type ColdGroup, type ColdRival, cleanEnvironment, type FirstCall, sampleServer, startQuietly } from "./cold-start-sample.ts";
import type { ColdWorld } from "./cold-start-world.ts";
import { freePort } from "./processes.ts";

/** The broker is there, and has called nobody. */
const READY: FirstCall = { method: "GET", path: "/-/readyz", headers: {}, body: "", expected: "ready" };
/** Node and nothing else. */
const ONE_LINER = `require("node:http").createServer((request, response) => response.end("hello")).listen(Number(process.env.PORT), "127.0.0.1")`;

/** The built server, from manifests and from a bundle, without and with a collector, by each kind of token; and with Node's compile cache filled. */
export async function nodeGroup(dist: string, folder: string, world: ColdWorld): Promise<ColdGroup> {
  const entry = join(dist, "spillway.js");
  const yaml = join(folder, "bench.yaml");
  const bundle = join(folder, "bench.bundle");
  await writeFile(yaml, world.manifests(true));
  run([entry, "compile", "--manifests", yaml, "-o", bundle]);
  const otlp = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${world.port}`, OTEL_SERVICE_NAME: "spillway-bench" };
  // Killed at the end of each round, it never writes one.
  const without = { NODE_COMPILE_CACHE: join(folder, "empty"), NODE_DISABLE_COMPILE_CACHE: "1" };
  const broker = (name: string, from: readonly string[], env: Readonly<Record<string, string>>, call: FirstCall = world.call): ColdRival =>
    node(name, [entry, "serve", ...from], { ...world.secrets, ...env }, call);
  const fromBundle = ["--bundle", bundle];
  return {
    title: "Node: from the start of the process to the answer of a chat call that went to the provider",
    rivals: [
      node("bare node:http", ["-e", ONE_LINER], {}, { ...world.call, expected: "hello" }),
      broker("bundle", fromBundle, {}),
      broker("bundle, no compile cache", fromBundle, without),
      broker("bundle, signed token", fromBundle, {}, world.signedCall),
      broker("bundle, ready", fromBundle, {}, READY),
      broker("bundle, OTLP", fromBundle, otlp),
      broker("manifests", ["--manifests", yaml], {}),
      broker("manifests, OTLP", ["--manifests", yaml], otlp),
    ],
    remove: async () => {},
  };
}

function node(name: string, args: readonly string[], env: Readonly<Record<string, string>>, call: FirstCall): ColdRival {
  return {
    name,
    start: async () => {
      const port = await freePort();
      const start = () => startQuietly(process.execPath, args, { ...env, PORT: String(port) });
      return sampleServer(start, port, call);
    },
  };
}

/** What `wrangler deploy` would upload, in workerd itself, beside a Worker that says hello. */
export async function workerdGroup(folder: string, world: ColdWorld): Promise<ColdGroup> {
  const built = await bundleWorker();
  const hello = join(folder, "hello");
  await mkdir(hello);
  await writeFile(join(hello, "hello.js"), `export default { fetch() { return new Response("hello"); } };\n`);
  const out = join(folder, "out");
  await mkdir(out);
  await writeFile(
    join(out, "fetch.js"),
    `export default { fetch(request) { return fetch("http://provider.bench.example/v1/chat/completions", { method: "POST", headers: request.headers, body: request.body }); } };\n`,
  );
  await writeFile(join(built.folder, "bench.bundle"), bundleText(world.manifests(false)));
  const modules = built.files
    .map((name) => (name.endsWith(".js") ? `(name = "${name}", esModule = embed "${name}")` : `(name = "${name}", text = embed "bench.bundle")`))
    .toSorted((one, other) => Number(other.includes("esModule")) - Number(one.includes("esModule")));
  const bindings = Object.entries(world.secrets).map(([name, value]) => `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(value)})`);
  return {
    title: "workerd: from the start of the process to the answer",
    rivals: [
      await workerd("hello-world Worker", hello, `modules = [ (name = "hello.js", esModule = embed "hello.js") ]`, world, { ...world.call, expected: "hello" }),
      // What of the rest is the platform's own: the first connection out, and handing on.
      await workerd("a fetch of the provider", out, `modules = [ (name = "fetch.js", esModule = embed "fetch.js") ]`, world, world.call),
      await workerd("the broker, ready", built.folder, `modules = [ ${modules.join(", ")} ], bindings = [ ${bindings.join(", ")} ]`, world, READY),
      await workerd("the broker", built.folder, `modules = [ ${modules.join(", ")} ], bindings = [ ${bindings.join(", ")} ]`, world, world.call),
    ],
    remove: built.remove,
  };
}

async function workerd(name: string, folder: string, worker: string, world: ColdWorld, call: FirstCall): Promise<ColdRival> {
  const port = await freePort();
  const configuration = join(folder, `${port}.capnp`);
  await writeFile(
    configuration,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [ (name = "main", worker = .main), (name = "world", external = (address = "127.0.0.1:${world.port}", http = ())) ],
  sockets = [ (name = "http", address = "127.0.0.1:${port}", http = (), service = "main") ] );
const main :Workerd.Worker = (
  ${worker},
  compatibilityDate = "2026-11-01", compatibilityFlags = ["enable_request_signal", "no_nodejs_compat"], globalOutbound = "world" );
`,
  );
  const program: unknown = createRequire(createRequire(import.meta.url).resolve("wrangler"))("workerd").default;
  if (typeof program !== "string") throw new Error("wrangler brings no workerd");
  const start = () => startQuietly(program, ["serve", configuration, "--experimental"], {});
  return { name, start: () => sampleServer(start, port, call) };
}

function run(args: readonly string[]): void {
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", env: cleanEnvironment() });
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}: ${stderr}`);
}
