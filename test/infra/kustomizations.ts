import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { at, type ClusterObject, listAt, parseObjects, readObjects, root, textAt } from "./objects.ts";
import { onPath } from "./on-path.ts";

/** Folders below `infra` with a kustomization.yaml. */
export function kustomizationFolders(): readonly string[] {
  return readdirSync(join(root, "infra"), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.name === "kustomization.yaml")
    .map((entry) => relative(root, entry.parentPath))
    .sort();
}

/** What a kustomization names. */
export interface Named {
  /** Files that hold objects, from the top of the repository. */
  readonly resources: readonly string[];
  /** Other kustomizations. */
  readonly folders: readonly string[];
  /** Files that become keys of a ConfigMap. */
  readonly contents: readonly string[];
  /** The ConfigMaps. */
  readonly configMaps: readonly string[];
  /** What it names and is not there. */
  readonly absent: readonly string[];
}

export function namedBy(folder: string): Named {
  const [kustomization] = readObjects([`${folder}/kustomization.yaml`]);
  const value = kustomization?.value;
  const paths = [...listAt(value, "resources"), ...listAt(value, "components")].map((path) => join(folder, String(path)));
  const generators = listAt(value, "configMapGenerator");
  const contents = generators.flatMap((generator) => listAt(generator, "files")).map((path) => join(folder, String(path).replace(/^[^=/]+=/, "")));
  const isFolder = (path: string) => existsSync(join(root, path)) && statSync(join(root, path)).isDirectory();
  const folders = paths.filter(isFolder);
  const resources = paths.filter((path) => !isFolder(path));
  const wanted = [...resources, ...contents, ...folders.map((path) => `${path}/kustomization.yaml`)];
  return {
    resources,
    folders,
    contents,
    configMaps: generators.map((generator) => textAt(generator, "name")),
    absent: wanted.filter((path) => !existsSync(join(root, path))),
  };
}

/** Files below the folder that belong to no kustomization further down. */
export function filesOf(folder: string): readonly string[] {
  const folders = new Set(kustomizationFolders());
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => {
      let owner = dirname(file);
      while (!folders.has(owner)) owner = dirname(owner);
      return owner === folder;
    });
}

/** The objects that a kustomization takes in, patches left aside. For one without overlays that is what is applied. */
export function objectsOf(folder: string): readonly ClusterObject[] {
  const { resources, folders, configMaps } = namedBy(folder);
  const generated = configMaps.map((name) => ({
    file: `${folder}/kustomization.yaml`,
    apiVersion: "v1",
    kind: "ConfigMap",
    namespace: "egress-system",
    name,
    value: {},
  }));
  return [...readObjects(resources), ...generated, ...folders.flatMap(objectsOf)];
}

const kubectl = onPath("kubectl");
export const kubectlMissing = kubectl === null;

const built = new Map<string, readonly ClusterObject[]>();

/** What `kubectl kustomize` makes of a folder; it asks no cluster. */
export function build(folder: string): readonly ClusterObject[] {
  const before = built.get(folder);
  if (before !== undefined) return before;
  if (kubectl === null) throw new Error("kubectl is not on PATH");
  const text = execFileSync(kubectl, ["kustomize", join(root, folder)], { encoding: "utf8", maxBuffer: 16 * 1024 * 1024, stdio: ["ignore", "pipe", "pipe"] });
  const objects = parseObjects(text, `kubectl kustomize ${folder}`);
  built.set(folder, objects);
  return objects;
}

/** The files of a generated ConfigMap, as `compile` takes them. */
export function manifestsIn(objects: readonly ClusterObject[]): readonly { readonly path: string; readonly text: string }[] {
  const map = objects.find(({ kind, name }) => kind === "ConfigMap" && name === "spillway-manifests");
  const data = at(map?.value, "data");
  return typeof data === "object" && data !== null ? Object.entries(data).map(([path, text]) => ({ path, text: String(text) })) : [];
}
