import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bundleWorker } from "../fakes/worker-broker.ts";

const settings = readFileSync(join(import.meta.dirname, "../../wrangler.toml"), "utf8");
const environments = [...settings.matchAll(/^\[env\.(\w+)\]$/gm)].map((found) => found[1] ?? "");

describe("wrangler.toml", () => {
  it("has environments", () => {
    expect(environments).toEqual(["production", "staging"]);
  });

  it.each(["", ...environments])("can be deployed with the environment %j: all of its bindings are known to wrangler", async (environment) => {
    const bundle = await bundleWorker(environment);
    try {
      expect(bundle.inputs).toContain("src/pipeline.ts");
      expect(bundle.files.some((name) => name.endsWith("-manifests.bundle"))).toBe(true);
    } finally {
      await bundle.remove();
    }
  });

  it("makes each class once, in a migration of its own that a Worker of an earlier release still takes", () => {
    const migrations = [...settings.matchAll(/^\[\[migrations\]\]\ntag = "(\w+)"\nnew_sqlite_classes = \["(\w+)"\]$/gm)].map(([, tag, name]) => [tag, name]);
    expect(migrations).toEqual([
      ["v1", "SpillwayState"],
      ["v2", "SpillwayUsage"],
    ]);
  });

  it("says the release as package.json does, in every environment", () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")) as { readonly version: string };
    expect(settings.split(`SPILLWAY_VERSION = '"${version}"'`)).toHaveLength(2 + environments.length);
  });

  it("gives every environment the state and the usage, and names no secret", () => {
    for (const name of ["SpillwayState", "SpillwayUsage"]) expect(settings.split(`class_name = "${name}"`)).toHaveLength(2 + environments.length);
    expect(settings).not.toMatch(/^\s*(?:[A-Z_]*KEY|[A-Z_]*TOKEN|CALLERS)\s*=/m);
  });
});
