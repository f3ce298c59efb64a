import { type Compiled, compile } from "../../src/compiler.ts";
import type { ManifestSource, Platform } from "../../src/index.ts";

/** Manifests as an instance serves them. Imported on first use, so that the build leaves the YAML reader and the schemas out of what a bundle starts with. */
export function compileManifests(sources: readonly ManifestSource[], platform: Platform): Compiled {
  return compile(sources, platform);
}
