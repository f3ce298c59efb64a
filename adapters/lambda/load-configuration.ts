import { type Compiled, readBundle } from "../../src/index.ts";
import { createFileSource } from "../config/files.ts";
import { PLATFORMS } from "../config/platforms.ts";
import { readManifestFile } from "../config/read-manifest-file.ts";

/**
 * What the function serves: the bundle `SPILLWAY_BUNDLE`, else the manifests `SPILLWAY_MANIFESTS` (files and folders of the package, parted by
 * commas). Rejects when neither is there or cannot be read; faults in them are in the result.
 */
export async function loadConfiguration(environment: Readonly<Record<string, string | undefined>>): Promise<Compiled> {
  const bundle = environment["SPILLWAY_BUNDLE"]?.trim() ?? "";
  if (bundle !== "") return readBundle(await readManifestFile(bundle), PLATFORMS.lambda, bundle);
  const paths = (environment["SPILLWAY_MANIFESTS"] ?? "").split(",").map((path) => path.trim());
  const named = paths.filter((path) => path !== "");
  if (named.length === 0) throw new Error("neither SPILLWAY_BUNDLE nor SPILLWAY_MANIFESTS says what to serve");
  const sources = await createFileSource({ paths: named }).read();
  // The YAML reader and the schemas load with the first manifest, not with a bundle.
  const { compileManifests } = await import("./compile-manifests.ts");
  return compileManifests(sources);
}
