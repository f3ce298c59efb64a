import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { promisify } from "node:util";
import { softwareBillOfMaterials } from "./bill-of-materials.ts";
import { readWeights } from "./dependencies-page.ts";
import { readProject } from "./lockfile.ts";
import { thirdPartyLicences } from "./third-party-licences.ts";

const root = resolve(import.meta.dirname, "../..");
/** Of the machine that built: the cache of its own Node, and what only the project's tests read. */
const NOT_RELEASED = /(?:^|\/)(?:compile-cache|meta[\w-]*\.json|.*\.map|bundle\.json)$/;

export interface PackedPackage {
  readonly file: string;
  /** Of the file's bytes, in hex. */
  readonly sha256: string;
  /** Paths inside of it. */
  readonly files: readonly string[];
}

/**
 * Packs the build at `dist` into `into` as one package with nothing to install beside it: its dependencies are in the bundles. The same build gives the same
 * bytes, wherever and whenever: npm writes no times and no owners, and sorts. Rejects where npm fails.
 */
export async function packPackage(dist: string, into: string): Promise<PackedPackage> {
  const folder = await mkdtemp(join(tmpdir(), "spillway-pack-"));
  try {
    await cp(dist, folder, { recursive: true, filter: (path) => !NOT_RELEASED.test(path) });
    const { name, version, license, description, type, engines } = readProject();
    // No dependencies and no scripts: what is installed is these files, and nothing of them runs before its user calls it.
    const manifest = { name, version, description, license, type, engines, bin: { [name]: "spillway.js" } };
    await writeFile(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
    for (const page of ["LICENSE", "README.md", "SECURITY.md"]) await cp(join(root, page), join(folder, page));
    await writeFile(join(folder, "THIRD-PARTY-LICENSES.txt"), thirdPartyLicences(root, readWeights()));
    await writeFile(join(folder, "sbom.cdx.json"), softwareBillOfMaterials());
    await mkdir(into, { recursive: true });
    const { stdout } = await promisify(execFile)("npm", ["pack", "--json", "--offline", "--ignore-scripts", "--pack-destination", resolve(into)], {
      cwd: folder,
      maxBuffer: 16 * 1024 * 1024,
    });
    const [packed] = JSON.parse(stdout) as readonly { readonly filename: string; readonly files: readonly { readonly path: string }[] }[]; // npm's own format
    if (packed === undefined) throw new Error("npm pack packed nothing");
    const file = join(into, basename(packed.filename));
    const sha256 = createHash("sha256")
      .update(await readFile(file))
      .digest("hex");
    return { file, sha256, files: packed.files.map(({ path }) => path) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
