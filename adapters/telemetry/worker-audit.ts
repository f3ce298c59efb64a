import type { AuditPorts } from "../../src/index.ts";
import { readAuditSettings } from "./audit-settings.ts";
import { RELEASE } from "./release.ts";

/** The audit log that the variables `SPILLWAY_AUDIT` and `SPILLWAY_AUDIT_LOG` ask for; null: none. A Worker has no file: throws where one is named. */
export function createWorkerAudit(variables: Readonly<Record<string, string>>, log: (line: string) => void): AuditPorts | null {
  const settings = readAuditSettings(variables);
  if (settings === null) return null;
  if (settings.log !== null && settings.log !== "-") throw new Error("SPILLWAY_AUDIT_LOG must be - here: a Worker has no files");
  const write = (line: string): boolean => {
    log(line);
    return true;
  };
  return { scope: settings.scope, instance: crypto.randomUUID(), version: RELEASE, previous: null, write: settings.log === null ? null : write };
}
