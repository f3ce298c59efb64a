import { defineConfig } from "vitest/config";
import { PATIENCE } from "./vitest.config.ts";

/** Tests against real servers; each says which server it misses. */
export default defineConfig({
  test: {
    include: ["test/services/**/*.test.ts"],
    ...PATIENCE,
    env: { SPILLWAY_OVERLOAD: "off", METADATA_SERVER_DETECTION: "none", AWS_EC2_METADATA_DISABLED: "true" },
  },
});
