import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ATTRIBUTE } from "../../src/attribution/semconv.ts";
import { compileGood, route, toXBackend, xBackend } from "../unit/config/compile-text.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/cost.md"), "utf8");
const [example = ""] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1] ?? "");

describe("docs/cost.md", () => {
  it("has an example that is accepted as it stands, with the prices that it shows", () => {
    const { snapshot, faults } = compileGood([xBackend("priced"), example, route("r", [{ backendRefs: [toXBackend("priced")] }])]);
    expect(faults).toEqual([]);
    const models = snapshot?.backends.get("XBackend/team-a/priced")?.api?.models ?? [];
    expect(models.map(({ name, price }) => [name, price?.inputPerMTok, price?.outputPerMTok, price?.currency])).toEqual([
      ["gpt-5", 1.125, 9, "USD"],
      ["llama-3.3-70b", 0.05, 0.25, "USD"],
      ["mistral-large-latest", 0.46, 1.38, "EUR"],
      ["local-*", 0, 0, "USD"],
    ]);
  });

  it("names attributes that there are", () => {
    const named = [...page.matchAll(/`(egress\.cost\.(?:usd|source|amount|currency))`/g)].map((match) => match[1]);
    expect(new Set(named)).toEqual(new Set([ATTRIBUTE.costUsd, ATTRIBUTE.costSource, ATTRIBUTE.costAmount, ATTRIBUTE.costCurrency]));
  });
});
