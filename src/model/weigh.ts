import type { EvidenceKind, Located, RegionConstraint, RegionEvidence, RegionLock } from "./region.ts";

/** The weaker, the less. */
const STRENGTH: Readonly<Record<EvidenceKind, number>> = { host: 5, body: 4, "control-plane": 3, attested: 2, label: 1, none: 0 };

/** How far ahead of ours the clock of whoever wrote a date may be: a day, for dates have no zone. */
const CLOCK_LEEWAY_MS = 86_400_000;

/** Nothing says where a request would be processed. */
export function unknownPlace(rule: string, reason: string): Located {
  return { countries: null, regions: [], evidence: "none", rule, checkedAt: null, reason };
}

/**
 * What a lock says of a place, with the reason. Pure. Fails closed: an unknown place, too weak a proof and facts that are too old are denied.
 * `now` is milliseconds since the epoch; null leaves the age of the facts to a later door.
 */
export function weigh(located: Located, lock: RegionLock | null, now: number | null): RegionEvidence {
  if (lock === null || lock.constraints.length === 0) return { ...located, decision: "unlocked", policies: [] };
  const policies = lock.constraints.map((constraint) => constraint.policy);
  for (const constraint of lock.constraints) {
    const fault = faultUnder(constraint, located, now);
    if (fault !== null) return { ...located, decision: "deny", policies: [constraint.policy], reason: fault };
  }
  return { ...located, decision: "allow", policies };
}

/** Why the constraint does not allow this place; null: it does. */
function faultUnder(constraint: RegionConstraint, located: Located, now: number | null): string | null {
  if (located.countries === null || located.evidence === "none") return located.reason;
  if (!allowsPlace(constraint, located.regions, located.countries))
    return `${nameOf(located)} is not allowed by RegionPolicy ${constraint.policy} (${located.rule})`;
  if (STRENGTH[located.evidence] < STRENGTH[constraint.minimumEvidence]) {
    return `${nameOf(located)} rests on the evidence "${located.evidence}", and RegionPolicy ${constraint.policy} asks for "${constraint.minimumEvidence}" or better (${located.rule})`;
  }
  if (constraint.maxAgeMs === null) return null;
  if (located.checkedAt === null) return `nobody wrote down when ${nameOf(located)} was checked, and RegionPolicy ${constraint.policy} sets evidence.maxAge`;
  if (now === null) return null;
  const age = now - Date.parse(located.checkedAt);
  // What is no time at all is as old as can be, and what will be checked tomorrow was never checked.
  if (age <= constraint.maxAgeMs && age >= -CLOCK_LEEWAY_MS) return null;
  return `what says ${nameOf(located)} was checked at ${located.checkedAt}, which is longer ago than evidence.maxAge of RegionPolicy ${constraint.policy} allows`;
}

/** A place is inside when each of its regions is named, or each of its countries. */
export function allowsPlace(constraint: RegionConstraint, regions: readonly string[], countries: readonly string[]): boolean {
  if (regions.length > 0 && regions.every((region) => constraint.regions.has(region))) return true;
  return countries.length > 0 && countries.every((country) => constraint.countries.has(country));
}

function nameOf({ regions, countries }: Located): string {
  return regions.length > 0 ? regions.join(", ") : (countries ?? []).join(", ");
}
