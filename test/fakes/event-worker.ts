import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { QueueBinding } from "../../adapters/events/queue-publisher.ts";

/** A Worker that only tells of itself (`event-worker-entry.ts`), in workerd, with a Queue that it fills and empties. */
export interface EventWorker {
  /** Gives the body of its answer. */
  call(path: string): Promise<string>;
  /** The Queue's producer, from outside. */
  readonly queue: QueueBinding;
  /** Bodies that its consumer was given and had not told of before. */
  received(): Promise<readonly Readonly<Record<string, unknown>>[]>;
  stop(): Promise<void>;
}

interface Miniflare {
  readonly ready: Promise<URL>;
  dispatchFetch(url: string): Promise<{ readonly status: number; text(): Promise<string> }>;
  getQueueProducer(name: string): Promise<QueueBinding>;
  dispose(): Promise<void>;
}

/** What of the package is used here; wrangler brings it. */
interface MiniflarePackage {
  readonly Miniflare: new (options: unknown) => Miniflare;
  convertV4MiniflareOptions(options: unknown): unknown;
}

/** `bindings`: variables by name; `queue`: the name under which the Worker sees the Queue, null: not at all. */
export async function startEventWorker(bindings: Readonly<Record<string, string>>, queue: string | null): Promise<EventWorker> {
  const folder = await mkdtemp(join(tmpdir(), "spillway-events-"));
  const outfile = join(folder, "worker.js");
  await build({
    entryPoints: [fileURLToPath(new URL("./event-worker-entry.ts", import.meta.url))],
    outfile,
    bundle: true,
    format: "esm",
    target: "es2023",
    logLevel: "error",
  });
  const fromWrangler = createRequire(createRequire(import.meta.url).resolve("wrangler"));
  const { Miniflare, convertV4MiniflareOptions } = fromWrangler("miniflare") as MiniflarePackage; // named above
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: [{ type: "ESModule", path: "worker.js", contents: await readFile(outfile, "utf8") }],
      compatibilityDate: "2026-11-01",
      compatibilityFlags: ["no_nodejs_compat"],
      bindings,
      queueProducers: { OUTSIDE: "events", ...(queue === null ? {} : { [queue]: "events" }) },
      queueConsumers: { events: { maxBatchSize: 100, maxBatchTimeout: 0 } },
      cf: false,
      telemetry: { enabled: false },
    }),
  );
  await miniflare.ready;
  const call = async (path: string): Promise<string> => {
    const answer = await miniflare.dispatchFetch(`http://worker.test${path}`);
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${text}`);
    return text;
  };
  const outside = await miniflare.getQueueProducer("OUTSIDE");
  return {
    call,
    queue: outside,
    // A Queue's binding takes arrays as they are.
    received: async () => JSON.parse(await call("/received")) as readonly Readonly<Record<string, unknown>>[],
    stop: async () => {
      await miniflare.dispose();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
