// Bundles the command line (and with it the Node server) into dist/. Cloud SDKs stay apart and load on first use.
import { chmod, readFile, rm, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };

await rm("dist", { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: { spillway: "cli/main.ts" },
  outdir: "dist",
  bundle: true,
  metafile: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node22",
  // ES modules where a package has both: CommonJS loaded by import() would come as a default export only, without the names that the types promise.
  mainFields: ["module", "main"],
  sourcemap: "linked",
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "external",
  // gRPC finds its proto files by __dirname and cannot be bundled as ESM; it is loaded on first use only.
  external: ["@google-cloud/secret-manager"],
  define: { SPILLWAY_VERSION: JSON.stringify(version) },
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
});
await chmod("dist/spillway.js", 0o755);
// What went into which file, for test/bundle.test.ts.
await writeFile("dist/meta.json", JSON.stringify(metafile));
