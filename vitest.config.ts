import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/services/**"],
    // Only against tests that hang: how fast something is belongs to the benches, and a machine may be slow.
    testTimeout: 60_000,
    hookTimeout: 90_000,
    expect: { poll: { timeout: 20_000 } },
    // Cloud clients otherwise look for a metadata server on the network.
    env: { METADATA_SERVER_DETECTION: "none", AWS_EC2_METADATA_DISABLED: "true", WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" },
  },
});
