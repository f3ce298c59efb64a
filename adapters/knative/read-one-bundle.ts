import { type Compiled, type ManifestSource, type Platform, readBundle } from "../../src/index.ts";

/** A bundle is one file; without it there is nothing that could be read, which is a fault like any other. */
export function readOneBundle([bundle]: readonly ManifestSource[], platform: Platform): Compiled {
  return readBundle(bundle?.text ?? "", platform, bundle?.path);
}
