import type { ObjectConditions } from "../config/conditions.ts";

const LOCK_KINDS: ReadonlySet<string> = new Set(["RegionPolicy", "RegionAttestation"]);

/** Locks and attestations that somebody believes to count, and that do not; one sentence each. */
export function unattachedLocks(conditions: readonly ObjectConditions[]): readonly string[] {
  return conditions.flatMap((object) => {
    if (!LOCK_KINDS.has(object.kind)) return [];
    const refused = object.conditions.filter(({ type, status }) => type === "Accepted" && status === "False");
    return refused.map(({ message }) => `${object.kind} ${object.namespace}/${object.name} does not count: ${message}`);
  });
}
