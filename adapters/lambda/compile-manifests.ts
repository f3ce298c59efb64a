import { type Compiled, compile, type ManifestSource } from "../../src/index.ts";
import { PLATFORMS } from "../config/platforms.ts";

/** Manifests as a function serves them. A file of its own, so that a bundle starts without the compiler. */
export function compileManifests(sources: readonly ManifestSource[]): Compiled {
  return compile(sources, PLATFORMS.lambda);
}
