import { findInstalled, type LockedPackage, nameOf, readLockfile, readProject, runtimePackages } from "./lockfile.ts";

/**
 * Every runtime package of the lockfile with version, digest, licence and what it needs, as CycloneDX 1.5 in JSON. Without a time or a serial number, both
 * of which may be left out: the same lockfile gives the same bytes.
 */
export function softwareBillOfMaterials(): string {
  const lockfile = readLockfile();
  const { name, version, license, dependencies } = readProject();
  const self = reference(name, version);
  const packages = new Map(runtimePackages(lockfile).map(([path, locked]) => [path, reference(nameOf(path), locked.version ?? "")]));
  // The same version may be installed in two places.
  const components = new Map(runtimePackages(lockfile).map(([path, locked]) => [packages.get(path), component(nameOf(path), locked)]));
  const needs = new Map<string, Set<string>>([[self, new Set(Object.keys(dependencies).flatMap((one) => packages.get(`node_modules/${one}`) ?? []))]]);
  for (const [path, ref] of packages) {
    const { dependencies: direct = {}, optionalDependencies: optional = {} } = lockfile.packages[path] ?? {};
    const found = Object.keys({ ...direct, ...optional }).flatMap((one) => packages.get(findInstalled(lockfile, path, one) ?? "") ?? []);
    needs.set(ref, new Set([...(needs.get(ref) ?? []), ...found]));
  }
  return `${JSON.stringify(
    {
      $schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
      bomFormat: "CycloneDX",
      specVersion: "1.5",
      version: 1,
      metadata: {
        lifecycles: [{ phase: "pre-build" }],
        component: { "bom-ref": self, type: "application", name, version, purl: purl(name, version), licenses: [{ license: { id: license } }] },
      },
      components: [...components.values()],
      dependencies: [...needs].map(([ref, dependsOn]) => ({ ref, dependsOn: [...dependsOn] })),
    },
    null,
    2,
  )}\n`;
}

function component(name: string, { version = "", integrity = "", license }: LockedPackage): object {
  return {
    "bom-ref": reference(name, version),
    type: "library",
    name,
    version,
    scope: "required",
    purl: purl(name, version),
    hashes: [{ alg: "SHA-512", content: Buffer.from(integrity.replace("sha512-", ""), "base64").toString("hex") }],
    ...(license === undefined ? {} : { licenses: [{ license: { id: license } }] }),
  };
}

const reference = (name: string, version: string): string => `${name}@${version}`;
const purl = (name: string, version: string): string => `pkg:npm/${name.replace("@", "%40")}@${version}`;
