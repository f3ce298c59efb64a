import type { AuditPorts } from "../../src/index.ts";
import { readAuditSettings } from "./audit-settings.ts";
import { RELEASE } from "./release.ts";

/** The audit log that the bindings `SPILLWAY_AUDIT` and `SPILLWAY_AUDIT_LOG` ask for; null: none. A Worker has no file: throws where one is named. */
export function createWorkerAudit(bindings: Readonly<Record<string, unknown>>, log: (line: string) => void): AuditPorts | null {
  const text = (name: string): string | undefined => (typeof bindings[name] === "string" ? bindings[name] : undefined);
  const { SPILLWAY_SINK: sink } = bindings;
  const variables = { SPILLWAY_AUDIT: text("SPILLWAY_AUDIT"), SPILLWAY_AUDIT_LOG: text("SPILLWAY_AUDIT_LOG") };
  const settings = readAuditSettings(variables, sink !== undefined && sink !== null && sink !== "");
  if (settings === null) return null;
  if (settings.log !== null && settings.log !== "-") throw new Error("SPILLWAY_AUDIT_LOG must be - here: a Worker has no files");
  const write = (line: string): boolean => {
    log(line);
    return true;
  };
  return { scope: settings.scope, instance: crypto.randomUUID(), version: RELEASE, previous: null, write: settings.log === null ? null : write };
}
