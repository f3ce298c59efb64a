import { execFile } from "node:child_process";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { softwareBillOfMaterials } from "../../scripts/supply/bill-of-materials.ts";
import { nameOf, readLockfile, runtimePackages } from "../../scripts/supply/lockfile.ts";

interface Component {
  readonly "bom-ref": string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes: readonly { readonly alg: string; readonly content: string }[];
  readonly licenses?: readonly unknown[];
}

interface BillOfMaterials {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly metadata: { readonly component: { readonly "bom-ref": string } };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

const root = join(import.meta.dirname, "../..");
const ours = JSON.parse(softwareBillOfMaterials()) as BillOfMaterials; // what is looked at below

/** npm's own, of everything in the lockfile. */
async function writtenByNpm(): Promise<BillOfMaterials> {
  const folder = await mkdtemp(join(tmpdir(), "spillway-sbom-"));
  try {
    for (const name of ["package.json", "package-lock.json"]) await copyFile(join(root, name), join(folder, name));
    const { stdout } = await promisify(execFile)("npm", ["sbom", "--sbom-format", "cyclonedx", "--package-lock-only", "--offline"], {
      cwd: folder,
      maxBuffer: 64 * 1024 * 1024,
    });
    return JSON.parse(stdout) as BillOfMaterials; // npm's own format
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe("T26: the SBOM", () => {
  it("T26: names every runtime package of the lockfile, with digest and licence, and no other", () => {
    const wanted = new Set(runtimePackages(readLockfile()).map(([path, { version }]) => `${nameOf(path)}@${version}`));
    expect(new Set(ours.components.map((one) => one["bom-ref"]))).toEqual(wanted);
    expect(ours.components.length).toBe(wanted.size);
    for (const { purl, hashes, licenses } of ours.components) {
      expect([purl, hashes[0]?.alg, hashes[0]?.content]).toEqual([
        expect.stringMatching(/^pkg:npm\/(?:%40[^/]+\/)?[^/@]+@\d/),
        "SHA-512",
        expect.stringMatching(/^[0-9a-f]{128}$/),
      ]);
      expect(licenses?.length).toBe(1);
    }
  });

  it("T26: says of each what it needs, by references that are there, so that everything hangs on the broker", () => {
    expect([ours.bomFormat, ours.specVersion]).toEqual(["CycloneDX", "1.5"]);
    const needs = new Map(ours.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
    const reached = new Set([ours.metadata.component["bom-ref"]]);
    for (const ref of reached) for (const other of needs.get(ref) ?? []) reached.add(other);
    expect([...reached].filter((ref) => !needs.has(ref))).toEqual([]);
    expect(reached.size).toBe(ours.components.length + 1);
  });

  it("T26: says of each package what npm says of it", async () => {
    const byNpm = new Map((await writtenByNpm()).components.map((one) => [one["bom-ref"], one]));
    expect(byNpm.size).toBeGreaterThan(ours.components.length);
    for (const { "bom-ref": ref, name, version, purl, hashes, licenses } of ours.components) {
      expect(byNpm.get(ref)).toMatchObject({ name, version, purl, hashes, licenses });
    }
  });

  it("T26: is the same twice", () => {
    expect(softwareBillOfMaterials()).toBe(softwareBillOfMaterials());
  });
});
