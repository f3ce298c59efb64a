import type { Plugin } from "esbuild";

/**
 * `debug` asks for supports-color if it happens to be there, and it is: something of development brings it, so that what no user's lockfile names
 * would come into the bundles. `debug` goes on without it.
 */
export const withoutColours: Plugin = {
  name: "without-colours",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^supports-color$/ }, ({ path }) => ({ path, namespace: "without-colours" }));
    onLoad({ filter: /.*/, namespace: "without-colours" }, () => ({ contents: "module.exports = null;" }));
  },
};
