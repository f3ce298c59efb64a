import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isBad } from "../../src/config/conditions.ts";
import { REFUSALS } from "../../src/model/errors.ts";
import { compileAll } from "../unit/config/compile-text.ts";

const text = readFileSync(join(import.meta.dirname, "../../docs/chaining.md"), "utf8");
const blocks = [...text.matchAll(/```yaml\n# (\w+)\.yaml\n(.*?)```/gs)].map(([, name = "", yaml = ""]) => [name, yaml] as const);

describe("docs/chaining.md", () => {
  it("shows a child and its parent", () => {
    expect(blocks.map(([name]) => name)).toEqual(["child", "parent"]);
  });

  it.each(blocks)("%s.yaml has no fault, no warning and no refused object, and its rule forwards", (_name, yaml) => {
    const compiled = compileAll([yaml]);
    expect(compiled.faults).toEqual([]);
    expect(compiled.conditions.flatMap(({ kind, name, conditions }) => conditions.filter(isBad).map((one) => [kind, name, one]))).toEqual([]);
    expect(compiled.snapshot?.gateways[0]?.listeners[0]?.routes.rules.map((rule) => rule.action.kind)).toEqual(["forward"]);
  });

  it("the two fit each other", () => {
    const [child, parent] = blocks.map(([, yaml]) => compileAll([yaml]).snapshot);
    const profile = child?.backends.get("XBackend/team-a/frankfurt")?.parent;
    const issuer = parent?.gateways[0]?.identity.issuers[0];
    expect(issuer?.issuer).toBe(child?.gateways[0]?.chainId);
    expect(issuer?.audiences).toContain(profile?.identity?.audience);
    expect(issuer?.speaksFor).toEqual(new Set(["team-a"]));
  });

  it("names codes that there are", () => {
    for (const code of ["egress_loop", "region_violated"]) {
      expect(text).toContain(code);
      expect(Object.keys(REFUSALS)).toContain(code);
    }
  });
});
