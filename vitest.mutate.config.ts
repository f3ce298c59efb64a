import { defineConfig } from "vitest/config";
import { COMMON } from "./vitest.config.ts";

// The tests that `scripts/mutate.ts` has picked. Not by Stryker's own `testFiles`: with that it never switches on what a module computes while it is loaded.
export default defineConfig({ test: { ...COMMON, include: (process.env["SPILLWAY_MUTATE_TESTS"] ?? "").split(",") } });
