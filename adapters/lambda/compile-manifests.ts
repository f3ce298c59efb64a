import { type Compiled, compile } from "../../src/compiler.ts";
import type { ManifestSource, Platform } from "../../src/index.ts";

/** Manifests as a function serves them. The build makes a file of its own of it, so that a bundle starts without the compiler. */
export function compileManifests(sources: readonly ManifestSource[], platform: Platform): Compiled {
  return compile(sources, platform);
}
