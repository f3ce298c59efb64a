import type { Compiled } from "../../src/index.ts";

/** Conditions that are good when they are False. */
const GOOD_WHEN_FALSE: ReadonlySet<string> = new Set(["Conflicted", "Degraded", "PartiallyInvalid", "OverlappingTLSConfig"]);

/** Everything that keeps a set of manifests from being served whole, warnings too; empty: nothing does. */
export function whatRefuses(compiled: Compiled): readonly string[] {
  const faults = compiled.faults.map((fault) => `${fault.file}:${fault.line} ${fault.pointer} ${fault.message}`);
  const refused = compiled.conditions.flatMap(({ kind, name, conditions }) =>
    conditions
      .filter(({ type, status }) => status !== (GOOD_WHEN_FALSE.has(type) ? "False" : "True"))
      .map(({ type, status, reason, message }) => `${kind}/${name}: ${type}=${status} ${reason} ${message}`),
  );
  const empty = compiled.snapshot === null || compiled.snapshot.backends.size === 0 ? ["no backend is left"] : [];
  return [...faults, ...refused, ...empty];
}
