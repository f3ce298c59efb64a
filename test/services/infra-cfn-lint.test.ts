import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { onPath } from "../infra/on-path.ts";

const linter = onPath("cfn-lint");
const missing = linter === null;
if (missing) process.stderr.write("MISSING: cfn-lint. Install it with `pip install cfn-lint`\n");

describe.skipIf(missing)(`the template for Lambda by cfn-lint${missing ? " (MISSING: cfn-lint is not on PATH)" : ""}`, () => {
  it("has neither errors nor warnings, and nothing is switched off", () => {
    const template = join(import.meta.dirname, "../../infra/lambda/template.yaml");
    const { status, stdout, stderr } = spawnSync(linter ?? "", ["--include-checks", "I", "--", template], { encoding: "utf8", timeout: 60_000 });
    expect(stdout + stderr).toBe("");
    expect(status).toBe(0);
  }, 70_000);
});
