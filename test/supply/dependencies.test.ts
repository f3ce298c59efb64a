import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type BundleName, bytesByPackage, readMetafile } from "../../scripts/supply/bundle-weights.ts";
import { countPackages, readWeights } from "../../scripts/supply/dependencies-page.ts";
import { closureOf, readLockfile, readProject, runtimePackages } from "../../scripts/supply/lockfile.ts";
import { REASONS } from "../../scripts/supply/reasons.ts";
import { bundleWorker } from "../fakes/worker-broker.ts";
import { recordFigure } from "../hostile/figure.ts";

const root = join(import.meta.dirname, "../..");
const weights = readWeights();
const node = readMetafile(join(root, "dist/meta.json"));
const lambda = readMetafile(join(root, "dist/meta-lambda.json"));

describe("T26 B22: few dependencies, each with a reason", () => {
  it("T26: each runtime dependency has its reason, and no reason is left of one that has gone", () => {
    expect(Object.keys(REASONS).sort()).toEqual(Object.keys(readProject().dependencies).sort());
    for (const { reason, loaded } of Object.values(REASONS)) expect([reason.length > 10, loaded.length > 10]).toEqual([true, true]);
  });

  it("B22: the core is at most 12 packages, with all that they bring, and has no install script", () => {
    const { core, scripts } = countPackages();
    expect(core.length).toBeLessThanOrEqual(12);
    expect(core.length).toBeGreaterThan(5);
    expect(scripts).toEqual([]);
    recordFigure({ row: "B22", what: "packages of the core, with all that they bring", value: core.length, unit: "packages", bar: "<= 12" });
    recordFigure({ row: "B22", what: "install scripts in the core", value: scripts.length, unit: "scripts", bar: "0" });
  });

  it("B22: what Node reads at its start is of the core, and so is all that the bundles hold but connectors", () => {
    const { core } = countPackages();
    const connectors = Object.entries(REASONS).filter(([, { part }]) => part === "connector");
    const lockfile = readLockfile();
    const brought = new Set(connectors.flatMap(([name]) => closureOf(lockfile, `node_modules/${name}`)));
    const atStart = [...bytesByPackage(node, "cli/serve.ts").keys(), ...bytesByPackage(lambda, "adapters/lambda/index.ts").keys()];
    expect(atStart.filter((path) => !core.includes(path.replace("node_modules/", "")))).toEqual([]);
    const all = [...bytesByPackage(node, null).keys(), ...bytesByPackage(lambda, null).keys()];
    expect(all.filter((path) => !core.includes(path.replace("node_modules/", "")) && !brought.has(path))).toEqual([]);
  });
});

describe("the weights in docs/dependencies.md", () => {
  it("are those of every runtime package", () => {
    expect(Object.keys(weights).sort()).toEqual(
      runtimePackages(readLockfile())
        .map(([path]) => path)
        .sort(),
    );
  });

  it.each([
    ["start", () => bytesByPackage(node, "cli/serve.ts")],
    ["node", () => bytesByPackage(node, null)],
    ["lambda", () => bytesByPackage(lambda, null)],
  ] satisfies [BundleName, () => ReadonlyMap<string, number>][])("are near those of the build at hand: %s (else: npm run dependencies)", (name, measure) => {
    const measured = measure();
    expect(written(name)).toEqual([...measured.keys()].sort());
    for (const [path, bytes] of measured) {
      const said = weights[path]?.[name] ?? 0;
      expect([path, Math.abs(said - bytes) <= 0.15 * bytes + 4096]).toEqual([path, true]);
    }
  });

  describe("in the Worker", () => {
    let measured: readonly string[];
    beforeAll(async () => {
      const worker = await bundleWorker();
      measured = [...bytesByPackage(readMetafile(join(worker.folder, "meta.json")), null).keys()].sort();
      await worker.remove();
    });

    it("B22: are of the packages that wrangler would upload (else: npm run dependencies)", () => {
      expect(written("worker")).toEqual(measured);
      recordFigure({ row: "B22", what: "packages in the Worker's bundle", value: measured.length, unit: "packages", bar: "<= 5" });
    });
  });

  it("stand in the page", () => {
    expect(readFileSync(join(root, "docs/dependencies.md"), "utf8")).toContain(`| ${countPackages().worker.length} |`);
  });
});

const written = (name: BundleName): readonly string[] =>
  Object.entries(weights)
    .flatMap(([path, one]) => (one[name] === undefined ? [] : [path]))
    .sort();
