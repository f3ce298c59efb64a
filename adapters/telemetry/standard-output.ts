import { constants, fstatSync, openSync, write } from "node:fs";

/** Writes some bytes and tells how many were taken; as `fs.write` does. */
export type Write = (bytes: Uint8Array, done: (error: NodeJS.ErrnoException | null, written: number) => void) => void;

/**
 * Standard output for one writer that minds back-pressure. `process.stdout` writes to pipes synchronously on Linux, so a log reader that
 * stalls would stall every call. Here a full pipe gives `EAGAIN`.
 */
export function openStandardOutput(): Write {
  const descriptor = openPipe() ?? 1;
  return (bytes, done) => write(descriptor, bytes, (error, written) => done(error, written));
}

/**
 * The pipe behind standard output, opened anew without blocking: on descriptor 1 itself a write to a full pipe would hold a thread, and
 * Node waits for its threads when it exits. The shared descriptor is left as it is. Null for files and terminals, which take what they
 * are given, and where there is no `/proc`.
 */
function openPipe(): number | null {
  try {
    return fstatSync(1).isFIFO() ? openSync("/proc/self/fd/1", constants.O_WRONLY | constants.O_NONBLOCK) : null;
  } catch {
    return null;
  }
}
