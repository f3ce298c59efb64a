import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";

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
const gzipped = (files: readonly string[]) => files.reduce((sum, file) => sum + gzipSync(readFileSync(join(root, file))).byteLength, 0);

describe("the bundle of the Node server", () => {
  const serving = loadedWith("cli/serve.ts");

  it("sees the files", () => {
    expect(inputsOf(serving)).toContain("src/pipeline.ts");
    expect(inputsOf(serving).some((input) => input.includes("node_modules/undici"))).toBe(true);
  });

  it.each(["@aws-sdk", "@smithy", "@google-cloud", "google-gax", "@grpc", "protobufjs", "@opentelemetry/sdk", "@opentelemetry/exporter"])(
    "starts without %s: loaded on first use only",
    (library) => {
      expect(inputsOf(serving).filter((input) => input.includes(`node_modules/${library}`))).toEqual([]);
    },
  );

  it("can load the AWS SDK and OTLP when they are wanted", () => {
    const all = inputsOf(Object.keys(outputs));
    expect(all.some((input) => input.includes("@aws-sdk/client-secrets-manager"))).toBe(true);
    expect(all.some((input) => input.includes("@opentelemetry/exporter-trace-otlp-http"))).toBe(true);
  });

  it("stays below 440 KiB gzipped", () => {
    expect(gzipped(serving)).toBeLessThan(440 * 1024);
  });

  it("says its help without loading the broker", () => {
    expect(inputsOf(loadedWith("cli/main.ts")).filter((input) => input.startsWith("src/"))).toEqual([]);
  });
});
