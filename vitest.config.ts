import { defineConfig } from "vitest/config";

/** How long is waited for what must come: a machine that is busy takes long and is right, so these are bounds of silence only, and the one place that has them. What a test measures has a bound of its own. */
export const PATIENCE = { testTimeout: 90_000, hookTimeout: 120_000, expect: { poll: { timeout: 20_000 } } };

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/services/**"],
    ...PATIENCE,
    globalSetup: "test/once-a-run.ts",
    // Cloud clients otherwise look for a metadata server on the network.
    env: { METADATA_SERVER_DETECTION: "none", AWS_EC2_METADATA_DISABLED: "true", WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" },
  },
});
