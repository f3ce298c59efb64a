import { defineConfig } from "vitest/config";

/** Tests against real servers; each says which server it misses. */
export default defineConfig({
  test: {
    include: ["test/services/**/*.test.ts"],
    testTimeout: 90_000,
    expect: { poll: { timeout: 20_000 } },
    env: { METADATA_SERVER_DETECTION: "none", AWS_EC2_METADATA_DISABLED: "true" },
  },
});
