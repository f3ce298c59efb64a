import { CliError, EXIT } from "./exit.ts";

const WORDS: Readonly<Record<string, { readonly read: string; readonly write: string }>> = {
  ENOENT: { read: "there is no such file", write: "there is no such folder" },
  EEXIST: { read: "", write: "there is such a file already, and it is not overwritten" },
  EISDIR: { read: "it is a folder", write: "it is a folder" },
  ENOTDIR: { read: "there is no such file", write: "there is no such folder" },
  EACCES: { read: "this user may not read it", write: "this user may not write there" },
  EROFS: { read: "", write: "nothing can be written there" },
  ENOSPC: { read: "", write: "the disk is full" },
};

/** A file that a command was given and that cannot be read or written, with the reason in words; `error` is the system's. */
export function fileFault(path: string, deed: "read" | "write", error: unknown): CliError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const why = WORDS[code]?.[deed] || (error instanceof Error ? error.message : "unknown");
  return new CliError(`${path} cannot be ${deed === "read" ? "read" : "written"}: ${why}`, EXIT.faults);
}
