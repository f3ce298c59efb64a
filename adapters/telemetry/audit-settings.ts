import type { AuditScope } from "../../src/index.ts";

/** Where audit records go, as the environment says. */
export interface AuditSettings {
  readonly scope: AuditScope;
  /** A file's path, `-` for standard output; null: the event sink only. */
  readonly log: string | null;
}

/**
 * `SPILLWAY_AUDIT` (`off`, `locked`, `all`) and `SPILLWAY_AUDIT_LOG`. Null: there is no audit log, which is so where neither is set. Throws on any other
 * word, and where there is neither a log nor a sink: somebody believes that calls are written down, and they would not be.
 */
export function readAuditSettings(environment: Readonly<Record<string, string | undefined>>, hasSink: boolean): AuditSettings | null {
  const log = environment["SPILLWAY_AUDIT_LOG"]?.trim() || null;
  const scope = environment["SPILLWAY_AUDIT"]?.trim() || (log === null ? "off" : "locked");
  if (scope === "off") return null;
  if (scope !== "locked" && scope !== "all") throw new Error("SPILLWAY_AUDIT must be off, locked (calls under a region lock, and denials) or all");
  if (log === null && !hasSink)
    throw new Error("SPILLWAY_AUDIT has nowhere to write to: set SPILLWAY_AUDIT_LOG (a file, or -) or an event sink (SPILLWAY_SINK)");
  return { scope, log };
}
