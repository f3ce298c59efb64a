import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Where a program of this machine is, by PATH; null: it is not installed. */
export function onPath(program: string): string | null {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path)) ?? null;
}
