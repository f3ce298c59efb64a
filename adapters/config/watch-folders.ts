import { type FSWatcher, watch } from "node:fs";

export interface FolderWatcher {
  /** Resolves once something has changed and it has been quiet since. */
  changed(): Promise<void>;
  /** Watches these folders from now on, and no others. */
  follow(folders: readonly string[]): void;
  close(): void;
}

/** A bound on open watches; beyond it the polling of the files still finds every change. */
const MAX_FOLDERS = 1_024;

/** Listens to the file system's events. Best effort: where a folder cannot be watched (network volumes), polling is what remains. */
export function watchFolders(folders: readonly string[], debounceMs: number): FolderWatcher {
  const watchers = new Map<string, FSWatcher>();
  let wake: (() => void) | null = null;
  let pending = false;
  let timer: NodeJS.Timeout | null = null;

  function changed(): void {
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(() => {
      timer = null;
      pending = true;
      wake?.();
    }, debounceMs);
    timer.unref();
  }

  function drop(folder: string): void {
    watchers.get(folder)?.close();
    watchers.delete(folder);
  }

  function follow(next: readonly string[]): void {
    const wanted = new Set(next.slice(0, MAX_FOLDERS));
    for (const folder of [...watchers.keys()]) if (!wanted.has(folder)) drop(folder);
    for (const folder of wanted) {
      if (watchers.has(folder)) continue;
      try {
        const watcher = watch(folder, { persistent: false }, changed);
        watcher.on("error", () => drop(folder));
        watchers.set(folder, watcher);
      } catch {
        // The folder is gone or cannot be watched: polling sees it when it is back.
      }
    }
  }

  follow(folders);
  return {
    changed: () =>
      new Promise((resolve) => {
        const done = () => {
          pending = false;
          wake = null;
          resolve();
        };
        if (pending) done();
        else wake = done;
      }),
    follow,
    close() {
      if (timer !== null) clearTimeout(timer);
      for (const folder of [...watchers.keys()]) drop(folder);
    },
  };
}
