// `npm run dependencies`: what every runtime package weighs on disk and in the bundles, into weights.json, from which docs/dependencies.md is generated.
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundleWorker } from "../../test/fakes/worker-broker.ts";
import { BUNDLES, type BundleName, bytesByPackage, readMetafile, type Weights } from "./bundle-weights.ts";
import { readLockfile, runtimePackages } from "./lockfile.ts";

const root = join(import.meta.dirname, "../..");
const worker = await bundleWorker();
const bundles: Record<BundleName, ReadonlyMap<string, number>> = {
  start: bytesByPackage(readMetafile(join(root, "dist/meta.json")), "cli/serve.ts"),
  node: bytesByPackage(readMetafile(join(root, "dist/meta.json")), null),
  lambda: bytesByPackage(readMetafile(join(root, "dist/meta-lambda.json")), null),
  worker: bytesByPackage(readMetafile(join(worker.folder, "meta.json")), null),
};
await worker.remove();

const weights: Record<string, Weights> = {};
for (const [path] of runtimePackages(readLockfile())) {
  const inBundles = BUNDLES.flatMap((name) => (bundles[name].has(path) ? [[name, bundles[name].get(path) ?? 0] as const] : []));
  weights[path] = { disk: bytesBelow(join(root, path)), ...Object.fromEntries(inBundles) };
}
writeFileSync(join(import.meta.dirname, "weights.json"), `${JSON.stringify(weights, null, 2)}\n`);
console.log(`${Object.keys(weights).length} packages weighed; now \`node scripts/generate.ts\``);

/** Bytes of the files of a package, without the packages inside of it; 0 where it is not installed, as an optional one may not be. */
function bytesBelow(folder: string): number {
  let sum = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && entry.name !== "node_modules") sum += bytesBelow(path);
    if (entry.isFile()) sum += statSync(path).size;
  }
  return sum;
}
