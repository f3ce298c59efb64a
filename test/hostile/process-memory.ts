import { readFileSync } from "node:fs";

/** Resident bytes of a process; null where the system does not tell (it is read from /proc). */
export function residentBytes(pid: number): number | null {
  try {
    const found = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return found === null ? null : Number(found[1]) * 1024;
  } catch {
    return null;
  }
}
