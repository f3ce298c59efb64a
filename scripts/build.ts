// Bundles into dist/: the command line (and with it the Node server), and the Lambda function in dist/lambda/. Cloud SDKs stay apart and load on first use; nothing is left outside, so that
// neither needs node_modules where it runs.
import { execFile } from "node:child_process";
import { chmod, readFile, rm, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { type BuildOptions, build } from "esbuild";
import { builtinsWithoutImport } from "./build/builtins-without-import.ts";
import { writeConsolePage } from "./build/console-page.ts";
import { kubernetesWithoutModels } from "./build/kubernetes-without-models.ts";
import { namesOfGoogleClient } from "./build/names-of-google-client.ts";
import { oneStart } from "./build/one-start.ts";
import { undiciFallbackApart } from "./build/undici-fallback-apart.ts";
import { undiciWithoutUnused } from "./build/undici-without-unused.ts";
import { withoutColours } from "./build/without-colours.ts";

const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };

const onNode: BuildOptions = {
  bundle: true,
  metafile: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node22",
  // ES modules where a package has both: CommonJS loaded by import() would come as a default export only, without the names that the types promise.
  mainFields: ["module", "main"],
  // Not the names: they are a hundredth of a start, and a stack in a log must be readable.
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "external",
  // Names of files go into names of chunks: node_modules is node_modules, wherever it lies.
  preserveSymlinks: true,
  // For what was CommonJS: nearly always a module of Node, or a file beside itself. In every file, so that it must cost nothing where it is not called.
  banner: {
    js: "const __filename = import.meta.filename, __dirname = import.meta.dirname, require = (name) => process.getBuiltinModule(name) ?? process.getBuiltinModule('node:module').createRequire(import.meta.url)(name);",
  },
  // build/one-start.ts imports for a place in the sets, and takes nothing from there.
  logOverride: { "ignored-bare-import": "silent" },
  define: { SPILLWAY_VERSION: JSON.stringify(version) },
};

const plugins = [builtinsWithoutImport, undiciWithoutUnused, undiciFallbackApart, kubernetesWithoutModels, namesOfGoogleClient, withoutColours];

await rm("dist", { recursive: true, force: true });
const { metafile } = await build({
  ...onNode,
  plugins: [...plugins, oneStart("cli/serve.ts")],
  entryPoints: { spillway: "cli/spillway.ts" },
  outdir: "dist",
  sourcemap: "linked",
});
await chmod("dist/spillway.js", 0o755);
// What went into which file, for test/bundle.test.ts.
await writeFile("dist/meta.json", JSON.stringify(metafile));
// Node writes its compile cache at a clean end of a process that has loaded the files: all of ours, and nothing of the cloud SDKs. cli/main.ts finds it.
const parts = Object.entries(metafile?.outputs ?? {}).flatMap(([path, { entryPoint = "" }]) =>
  /^(?:after-start:)?(?:cli|adapters|src)\/(?!(?:main|spillway)\.ts)/.test(entryPoint) ? [`./${path}`] : [],
);
const load = parts.map((path) => `await import(${JSON.stringify(path)});`).join("\n");
await promisify(execFile)(process.execPath, ["--input-type=module", "-e", load], { env: { ...process.env, NODE_COMPILE_CACHE: "dist/compile-cache" } });

const lambda = await build({
  ...onNode,
  plugins: [...plugins, oneStart("adapters/lambda/index.ts")],
  entryPoints: { index: "adapters/lambda/index.ts" },
  outdir: "dist/lambda",
  outExtension: { ".js": ".mjs" },
});
await writeFile("dist/meta-lambda.json", JSON.stringify(lambda.metafile));

for (const folder of ["dist", "dist/lambda"]) await writeConsolePage(folder, (name) => `console-${name}`);
