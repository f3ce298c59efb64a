import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import type { StateNamespace, StateShard } from "../../adapters/state/durable-object-store.ts";
import { startWorkerd } from "./workerd.ts";

const root = resolve(import.meta.dirname, "../..");

/** The Durable Objects of the Worker, in workerd with its own SQLite; each call goes over the platform's RPC. */
export interface WorkerState {
  /** `down`: nobody there; `stalled`: it takes and does not answer. */
  mode: "up" | "down" | "stalled";
  readonly namespace: StateNamespace;
  /** Names of the objects that were asked. */
  readonly asked: Set<string>;
  /** Lets an object sweep, as its alarm does. Gives the number of entries that were taken out. */
  sweep(name: string): Promise<unknown>;
  close(): Promise<void>;
}

const DOOR = `
import { SpillwayState } from "${join(root, "adapters/cloudflare/spillway-state.ts")}";
export { SpillwayState };
export default {
  async fetch(request, bindings) {
    const { name, method, args } = await request.json();
    return Response.json({ answer: (await bindings.SPILLWAY_STATE.getByName(name)[method](...args)) ?? null });
  },
};
`;

export async function startWorkerState(): Promise<WorkerState> {
  const folder = await mkdtemp(join(tmpdir(), "spillway-state-"));
  await mkdir(join(folder, "disk"));
  await build({
    stdin: { contents: DOOR, resolveDir: root, loader: "js" },
    outfile: join(folder, "worker.js"),
    bundle: true,
    format: "esm",
    target: "es2023",
    external: ["cloudflare:workers"],
  });
  await writeFile(
    join(folder, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [ (name = "main", worker = .main), (name = "disk", disk = (path = "${join(folder, "disk")}", writable = true)) ],
  sockets = [ (name = "http", address = "127.0.0.1:0", http = (), service = "main") ] );
const main :Workerd.Worker = (
  modules = [ (name = "worker.js", esModule = embed "worker.js") ], compatibilityDate = "2026-11-01",
  durableObjectNamespaces = [ (className = "SpillwayState", uniqueKey = "state", enableSql = true) ],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [ (name = "SPILLWAY_STATE", durableObjectNamespace = "SpillwayState") ] );
`,
  );
  const workerd = await startWorkerd(join(folder, "config.capnp"), ["http"]);
  const url = `http://127.0.0.1:${workerd.ports.get("http")}/`;
  const fake = { mode: "up" as WorkerState["mode"] };
  const asked = new Set<string>();
  async function ask(name: string, method: string, args: readonly unknown[]): Promise<unknown> {
    asked.add(name);
    if (fake.mode === "down") throw new Error("Durable Object reset because its code was updated: sk-held");
    if (fake.mode === "stalled") return new Promise(() => {});
    const answer = await fetch(url, { method: "POST", body: JSON.stringify({ name, method, args }) });
    if (answer.status !== 200) throw new Error(`workerd answered ${answer.status}: ${workerd.stderr()}`);
    return ((await answer.json()) as { answer: unknown }).answer; // of the door above
  }
  const shard = (name: string): StateShard => ({
    // The object's own types, over JSON.
    read: (...args) => ask(name, "read", args) as ReturnType<StateShard["read"]>,
    write: (...args) => ask(name, "write", args) as ReturnType<StateShard["write"]>,
    erase: (...args) => ask(name, "erase", args) as ReturnType<StateShard["erase"]>,
  });
  const namespace: StateNamespace = {
    getByName: shard,
    jurisdiction: () => {
      throw new Error("Jurisdiction restrictions are not implemented in workerd.");
    },
  };
  return Object.assign(fake, {
    namespace,
    asked,
    sweep: (name: string) => ask(name, "sweep", []),
    close: async () => {
      await workerd.stop();
      await rm(folder, { recursive: true, force: true });
    },
  });
}
