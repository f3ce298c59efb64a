import { builtinModules } from "node:module";
import type { Plugin } from "esbuild";

/** Made when they are read, and imported by name all the same, by the AWS SDK. */
const MADE_WHEN_READ: ReadonlySet<string> = new Set(["promises", "webcrypto", "getRandomValues", "ReadStream"]);

/**
 * Node's own modules without `import`: that reads every export of a module, and reading `WebSocket` of node:http starts the whole of the fetch
 * that Node brings, as much again as Node's own start. Each name becomes a constant; names that are made when they are read are left out.
 */
export const builtinsWithoutImport: Plugin = {
  name: "builtins-without-import",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[a-z_/:0-9]+$/ }, ({ path, kind }) => {
      const name = path.replace(/^node:/, "");
      if (!builtinModules.includes(name) || (kind !== "import-statement" && kind !== "dynamic-import")) return null;
      return { path: `node:${name}`, namespace: "builtin", sideEffects: false };
    });
    onLoad({ filter: /.*/, namespace: "builtin" }, async ({ path }) => {
      const { default: builtin } = (await import(path)) as { readonly default: object }; // every module of Node has a default export
      const names = Object.entries(Object.getOwnPropertyDescriptors(builtin)).flatMap(([name, { enumerable, get }]) =>
        enumerable && (get === undefined || MADE_WHEN_READ.has(name)) ? [name] : [],
      );
      const constants = names.map((name, index) => `const v${index} = /* @__PURE__ */ (() => builtin[${JSON.stringify(name)}])();`);
      const exported = names.map((name, index) => `v${index} as ${JSON.stringify(name)}`);
      return {
        contents: `const builtin = process.getBuiltinModule("${path}");\nexport default builtin;\n${constants.join("\n")}\nexport { ${exported.join(", ")} };`,
      };
    });
  },
};
