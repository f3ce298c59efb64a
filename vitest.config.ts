import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/services/**"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // Cloud clients otherwise look for a metadata server on the network.
    env: { METADATA_SERVER_DETECTION: "none", AWS_EC2_METADATA_DISABLED: "true", WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" },
  },
});
