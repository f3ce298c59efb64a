import type { Candidate } from "./call.ts";
import type { BrokerPlace } from "./exchange.ts";
import type { RegionConstraint, RegionEvidence, RegionFacts, RegionLock } from "./region.ts";
import { countriesOfRegion } from "./region-data.ts";

declare const brand: unique symbol;

/**
 * A candidate that its lock allows. Only `clear` can make one (the brand is not exported), and `transport/send.ts`
 * takes nothing else: a backend that was never cleared cannot be called, because it does not compile.
 */
export interface Cleared extends Candidate {
  readonly lock: RegionLock | null;
  readonly evidence: RegionEvidence;
  readonly [brand]: true;
}

export type Clearance = { readonly ok: true; readonly cleared: Cleared } | { readonly ok: false; readonly evidence: RegionEvidence };

/** Door two of three. Fails closed: without known regions a locked candidate is denied. */
export function clear(candidate: Candidate, lock: RegionLock | null): Clearance {
  const evidence = weigh(candidate.target.backend.region, lock);
  if (evidence.decision === "deny") return { ok: false, evidence };
  // The one place where the brand is applied.
  return { ok: true, cleared: { ...candidate, lock, evidence } as Cleared };
}

/** What the lock says of a place, with the reason. Pure; also used at compile time and by the last door. */
export function weigh(facts: RegionFacts, lock: RegionLock | null): RegionEvidence {
  const region = facts.fromHost ?? facts.declared;
  const countries = region === null ? null : countriesOfRegion(region);
  const evidence = facts.declared !== null ? (facts.fromHost !== null ? "label+host" : "label") : facts.fromHost !== null ? "host" : "none";
  const base = { region, countries: countries ?? [], evidence } as const;
  if (lock === null || lock.constraints.length === 0) {
    return { ...base, decision: "unlocked", policies: [], reason: "no region policy applies" };
  }
  const policies = lock.constraints.map((constraint) => constraint.policy);
  if (region === null) {
    return { ...base, decision: "deny", policies, reason: "the backend declares no region (label topology.kubernetes.io/region)" };
  }
  if (facts.declared !== null && facts.fromHost !== null && facts.declared !== facts.fromHost) {
    return { ...base, decision: "deny", policies, reason: `the backend declares ${facts.declared} but its hostname says ${facts.fromHost}` };
  }
  for (const constraint of lock.constraints) {
    if (!allows(constraint, region, countries)) {
      return { ...base, decision: "deny", policies: [constraint.policy], reason: `${region} is not allowed by RegionPolicy ${constraint.policy}` };
    }
  }
  return { ...base, decision: "allow", policies, reason: `${region} is allowed` };
}

/** Why the lock keeps a broker that runs here from serving the call at all; null: it does not. Unknown is denied. */
export function placeFault(place: BrokerPlace, lock: RegionLock | null): string | null {
  for (const constraint of lock?.constraints ?? []) {
    if (!constraint.bindsBroker) continue;
    const { region, country } = place;
    if (region === null && country === null) return `RegionPolicy ${constraint.policy} binds the broker too, and where it runs is not known`;
    const countries = region === null ? [country ?? ""] : countriesOfRegion(region);
    if (!allows(constraint, region ?? "", countries)) return `the broker runs in ${region ?? country}, which RegionPolicy ${constraint.policy} does not allow`;
  }
  return null;
}

function allows(constraint: RegionConstraint, region: string, countries: readonly string[] | null): boolean {
  if (constraint.regions.has(region)) return true;
  // An unknown region has no known country: denied unless it is named.
  if (countries === null || countries.length === 0) return false;
  return countries.every((country) => constraint.countries.has(country));
}
