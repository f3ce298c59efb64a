import { describe, expect, it } from "vitest";
import { nameOf, readLockfile, readProject, runtimePackages } from "../../scripts/supply/lockfile.ts";
import { ALLOWED_LICENCES, INSTALL_SCRIPTS } from "../../scripts/supply/reasons.ts";

const lockfile = readLockfile();
const project = readProject();
const locked = Object.entries(lockfile.packages).filter(([path]) => path !== "");
const EXACT = /^\d+\.\d+\.\d+$/;

describe("T26: packages come as exact bytes from the registry", () => {
  it("T26: sees the packages", () => {
    expect(locked.length).toBeGreaterThan(500);
    expect(runtimePackages(lockfile).length).toBeGreaterThan(100);
  });

  it("T26: every version in package.json is exact, and the locked one", () => {
    for (const [name, version] of Object.entries({ ...project.dependencies, ...project.devDependencies })) {
      expect([name, version]).toEqual([name, expect.stringMatching(EXACT)]);
      expect([name, lockfile.packages[`node_modules/${name}`]?.version]).toEqual([name, version]);
    }
  });

  it("T26: the lockfile is of version 3 and says what package.json says", () => {
    expect(lockfile.lockfileVersion).toBe(3);
    const { dependencies, devDependencies } = lockfile.packages[""] as Partial<typeof project>; // npm copies them there
    expect(dependencies).toEqual(project.dependencies);
    expect(devDependencies).toEqual(project.devDependencies);
  });

  it("T26: every package that a user gets has a SHA-512 digest", () => {
    const without = runtimePackages(lockfile).filter(([, { integrity = "" }]) => !integrity.startsWith("sha512-"));
    expect(without.map(([path]) => path)).toEqual([]);
  });

  // scripts/complete-lockfile.ts adds bindings of other platforms that the registry of the day did not have. None of them is in anything that is released.
  it("T26: without a digest are only bindings of other platforms, optional and for development", () => {
    for (const [path, one] of locked) {
      if (one.integrity !== undefined) continue;
      expect([path, one.dev, one.optional, one.cpu !== undefined]).toEqual([path, true, true, true]);
    }
  });

  it("T26: nothing comes from git, from a URL, from a file or by a link", () => {
    const foreign = locked.filter(([, { resolved, link }]) => link === true || (resolved !== undefined && !resolved.startsWith("https://registry.npmjs.org/")));
    expect(foreign.map(([path]) => path)).toEqual([]);
    const ranges = locked.flatMap(([path, { dependencies = {}, optionalDependencies = {} }]) =>
      Object.entries({ ...dependencies, ...optionalDependencies }).map(([name, range]) => `${path} > ${name}@${range}`),
    );
    expect(ranges.filter((range) => /@(?:git|github:|https?:|file:|link:|[\w-]+\/[\w-]+$)/.test(range))).toEqual([]);
  });

  it("T26: no version is forced upon a package that asks for another", () => {
    expect(project.overrides).toBeUndefined();
  });

  it("T26: there are no install scripts but those of the list, and none of those that run reaches a user", () => {
    const scripted = locked.filter(([, { hasInstallScript }]) => hasInstallScript === true);
    expect(new Set(scripted.map(([path]) => nameOf(path)))).toEqual(new Set(Object.keys(INSTALL_SCRIPTS)));
    expect(project.allowScripts).toEqual(Object.fromEntries(Object.entries(INSTALL_SCRIPTS).map(([name, { runs }]) => [name, runs])));
    expect(scripted.flatMap(([path, { dev }]) => (dev !== true && INSTALL_SCRIPTS[nameOf(path)]?.runs === true ? [path] : []))).toEqual([]);
  });

  it("T26: every runtime package comes under an allowed licence", () => {
    const others = runtimePackages(lockfile).filter(([, { license = "" }]) => !ALLOWED_LICENCES.includes(license));
    expect(others.map(([path, { license }]) => `${path}: ${license}`)).toEqual([]);
  });
});
