import { setTimeout as wait } from "node:timers/promises";
import type { ManifestSource } from "../../src/index.ts";
import { type FoundFile, findManifests } from "./find-manifests.ts";
import { readManifestFile, readStandardInput } from "./read-manifest-file.ts";
import { watchFolders } from "./watch-folders.ts";

export interface FileSourceOptions {
  /** Files, folders (read with all below them) or `-` for standard input. */
  readonly paths: readonly string[];
  /** Told of every change of the texts, after the first `read`. Left out: nothing is watched. */
  readonly onChange?: (sources: ManifestSource[]) => void;
  /** Told when a change cannot be read (a file went away, say); what was read before still counts. */
  readonly onError?: (error: Error) => void;
  /** Told when what could not be read can be read again, changed or not. */
  readonly onRecovered?: () => void;
  /** Ends the watching. */
  readonly signal?: AbortSignal;
  /** Milliseconds between looks at the files themselves: some volumes never tell of a swapped symlink. */
  readonly pollMs?: number;
  /** Milliseconds of quiet after which a change is read: an editor writes in several steps. */
  readonly debounceMs?: number;
}

export interface FileSource {
  /** Every manifest file, in a stable order. Rejects when a path does not exist, holds no manifest, or a file cannot be read or is too large. */
  read(): Promise<ManifestSource[]>;
}

/** Reads manifests from disk and watches them: by events of the folders, and by looking from time to time. */
export function createFileSource(options: FileSourceOptions): FileSource {
  const { paths, onChange, onError, onRecovered, signal, pollMs = 5_000, debounceMs = 200 } = options;
  let standardInput: Promise<string> | null = null;
  let fingerprint = "";
  let texts = "";
  let watching = false;
  const isOver = () => signal?.aborted ?? false;

  async function load(files: readonly FoundFile[]): Promise<ManifestSource[]> {
    const sources: ManifestSource[] = [];
    for (const path of paths) {
      if (path === "-") {
        standardInput ??= readStandardInput();
        sources.push({ path: "-", text: await standardInput });
      }
    }
    for (const file of files) sources.push({ path: file.path, text: await readManifestFile(file.path) });
    // Nothing at all is a wrong path, a volume not mounted yet or a file being rewritten, never a wish to refuse every call.
    if (sources.length === 0) throw new Error(`no manifests at ${paths.join(", ")}: no file there ends in .yaml, .yml or .json`);
    if (sources.every((source) => source.text.trim() === "")) throw new Error(`no manifests at ${paths.join(", ")}: what is there is empty`);
    return sources;
  }

  async function watch(tell: (sources: ManifestSource[]) => void, folders: readonly string[]): Promise<void> {
    const ended = new Promise<"ended">((resolve) => signal?.addEventListener("abort", () => resolve("ended"), { once: true }));
    const watcher = watchFolders(folders, debounceMs);
    let failure = "";
    const recover = (): void => {
      if (failure !== "") onRecovered?.();
      failure = "";
    };
    while (!isOver()) {
      const timer = new AbortController();
      await Promise.race([watcher.changed(), ended, wait(pollMs, null, { ref: false, signal: timer.signal }).catch(() => null)]);
      timer.abort();
      if (isOver()) break;
      try {
        const found = await findManifests(paths);
        watcher.follow(found.folders);
        if (found.fingerprint === fingerprint) {
          recover();
          continue;
        }
        const sources = await load(found.files);
        fingerprint = found.fingerprint;
        recover();
        const now = JSON.stringify(sources);
        if (now === texts) continue;
        texts = now;
        tell(sources);
      } catch (error) {
        // A file in the middle of being replaced is there again at the next look.
        const fault = error instanceof Error ? error : new Error(String(error));
        // One word of it, not one at each look.
        if (fault.message !== failure) onError?.(fault);
        failure = fault.message;
      }
    }
    watcher.close();
  }

  return {
    async read() {
      const found = await findManifests(paths);
      const sources = await load(found.files);
      fingerprint = found.fingerprint;
      texts = JSON.stringify(sources);
      if (onChange !== undefined && !watching) {
        watching = true;
        void watch(onChange, found.folders);
      }
      return sources;
    },
  };
}
