import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleWorker, type WorkerBundle } from "./fakes/worker-broker.ts";

interface Metafile {
  readonly outputs: Readonly<
    Record<
      string,
      {
        readonly entryPoint?: string;
        readonly inputs: Readonly<Record<string, unknown>>;
        readonly imports: readonly { readonly path: string; readonly kind: string }[];
      }
    >
  >;
}

const root = join(import.meta.dirname, "..");
const { outputs } = JSON.parse(readFileSync(join(root, "dist/meta.json"), "utf8")) as Metafile;

/** All files that are read before a command can run: the entry and what it imports statically. */
function loadedWith(entryPoint: string): readonly string[] {
  const start = Object.keys(outputs).find((path) => outputs[path]?.entryPoint === entryPoint);
  if (start === undefined) throw new Error(`no output for ${entryPoint}`);
  const seen = new Set<string>([start]);
  for (const path of seen) {
    for (const { path: imported, kind } of outputs[path]?.imports ?? []) if (kind === "import-statement" && imported in outputs) seen.add(imported);
  }
  return [...seen];
}

const inputsOf = (files: readonly string[]) => files.flatMap((file) => Object.keys(outputs[file]?.inputs ?? {}));
const textOf = (files: readonly string[]) => files.map((file) => readFileSync(join(root, file), "utf8"));
const KIB = 1024;
/** Files that are there before the cache is. */
const MAIN = 3;

describe("the bundle of the Node server", () => {
  const serving = loadedWith("cli/serve.ts");

  it("sees the files", () => {
    expect(inputsOf(serving)).toContain("src/pipeline.ts");
    expect(inputsOf(serving).some((input) => input.includes("node_modules/undici"))).toBe(true);
  });

  it.each([
    ...[
      "@aws-sdk",
      "@smithy",
      "@google-cloud",
      "google-gax",
      "@grpc",
      "protobufjs",
      "@opentelemetry/sdk",
      "@opentelemetry/exporter",
      "ioredis",
      "@kubernetes",
      "@pydantic",
    ],
    // What reads manifests, which a bundle does not need.
    ...["yaml", "zod", "re2js"],
    // Node's fetch in another form: a request of the admin pages loads it.
    ...["@hono/node-server", "undici/lib/web", "undici/lib/mock", "undici/lib/cache", "undici/lib/interceptor", "undici/lib/dispatcher/client-h2"],
    // A parser for processors without vector instructions; what only a page, a flow for tokens or a signature needs.
    ...["undici/lib/llhttp/llhttp-wasm.js", "hono", "oauth4webapi", "aws4fetch", "jose/dist/webapi/jwt/sign"],
  ])("starts without %s: loaded on first use only", (library) => {
    expect(inputsOf(serving).filter((input) => input.includes(`node_modules/${library}`))).toEqual([]);
  });

  it.each([
    ...["src/explain/prove.ts", "src/explain/explain.ts", "src/events/event-desk.ts", "src/listener/admin-app.ts", "src/credentials/tokens/oauth-client.ts"],
    ...["src/console/create-console.ts", "src/pages/console-data.ts", "src/ledger/create-ledger.ts", "src/ledger/answer-page.ts"],
    ...["adapters/events/node-sinks.ts", "adapters/state/redis-store.ts", "adapters/state/dynamodb-store.ts"],
    ...["adapters/usage/memory-store.ts", "adapters/usage/redis-store.ts", "adapters/usage/dynamodb-store.ts", "adapters/redis/open-client.ts"],
  ])("starts without %s, which is there all the same", (file) => {
    expect(inputsOf(serving)).not.toContain(file);
    expect(inputsOf(Object.keys(outputs))).toContain(file);
  });

  it("can load the AWS SDK and OTLP when they are wanted", () => {
    const all = inputsOf(Object.keys(outputs));
    expect(all.some((input) => input.includes("@aws-sdk/client-secrets-manager"))).toBe(true);
    expect(all.some((input) => input.includes("@opentelemetry/exporter-trace-otlp-http"))).toBe(true);
  });

  // Of it 14 KiB are what limits, prices and usage need of every call; all else of them loads with the first call that wants it.
  it("reads less than 794 KiB, in eight files at most, and 236 KiB gzipped", () => {
    const texts = textOf(serving);
    expect(texts.reduce((sum, text) => sum + text.length, 0)).toBeLessThan(794 * KIB);
    expect(texts.reduce((sum, text) => sum + gzipSync(text).byteLength, 0)).toBeLessThan(236 * KIB);
    expect(serving.length).toBeLessThanOrEqual(8);
  });

  it("imports no module of Node but by getBuiltinModule: an import of node:http alone starts Node's whole fetch", () => {
    const all = Object.keys(outputs).filter((path) => path.endsWith(".js"));
    const imported = all.flatMap((path) => outputs[path]?.imports ?? []).filter(({ path, kind }) => !(path in outputs) && kind !== "require-call");
    expect(imported.map(({ path }) => path)).toEqual([]);
    expect(textOf(all).filter((text) => /\.(?:WebSocket|CloseEvent|MessageEvent)\)\(\)/.test(text))).toEqual([]);
  });

  it("has the compile cache of this very Node beside it, filled", () => {
    const [version, ...others] = readdirSync(join(root, "dist/compile-cache"));
    expect(version).toContain(process.version);
    expect(others).toEqual([]);
    expect(readdirSync(join(root, "dist/compile-cache", version ?? "")).length).toBeGreaterThanOrEqual(serving.length - MAIN);
  });

  it("says its help without loading the broker", () => {
    expect(inputsOf(loadedWith("cli/main.ts")).filter((input) => input.startsWith("src/"))).toEqual([]);
  });
});

