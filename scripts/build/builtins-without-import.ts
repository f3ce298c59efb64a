import { builtinModules } from "node:module";
import { relative } from "node:path";
import type { Plugin } from "esbuild";

/** Left out, for those who import a module as a whole: nobody takes them from node:http. */
const OF_FETCH: ReadonlySet<string> = new Set(["WebSocket", "CloseEvent", "MessageEvent"]);

/**
 * Node's own modules without `import`: that reads every export of a module, and reading `WebSocket` of node:http starts the whole of the fetch
 * that Node brings, as much again as Node's own start. Each importing file gets constants for the names that it uses, and nothing is read besides;
 * of its own, since what files share would become chunks of a few bytes, each a millisecond to load.
 */
export const builtinsWithoutImport: Plugin = {
  name: "builtins-without-import",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[a-z_/:0-9]+$/ }, ({ path, kind, importer }) => {
      const name = path.replace(/^node:/, "");
      if (!builtinModules.includes(name) || (kind !== "import-statement" && kind !== "dynamic-import")) return null;
      return {
        path: `${name} for ${relative(".", importer).replace(/^.*[\\/]node_modules[\\/]/, "")}`,
        namespace: "builtin",
        sideEffects: false,
        pluginData: `node:${name}`,
      };
    });
    onLoad({ filter: /.*/, namespace: "builtin" }, async ({ pluginData: path }: { readonly pluginData: string }) => {
      const { default: builtin } = (await import(path)) as { readonly default: object }; // every module of Node has a default export
      const names = Object.keys(builtin).filter((name) => !OF_FETCH.has(name));
      const constants = names.map((name, index) => `const v${index} = /* @__PURE__ */ (() => builtin[${JSON.stringify(name)}])();`);
      const exported = names.map((name, index) => `v${index} as ${JSON.stringify(name)}`);
      return {
        contents: `const builtin = /* @__PURE__ */ process.getBuiltinModule("${path}");\nexport default builtin;\n${constants.join("\n")}\nexport { ${exported.join(", ")} };`,
      };
    });
  },
};
