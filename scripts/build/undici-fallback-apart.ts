import { copyFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Plugin } from "esbuild";

const BESIDE = "llhttp-wasm.cjs";
/** Not the one that the Kubernetes client brings, which is loaded whole. */
const OURS = /^(?!.*[\\/]@kubernetes[\\/]).*[\\/]node_modules[\\/]undici[\\/]/;

/**
 * undici brings its parser of HTTP/1.1 twice, 70 KB each: with vector instructions, and without them for processors that have none (and for
 * `UNDICI_NO_WASM_SIMD`). The second lies in a file of its own, which is read only there.
 */
export const undiciFallbackApart: Plugin = {
  name: "undici-fallback-apart",
  setup({ onResolve, onEnd, initialOptions: { outdir = "." } }) {
    onResolve({ filter: /\/llhttp-wasm\.js$/ }, ({ importer }) => (OURS.test(importer) ? { path: `./${BESIDE}`, external: true } : null));
    onEnd(() => copyFile(createRequire(import.meta.url).resolve("undici/lib/llhttp/llhttp-wasm.js"), join(outdir, BESIDE)));
  },
};
