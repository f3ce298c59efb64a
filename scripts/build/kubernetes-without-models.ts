import type { Plugin } from "esbuild";

/**
 * Leaves the models and API classes of every kind that Kubernetes has (5 MB) out of its client: this broker sends its requests by path, and of the
 * generated code the client's configuration needs two functions.
 */
export const kubernetesWithoutModels: Plugin = {
  name: "kubernetes-without-models",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]@kubernetes[\\/]client-node[\\/]dist[\\/]gen[\\/]index\.js$/ }, () => ({
      contents: `export { createConfiguration } from "./configuration.js";\nexport * from "./servers.js";\nexport * from "./http/http.js";`,
    }));
  },
};
