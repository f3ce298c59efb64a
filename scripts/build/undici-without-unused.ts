import type { Plugin } from "esbuild";

/** Not the one that the Kubernetes client brings: API servers speak HTTP/2 with it. */
const OURS = /^(?!.*[\\/]@kubernetes[\\/]).*[\\/]node_modules[\\/]undici[\\/]lib[\\/]dispatcher[\\/]/;

/**
 * Leaves out of undici what this broker never runs: its HTTP/2 client, which loads node:http2 at once (HTTP/2 is spoken by adapters/transport/h2-*),
 * and the reading of FormData, with which the whole of fetch would come. Whoever reached them all the same would get an error.
 */
export const undiciWithoutUnused: Plugin = {
  name: "undici-without-unused",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\/(?:client-h2|web\/fetch\/body)\.js$/ }, ({ path, importer }) => (OURS.test(importer) ? { path, namespace: "unused" } : null));
    onLoad({ filter: /.*/, namespace: "unused" }, ({ path }) => ({
      contents: `const unused = () => { throw new Error("${path} of undici is not in this build"); };\nmodule.exports = Object.assign(unused, { extractBody: unused });`,
    }));
  },
};