describe("the bundle of the Worker, as wrangler would upload it", () => {
  let worker: WorkerBundle;
  beforeAll(async () => {
    worker = await bundleWorker();
  });
  afterAll(() => worker.remove());

  // All in one file, so that what other platforms load on first use counts here: translation between APIs is 35 KiB of it, limits, costs and the records of usage 35, both evaluated when first wanted.
  it("is minified and at most 232 KiB gzipped", () => {
    expect(gzipSync(worker.code).byteLength).toBeLessThanOrEqual(232 * KIB);
    expect(worker.code.length / worker.code.split("\n").length).toBeGreaterThan(1_000);
  });

  it("imports nothing of Node's", () => {
    expect(worker.imports.filter((path) => path.startsWith("node:"))).toEqual([]);
    // By its truth: a failure must not print the code.
    expect(/["'`]node:[a-z]/.test(worker.code)).toBe(false);
  });

  it.each(["undici", "yaml", "zod", "re2js", "ioredis", "@aws-sdk", "@smithy", "@google-cloud", "google-gax", "@grpc", "protobufjs", "@hono/node-server"])(
    "is made without %s",
    (library) => {
      expect(worker.inputs).not.toEqual([]);
      expect(worker.inputs.filter((input) => input.includes(`node_modules/${library}`))).toEqual([]);
    },
  );
});

describe("the page at /-/console", () => {
  it("is two files of at most 60 KiB gzipped together, with nothing from elsewhere", () => {
    const [script = "", style = ""] = textOf(["dist/console-script.js", "dist/console-style.css"]);
    expect(gzipSync(script).byteLength + gzipSync(style).byteLength).toBeLessThan(60 * KIB);
    expect(script.length).toBeGreaterThan(10 * KIB);
    // Names of XML namespaces are no addresses that anybody asks.
    expect(`${script}${style}`.match(/https?:\/\/(?!www\.w3\.org\/)[^\s"'`)]+/g) ?? []).toEqual([]);
    expect(style).not.toContain("@import");
    expect(style).not.toMatch(/url\(/);
  });
});
