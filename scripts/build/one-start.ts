import { readFile } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import type { Plugin } from "esbuild";

const NAMESPACE = "after-start";
const STATIC_IMPORT = /^import (?!type )[^;]*?from "(\.[^"]+)";/gm;

/**
 * Keeps what is read at a start in one file. esbuild makes a file of every set of modules that the same entries reach, and each `import()` is an entry: every
 * module of ours that is loaded later would cut one more piece out of the start, a millisecond each to load. So each of them imports what the start imports,
 * which is there already, and the sets are one. Not the start itself: where that waits at its top level for one of them, both would wait for ever. Libraries
 * are left as they are.
 */
export function oneStart(entry: string): Plugin {
  const start = resolve(entry);
  // Its only import is the command line, which serves nothing by itself.
  const first = resolve("cli/spillway.ts");
  return {
    name: "one-start",
    setup({ onStart, onResolve, onLoad, resolve: find }) {
      let imports = "";
      onStart(async () => {
        const text = await readFile(start, "utf8");
        imports = [...text.matchAll(STATIC_IMPORT)].map(([, path = ""]) => `import ${JSON.stringify(fromHere(resolve(dirname(start), path)))};\n`).join("");
      });
      onResolve({ filter: /^\./ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
        if (kind !== "dynamic-import" || pluginData === NAMESPACE || importer.includes("node_modules") || importer === first) return null;
        const { path: target, errors } = await find(path, { kind, importer, resolveDir, pluginData: NAMESPACE });
        return errors.length > 0 || target === start ? null : { path: relative(".", target), namespace: NAMESPACE };
      });
      onResolve({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => ({ path: resolve(path) }));
      onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => ({ contents: `${imports}export * from ${JSON.stringify(fromHere(path))};` }));
    },
  };
}

/** Names of files are part of what esbuild makes its own names from: without the folder that the project lies in, since a build must give the same bytes anywhere. */
const fromHere = (path: string): string => `./${relative(".", path)}`;
