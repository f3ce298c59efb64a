import { readdir, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

export interface FoundFile {
  /** As the user would name it. */
  readonly path: string;
}

export interface FoundManifests {
  readonly files: readonly FoundFile[];
  /** Folders whose changes matter. */
  readonly folders: readonly string[];
  /** Changes whenever a file is edited, replaced, added, removed or reached through another symlink. */
  readonly fingerprint: string;
}

const MANIFEST = /\.(ya?ml|json)$/i;
/** Far more than any real set; a wrong path such as `/` must not read the whole disk. */
const MAX_FILES = 10_000;
const MAX_DEPTH = 16;

/**
 * Expands files and folders. Hidden names are passed over: in a mounted ConfigMap the files are symlinks through `..data`, which points to a
 * folder named for the time, and everything would be found three times. A file that two paths reach counts once.
 */
export async function findManifests(paths: readonly string[]): Promise<FoundManifests> {
  const files: FoundFile[] = [];
  const folders = new Set<string>();
  const seen = new Set<string>();
  const marks: string[] = [];

  async function addFile(path: string): Promise<void> {
    const real = await realpath(path);
    if (seen.has(real)) return;
    seen.add(real);
    if (files.length >= MAX_FILES) throw new Error(`more than ${MAX_FILES} manifest files below ${paths.join(", ")}`);
    const facts = await stat(real);
    files.push({ path });
    marks.push(`${path} ${real} ${facts.ino} ${facts.size} ${facts.mtimeMs}`);
  }

  async function addFolder(path: string, depth: number): Promise<void> {
    const real = await realpath(path);
    // A symlink may point to a folder above it.
    if (seen.has(real) || depth > MAX_DEPTH) return;
    seen.add(real);
    folders.add(path);
    const names = (await readdir(path)).filter((name) => !name.startsWith(".")).sort();
    for (const name of names) {
      const child = join(path, name);
      const facts = await stat(child).catch(() => null);
      if (facts?.isDirectory()) await addFolder(child, depth + 1);
      else if (facts?.isFile() && MANIFEST.test(name)) await addFile(child);
    }
  }

  for (const path of paths) {
    if (path === "-") continue;
    const facts = await stat(path).catch(() => null);
    if (facts === null) throw new Error(`no manifests at ${path}: there is no such file or folder`);
    if (facts.isDirectory()) await addFolder(path, 0);
    else {
      folders.add(dirname(path));
      await addFile(path);
    }
  }
  return { files, folders: [...folders], fingerprint: marks.join("\n") };
}
