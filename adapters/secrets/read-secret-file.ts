import { constants } from "node:fs";
import { type FileHandle, open, realpath } from "node:fs/promises";
import { Secret, SecretStoreError } from "../../src/index.ts";
import { textOf } from "./secret-text.ts";

const MAX_BYTES = 64 * 1024;
/** The kubelet swaps a link while it updates a mounted Secret: between two looks the file may be gone for a moment. */
const TRIES = 5;

/**
 * Reads one small text file whole. The links are followed first, `permits` judges the real path, and that path is opened
 * without following a last link: one that is swapped in between leads nowhere. Rejects with `SecretStoreError`.
 */
export async function readSecretFile(path: string, permits: (realPath: string) => boolean, signal: AbortSignal): Promise<Secret> {
  for (let tried = 1; ; tried += 1) {
    if (signal.aborted) throw new SecretStoreError("unavailable", "the read was cancelled");
    try {
      return await readOnce(path, permits);
    } catch (error) {
      if (error instanceof SecretStoreError) throw error;
      const swapped = tried < TRIES && (codeOf(error) === "ENOENT" || codeOf(error) === "ELOOP");
      if (!swapped) throw storeError(error);
    }
  }
}

async function readOnce(path: string, permits: (realPath: string) => boolean): Promise<Secret> {
  const real = await realpath(path);
  if (!permits(real)) throw new SecretStoreError("denied", "the file lies where secrets may not be read from");
  // Non-blocking: opening a named pipe would wait for ever for somebody to write.
  const file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const facts = await file.stat();
    if (!facts.isFile()) throw new SecretStoreError("denied", "it is not a regular file");
    const bytes = await readBounded(file);
    return new Secret(textOf(bytes), `${facts.ino}-${Math.trunc(facts.mtimeMs)}`);
  } finally {
    await file.close();
  }
}

/** The size that `stat` tells is not trusted: the file may grow meanwhile. */
async function readBounded(file: FileHandle): Promise<Uint8Array> {
  const buffer = new Uint8Array(MAX_BYTES + 1);
  let length = 0;
  while (length <= MAX_BYTES) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
    if (bytesRead === 0) return buffer.subarray(0, length);
    length += bytesRead;
  }
  throw new SecretStoreError("malformed", `the file is larger than ${MAX_BYTES} bytes`);
}

function storeError(error: unknown): SecretStoreError {
  const code = codeOf(error);
  if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR") return new SecretStoreError("missing", "there is no such file");
  if (code === "EACCES" || code === "EPERM" || code === "ELOOP") return new SecretStoreError("denied", `the file may not be read (${code})`);
  return new SecretStoreError("unavailable", `the file could not be read (${code})`);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown";
}
