import { defineConfig } from "vitest/config";

/** How long is waited for what must come: a machine that is busy takes long and is right, so these are bounds of silence only, and the one place that has them. What a test measures has a bound of its own. */
export const PATIENCE = { testTimeout: 90_000, hookTimeout: 240_000, expect: { poll: { timeout: 20_000 } } };

/** What all tests but those of `test/services` have in common. */
export const COMMON = {
  ...PATIENCE,
  // Cloud clients otherwise look for a metadata server on the network.
  // Nor is a broker that inherits all this to take a machine that runs tests for an overload.
  env: {
    SPILLWAY_OVERLOAD: "off",
    METADATA_SERVER_DETECTION: "none",
    AWS_EC2_METADATA_DISABLED: "true",
    WRANGLER_SEND_METRICS: "false",
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
  },
};

/** Files that change nothing of their process, and so share one: a process of its own costs each half a second. */
const TOGETHER = ["test/unit/**/*.test.ts", "test/providers/**/*.test.ts", "test/pricing/**/*.test.ts", "test/pipeline/**/*.test.ts"];

export default defineConfig({
  test: {
    projects: [
      { test: { ...COMMON, name: "alone", include: ["test/**/*.test.ts"], exclude: ["test/services/**", ...TOGETHER], globalSetup: "test/once-a-run.ts" } },
      { test: { ...COMMON, name: "together", include: TOGETHER, isolate: false } },
    ],
  },
});
