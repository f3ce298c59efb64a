import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

interface Metafile {
  readonly outputs: Readonly<
    Record<
      string,
      {
        readonly entryPoint?: string;
        readonly inputs: Readonly<Record<string, { readonly bytesInOutput: number }>>;
        readonly imports: readonly { readonly path: string; readonly kind: string; readonly external?: boolean }[];
      }
    >
  >;
}

const root = join(import.meta.dirname, "..");
const { outputs } = JSON.parse(readFileSync(join(root, "dist/meta-lambda.json"), "utf8")) as Metafile; // esbuild's own format
const inputsOf = (files: readonly string[]) =>
  files.flatMap((file) => Object.entries(outputs[file]?.inputs ?? {}).flatMap(([input, { bytesInOutput }]) => (bytesInOutput > 0 ? input : [])));

/** All files that are read before a call can be taken. */
function loadedAtStart(): readonly string[] {
  const seen = new Set(Object.keys(outputs).filter((path) => outputs[path]?.entryPoint === "adapters/lambda/index.ts"));
  for (const path of seen) {
    for (const { path: imported, kind } of outputs[path]?.imports ?? []) if (kind === "import-statement" && imported in outputs) seen.add(imported);
  }
  return [...seen];
}

describe("the package of the Lambda function", () => {
  const start = loadedAtStart();
  let folder: string;
  beforeAll(() => {
    // Where there is no node_modules, as in a function.
    folder = mkdtempSync(join(tmpdir(), "spillway-package-"));
    cpSync(join(root, "dist/lambda"), folder, { recursive: true });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const run = async (code: string): Promise<string> => {
    const env = { PATH: process.env["PATH"] ?? "", METADATA_SERVER_DETECTION: "none", AWS_EC2_METADATA_DISABLED: "true" };
    return (await promisify(execFile)(process.execPath, ["--input-type=module", "-e", code], { cwd: folder, env })).stdout.trim();
  };

  it("sees the files", () => {
    expect(inputsOf(start)).toContain("src/pipeline.ts");
    expect(inputsOf(start).some((input) => input.includes("node_modules/undici"))).toBe(true);
  });

  it.each([
    "@aws-sdk",
    "@smithy",
    "@google-cloud",
    "google-gax",
    "@grpc",
    "protobufjs",
    "@opentelemetry/sdk",
    "@opentelemetry/exporter",
    "ioredis",
    "@pydantic",
    "yaml",
    "zod",
    "re2js",
  ])("starts without %s: loaded on first use only", (library) => {
    expect(inputsOf(start).filter((input) => input.includes(`node_modules/${library}/`))).toEqual([]);
  });

  it("starts without the compiler, fetch and WebSockets of undici, what takes events, admin pages, flows for tokens, and anything of other platforms", () => {
    expect(
      inputsOf(start).filter((input) =>
        /src\/(?:config\/(?:compile|parse|validate)|prove|explain|events\/event-desk|listener\/admin-app|credentials\/tokens\/(?!token-store))|undici\/lib\/(?:web\/(?:fetch\/index|websocket)|mock|cache|llhttp\/llhttp-wasm)|hono\/|oauth4webapi|jose\/dist\/webapi\/jwt\/sign|adapters\/(?:knative|cloudflare|state\/(?:redis-store|dynamodb)|events\/node-sinks)/.test(
          input,
        ),
      ),
    ).toEqual([]);
  });

  it("needs nothing that is not in it or in Node", () => {
    const external = Object.values(outputs).flatMap(({ imports }) => imports.flatMap(({ path, external }) => (external === true ? path : [])));
    const own = new Set([...readdirSync(folder)].map((name) => `./${name}`));
    expect([...new Set(external)].filter((path) => !own.has(path) && !isBuiltin(path))).toEqual([]);
  });

  it("holds no source map, and stays below 226 KiB gzipped at its start, in four files at most, and 2.5 MiB in all", () => {
    const files = readdirSync(folder);
    expect(files.filter((name) => name.endsWith(".map"))).toEqual([]);
    const size = (names: readonly string[]) => names.reduce((sum, name) => sum + gzipSync(readFileSync(join(folder, name))).byteLength, 0);
    expect(size(start.map((path) => path.slice("dist/lambda/".length)))).toBeLessThan(226 * 1024);
    expect(start.length).toBeLessThanOrEqual(4);
    expect(size(files)).toBeLessThan(2.5 * 1024 * 1024);
  });

  it("has Google's client with its names, and what it looks for beside itself", async () => {
    const chunk = Object.keys(outputs).find((path) => outputs[path]?.entryPoint?.startsWith("google:"));
    const told = await run(`
      const { SecretManagerServiceClient } = await import("./${chunk?.slice("dist/lambda/".length)}");
      const client = new SecretManagerServiceClient({ apiEndpoint: "localhost", port: 1, projectId: "p", credentials: { client_email: "a@b", private_key: "none" } });
      await client.accessSecretVersion({ name: "projects/p/secrets/s/versions/latest" }, { timeout: 300, retry: null }).catch((error) => console.log(error.code ?? error.message));
      process.exit(0);`);
    // A code of gRPC: it came as far as its credentials or the network.
    expect(told).toMatch(/^\d+$/);
  });

  it("loads where there is no runtime client of Lambda, and its streaming handler then says so", async () => {
    const told = await run(`
      import { writeFileSync } from "node:fs";
      writeFileSync("m.yaml", "apiVersion: v1\\nkind: Namespace\\nmetadata: {name: a}\\n");
      process.env.SPILLWAY_MANIFESTS = "m.yaml";
      const { handler, events } = await import("./index.mjs");
      await handler({}, null, {}).catch((error) => console.log(error.message));
      console.log((await events({ httpMethod: "GET", path: "/-/healthz", headers: { host: "a" }, requestContext: { elb: {} } }, { getRemainingTimeInMillis: () => 1000 })).statusCode);
      process.exit(0);`);
    expect(told).toMatch(/^this handler streams, and there is no runtime client/);
    expect(told).toMatch(/^200$/m);
  });
});
