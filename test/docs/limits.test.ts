import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PLATFORMS } from "../../adapters/config/platforms.ts";
import { formatRefused } from "../../adapters/config/report.ts";
import { compile } from "../../src/compiler.ts";
import { USAGE_VARIABLES } from "../../src/config/parse-usage-expression.ts";
import { explain } from "../../src/offline.ts";
import { testManifests } from "../fakes/manifests.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/limits.md"), "utf8");
const [fairUse = "", budgets = "", batch = "", store = "", ...more] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1] ?? "");
const clock = { now: () => 0, monotonic: () => 0, after: () => () => {} };

/** The examples on top of a small installation whose Gateway, namespaces and backends are called as on the page. */
function compiled(...examples: readonly string[]) {
  const backends = ["openai", "anthropic"].map((name, index) => ({ name, port: 8_001 + index, api: "OpenAI" as const }));
  const text = testManifests({ backends, more: examples.join("\n---\n") });
  const result = compile([{ path: "page.yaml", text }], PLATFORMS.knative);
  expect(result.faults).toEqual([]);
  expect(formatRefused(result.conditions, { color: false })).toBe("");
  if (result.snapshot === null) throw new Error("not compiled");
  return result.snapshot;
}

function limitsOf(snapshot: ReturnType<typeof compiled>, serviceAccount: string) {
  const body = '{"model":"gpt-5"}';
  const caller = { namespace: "team-a", serviceAccount };
  const found = explain(snapshot, { caller, method: "POST", authority: "egress", target: "/v1/chat/completions", headers: [], body }, clock, () => 0);
  return found.usageLimits.map(({ id, backend }) => (backend === null ? id : `${id} at ${backend}`));
}

describe("docs/limits.md", () => {
  it("its examples stand as they are, and together", () => {
    expect(more).toEqual([]);
    expect(limitsOf(compiled(fairUse), "web")).toEqual(["egress-system/fair-use/rpm", "egress-system/fair-use/at-once"]);
    expect(limitsOf(compiled(budgets), "web")).toEqual(["egress-system/budgets/usd-a-month", "team-a/first-choice/usd-a-day at XBackend/team-a/openai"]);
    const all = compiled(fairUse, budgets, batch);
    expect(limitsOf(all, "batch-7")).toContain("team-a/batch-is-second/batch-tokens");
    expect(limitsOf(all, "web")).not.toContain("team-a/batch-is-second/batch-tokens");
    expect(limitsOf(all, "web")).toContain("team-a/batch-is-second/per-model");
  });

  it("its store is the store of a Gateway", () => {
    const [, config = ""] = /^([\s\S]*?)---/.exec(store) ?? [];
    const text = testManifests({ backends: [{ name: "openai", port: 8_001 }] }).replace(
      /apiVersion: spillway.dev\/v1alpha1\nkind: BrokerConfig[\s\S]*?\n---/,
      `${config}---`,
    );
    const result = compile([{ path: "page.yaml", text: `${text}\n---\n${store.slice(config.length + 4)}` }], PLATFORMS.knative);
    expect(result.snapshot?.gateways[0]?.usageStore).toMatchObject({ kind: "redis", url: { location: { provider: "env", name: "VALKEY_URL" } } });
  });

  it("names every variable of expressions", () => {
    for (const name of USAGE_VARIABLES) expect(page).toContain(`\`${name}\``);
  });
});
