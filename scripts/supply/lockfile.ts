import { readFileSync } from "node:fs";

/** An entry of package-lock.json, as npm writes it. */
export interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly link?: boolean;
  /** Only the development of the project needs it. */
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

export interface Lockfile {
  readonly lockfileVersion: number;
  /** By path: `node_modules/hono`; the project itself under the empty path. */
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

/** What package.json says of packages. */
export interface ProjectManifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly type: string;
  readonly private?: boolean;
  readonly engines: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly overrides?: unknown;
  /** Packages whose install scripts npm may run; `false`: it must not. */
  readonly allowScripts: Readonly<Record<string, boolean>>;
}

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`../../${name}`, import.meta.url), "utf8"));

export const readLockfile = (): Lockfile => read("package-lock.json") as Lockfile; // npm's own format
export const readProject = (): ProjectManifest => read("package.json") as ProjectManifest; // the project's own file

/** `@scope/name` of a path in the lockfile. */
export const nameOf = (path: string): string => path.split("node_modules/").at(-1) ?? "";

/** Where Node finds `name` from the package at `from`: in its own node_modules, else in those above; null where nothing is installed. */
export function findInstalled({ packages }: Lockfile, from: string, name: string): string | null {
  for (let folder = from; ; folder = folder.slice(0, Math.max(folder.lastIndexOf("/node_modules/"), 0))) {
    const path = folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (path in packages) return path;
    if (folder === "") return null;
  }
}

/** The paths of everything that the package at `path` needs, itself first. What it takes from its user (peers) counts where it cannot do without. */
export function closureOf(lockfile: Lockfile, path: string): readonly string[] {
  const seen = new Set([path]);
  for (const one of seen) {
    const { dependencies = {}, optionalDependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = lockfile.packages[one] ?? {};
    const peers = Object.keys(peerDependencies).filter((name) => peerDependenciesMeta[name]?.optional !== true);
    for (const name of [...Object.keys(dependencies), ...Object.keys(optionalDependencies), ...peers]) {
      const found = findInstalled(lockfile, one, name);
      if (found !== null) seen.add(found);
    }
  }
  return [...seen];
}

/** Paths of the packages that a user of the broker gets, with their entries. */
export function runtimePackages({ packages }: Lockfile): readonly (readonly [path: string, locked: LockedPackage])[] {
  return Object.entries(packages).filter(([path, { dev }]) => path !== "" && dev !== true);
}
