import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const run = promisify(execFile);
const FOLDER = new URL("../../infra/otel/", import.meta.url).pathname;
const missing = await run("promtool", ["--version"]).then(
  () => false,
  () => true,
);
if (missing) process.stderr.write("MISSING: promtool. Install it (Debian: apt-get install prometheus) so that it is on the PATH\n");

describe.skipIf(missing)("infra/otel, as Prometheus reads it", () => {
  it("has rules that are well formed", async () => {
    const { stdout } = await run("promtool", ["check", "rules", join(FOLDER, "prometheus/rules.yaml")]);
    expect(stdout).toContain("SUCCESS");
  });

  it("has alerts that fire when they should and rest when they should not", async () => {
    const { stdout } = await run("promtool", ["test", "rules", join(FOLDER, "prometheus/rules.test.yaml")]);
    expect(stdout).toContain("SUCCESS");
  });

  it("has dashboards whose queries are PromQL", async () => {
    const expressions = readdirSync(join(FOLDER, "grafana")).flatMap((file) => {
      const { panels } = JSON.parse(readFileSync(join(FOLDER, "grafana", file), "utf8")) as { panels: { targets?: { expr: string }[] }[] };
      return panels.flatMap((panel) => (panel.targets ?? []).map(({ expr }) => inPrometheus(expr)));
    });
    expect(expressions.length).toBeGreaterThan(30);
    const folder = await mkdtemp(join(tmpdir(), "promtool-"));
    try {
      // As recording rules, since that is what promtool checks. JSON is YAML.
      const rules = expressions.map((expr, index) => ({ record: `dashboard:query:${index}`, expr }));
      await writeFile(join(folder, "rules.yaml"), JSON.stringify({ groups: [{ name: "dashboards", rules }] }));
      const { stdout } = await run("promtool", ["check", "rules", join(folder, "rules.yaml")]);
      expect(stdout).toContain(`SUCCESS: ${rules.length} rules found`);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

/** What Grafana puts in the place of its variables. */
function inPrometheus(expr: string): string {
  return expr
    .replaceAll("$__rate_interval", "5m")
    .replaceAll("$__range", "6h")
    .replaceAll(/\$[a-z]+/g, ".*");
}
