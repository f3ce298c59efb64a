import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseAllDocuments } from "yaml";

export const root = resolve(import.meta.dirname, "../..");

/** One YAML document that is a Kubernetes object. */
export interface ClusterObject {
  /** Where it stands, from the top of the repository. */
  readonly file: string;
  readonly apiVersion: string;
  readonly kind: string;
  /** Null where an object takes the namespace that it is applied to, or has none. */
  readonly namespace: string | null;
  readonly name: string;
  readonly value: unknown;
}

/** What lies at a path of a parsed document; undefined when any step is missing. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let here = value;
  for (const step of path) {
    if (typeof here !== "object" || here === null) return undefined;
    here = (here as Readonly<Record<string | number, unknown>>)[step]; // an object or array, as was seen
  }
  return here;
}

export function listAt(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

export function textAt(value: unknown, ...path: readonly (string | number)[]): string {
  const found = at(value, ...path);
  return typeof found === "string" ? found : "";
}

export function entriesAt(value: unknown, ...path: readonly (string | number)[]): readonly (readonly [string, unknown])[] {
  const found = at(value, ...path);
  return typeof found === "object" && found !== null ? Object.entries(found) : [];
}

/** Every value inside a document that is a map, the document itself first. */
export function* mapsIn(value: unknown): Generator<Readonly<Record<string, unknown>>> {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value)) yield value as Readonly<Record<string, unknown>>; // neither null nor a list
  for (const child of Object.values(value)) yield* mapsIn(child);
}

/** YAML files below a folder, from the top of the repository. */
export function yamlFiles(folder: string): readonly string[] {
  return filesBelow(folder, /\.ya?ml$/);
}

/** The texts of the TypeScript files below these folders. */
export function codeBelow(...folders: readonly string[]): readonly string[] {
  return folders.flatMap((folder) => filesBelow(folder, /\.ts$/)).map((file) => readFileSync(join(root, file), "utf8"));
}

function filesBelow(folder: string, name: RegExp): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && name.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

/** Throws with the file's name where it is not YAML, or says one thing twice. */
export function parseObjects(text: string, file: string): readonly ClusterObject[] {
  return parseAllDocuments(text, { uniqueKeys: true }).flatMap((document) => {
    const problem = "errors" in document ? [...document.errors, ...document.warnings][0] : undefined;
    if (problem !== undefined) throw new Error(`${file}: ${problem.message}`);
    const value: unknown = "toJS" in document ? document.toJS() : null;
    if (value === null) return [];
    const namespace = at(value, "metadata", "namespace");
    return {
      file,
      apiVersion: textAt(value, "apiVersion"),
      kind: textAt(value, "kind"),
      namespace: typeof namespace === "string" ? namespace : null,
      name: textAt(value, "metadata", "name"),
      value,
    };
  });
}

export function readObjects(files: readonly string[]): readonly ClusterObject[] {
  return files.flatMap((file) => parseObjects(readFileSync(join(root, file), "utf8"), file));
}
