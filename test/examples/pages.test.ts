import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compileGood, conditionOf, NODE } from "../unit/config/compile-text.ts";

/** The YAML of a page of the docs. */
function manifestsOf(page: string): string {
  const text = readFileSync(join(import.meta.dirname, "../../docs", page), "utf8");
  return [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map((block) => block[1] ?? "").join("---\n");
}

/** The page's own namespace for the Gateway, as the test's Gateway has it. */
const here = (text: string): string => text.replaceAll("namespace: egress-system}]", "namespace: infra}]");

describe("the manifests of the pages", () => {
  it("about callers are accepted as they stand", () => {
    const compiled = compileGood([here(manifestsOf("callers.md")).replaceAll("namespace: egress-system", "namespace: infra")], NODE);
    expect(compiled.faults.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(conditionOf(compiled, "HTTPRoute", "speech", "Accepted")).toBe("True/Accepted");
    for (const listener of ["https", "any"])
      expect(conditionOf(compiled, "Gateway", "secured", "Programmed", `Gateway/infra/secured/${listener}`)).toBe("True/Programmed");
  });

  it("about WebSockets and external authorization are accepted as they stand", () => {
    const compiled = compileGood([here(manifestsOf("websockets.md")), here(manifestsOf("external-auth.md"))], NODE);
    expect(compiled.faults).toEqual([]);
    for (const route of ["realtime", "guarded"]) {
      expect(conditionOf(compiled, "HTTPRoute", route, "Accepted")).toBe("True/Accepted");
      expect(conditionOf(compiled, "HTTPRoute", route, "ResolvedRefs")).toBe("True/ResolvedRefs");
    }
  });
});
