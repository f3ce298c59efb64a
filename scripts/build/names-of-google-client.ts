import type { Plugin } from "esbuild";

/** Google's client is CommonJS: loaded by import() from a bundle it would come without its names. */
export const namesOfGoogleClient: Plugin = {
  name: "names-of-google-client",
  setup({ onResolve, onLoad }) {
    const client = "@google-cloud/secret-manager";
    onResolve({ filter: /^@google-cloud\/secret-manager$/ }, ({ kind }) => (kind === "dynamic-import" ? { path: client, namespace: "google" } : null));
    onLoad({ filter: /.*/, namespace: "google" }, () => ({ contents: `export { SecretManagerServiceClient } from "${client}";`, resolveDir: "." }));
  },
};
