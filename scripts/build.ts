// Bundles into dist/: the command line (and with it the Node server), and the Lambda function in dist/lambda/. Cloud SDKs stay apart and load on first use.
import { chmod, readFile, rm, writeFile } from "node:fs/promises";
import { type BuildOptions, build } from "esbuild";

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
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "external",
  define: { SPILLWAY_VERSION: JSON.stringify(version) },
};

await rm("dist", { recursive: true, force: true });
const { metafile } = await build({
  ...onNode,
  entryPoints: { spillway: "cli/main.ts" },
  outdir: "dist",
  sourcemap: "linked",
  // gRPC finds its proto files by __dirname and cannot be bundled as ESM; it is loaded on first use only.
  external: ["@google-cloud/secret-manager"],
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
});
await chmod("dist/spillway.js", 0o755);
// What went into which file, for test/bundle.test.ts.
await writeFile("dist/meta.json", JSON.stringify(metafile));

const lambda = await build({
  ...onNode,
  entryPoints: { index: "adapters/lambda/index.ts" },
  outdir: "dist/lambda",
  outExtension: { ".js": ".mjs" },
  // A function is its package: nothing is found in node_modules there.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; import { fileURLToPath as __toPath } from 'node:url'; const require = __createRequire(import.meta.url), __filename = __toPath(import.meta.url), __dirname = __toPath(new URL('.', import.meta.url));",
  },
});
await writeFile("dist/meta-lambda.json", JSON.stringify(lambda.metafile));
