import { relative, resolve } from "node:path";
import type { Plugin } from "esbuild";

const NAMESPACE = "after-start";

/**
 * Keeps what is read at a start in one file. esbuild makes a file of every set of modules that the same entries reach, and each `import()` is an entry: every
 * module of ours that is loaded later would cut one more piece out of the start, a millisecond each to load. So each of them imports the start too, which is
 * there already, and the sets are one. Libraries are left as they are.
 */
export function oneStart(entry: string): Plugin {
  const start = resolve(entry);
  return {
    name: "one-start",
    setup({ onResolve, onLoad, resolve: find }) {
      onResolve({ filter: /^\./ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
        if (kind !== "dynamic-import" || pluginData === NAMESPACE || importer.includes("node_modules")) return null;
        const { path: target, errors } = await find(path, { kind, importer, resolveDir, pluginData: NAMESPACE });
        return errors.length > 0 || target === start ? null : { path: relative(".", target), namespace: NAMESPACE };
      });
      onResolve({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => ({ path: resolve(path) }));
      onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => ({
        contents: `import ${JSON.stringify(start)};\nexport * from ${JSON.stringify(resolve(path))};`,
        resolveDir: ".",
      }));
    },
  };
}
