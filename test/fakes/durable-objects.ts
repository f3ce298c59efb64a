import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { startWorkerd } from "./workerd.ts";

const root = resolve(import.meta.dirname, "../..");

/** The Durable Objects of one class of the Worker, in workerd with its own SQLite; each call goes over the platform's RPC. */
export interface DurableObjects {
  /** `down`: nobody there; `stalled`: it takes and does not answer. */
  mode: "up" | "down" | "stalled";
  /** Names of the objects that were asked. */
  readonly asked: Set<string>;
  /** Calls a method of an object by its name. */
  ask(name: string, method: string, args: readonly unknown[]): Promise<unknown>;
  close(): Promise<void>;
}

/** `file` is the one that exports the class, from the root of the repository. */
export async function startDurableObjects(className: string, file: string): Promise<DurableObjects> {
  const folder = await mkdtemp(join(tmpdir(), "spillway-objects-"));
  await mkdir(join(folder, "disk"));
  const door = `
import { ${className} } from "${join(root, file)}";
export { ${className} };
export default {
  async fetch(request, bindings) {
    const { name, method, args } = await request.json();
    return Response.json({ answer: (await bindings.OBJECTS.getByName(name)[method](...args)) ?? null });
  },
};
`;
  await build({
    stdin: { contents: door, resolveDir: root, loader: "js" },
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
  durableObjectNamespaces = [ (className = "${className}", uniqueKey = "objects", enableSql = true) ],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [ (name = "OBJECTS", durableObjectNamespace = "${className}") ] );
`,
  );
  const workerd = await startWorkerd(join(folder, "config.capnp"), ["http"]);
  const url = `http://127.0.0.1:${workerd.ports.get("http")}/`;
  const fake = { mode: "up" as DurableObjects["mode"] };
  const asked = new Set<string>();
  return Object.assign(fake, {
    asked,
    async ask(name: string, method: string, args: readonly unknown[]): Promise<unknown> {
      asked.add(name);
      if (fake.mode === "down") throw new Error("Durable Object reset because its code was updated: sk-held");
      if (fake.mode === "stalled") return new Promise(() => {});
      const answer = await fetch(url, { method: "POST", body: JSON.stringify({ name, method, args }) });
      if (answer.status !== 200) throw new Error(`workerd answered ${answer.status}: ${workerd.stderr()}`);
      return ((await answer.json()) as { answer: unknown }).answer; // of the door above
    },
    close: async () => {
      await workerd.stop();
      await rm(folder, { recursive: true, force: true });
    },
  });
}

/** workerd knows none. */
export function noJurisdiction(): never {
  throw new Error("Jurisdiction restrictions are not implemented in workerd.");
}
