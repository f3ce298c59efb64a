import { isAbsolute } from "node:path";
import { type SecretStore, SecretStoreError } from "../../src/index.ts";
import { readSecretFile } from "./read-secret-file.ts";

/** These are not files: `/proc/self/environ` alone is every secret of the process. */
const KERNEL_FOLDERS = ["/proc", "/sys", "/dev"];

/** Secrets in files, at most 64 KiB each, named by absolute path. Links are followed and judged by where they lead. */
export function createFileStore(): SecretStore {
  return {
    providers: new Set(["file"] as const),
    async fetch(location, signal) {
      if (location.provider !== "file") throw new SecretStoreError("missing", `files hold no ${location.provider}`);
      if (!isAbsolute(location.path) || location.path.includes("\0")) throw new SecretStoreError("denied", "a secret's path must be absolute");
      return await readSecretFile(location.path, (real) => !KERNEL_FOLDERS.some((folder) => real === folder || real.startsWith(`${folder}/`)), signal);
    },
  };
}
