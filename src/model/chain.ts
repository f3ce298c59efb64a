import type { RegionConstraint, RegionEvidence, RegionLock } from "./region.ts";
import { countriesOfRegion } from "./region-data.ts";
import { allowsPlace } from "./weigh.ts";

/** More brokers in a row than this are a mistake, whatever a manifest or a header says. */
export const MAX_HOPS = 16;

/** What `Egress-Chain` says of a call that an authenticated broker hands on. */
export interface InboundChain {
  /** Name of the issuer in BrokerConfig that the broker is known by. */
  readonly child: string;
  /** Brokers that the call has passed, at least 1. */
  readonly hop: number;
  /** The most that `hop` may become on the rest of the way: the smallest of what the brokers so far allow. */
  readonly maxHops: number;
  /** Where the call may be processed, as one more constraint; null: the broker knows of no lock. */
  readonly constraint: RegionConstraint | null;
}

/** The lock of a call that came from a broker: its own rule's and the broker's, so it can only become tighter. */
export function tightened(lock: RegionLock | null, chain: InboundChain | null): RegionLock | null {
  if (chain === null || chain.constraint === null) return lock;
  return { constraints: [...(lock?.constraints ?? []), chain.constraint] };
}

/** A lock as one list: a place is inside it exactly when all of its countries, or its region, are named here. Regions that lie in these countries anyway are left out. */
export interface SharedPlaces {
  readonly countries: readonly string[];
  readonly regions: readonly string[];
}

/** What all constraints of a lock allow. */
export function sharedPlaces(lock: RegionLock): SharedPlaces {
  const [first, ...others] = lock.constraints;
  const countries = [...(first?.countries ?? [])].filter((country) => others.every((one) => one.countries.has(country)));
  const named = new Set(lock.constraints.flatMap((constraint) => [...constraint.regions]));
  const regions = [...named].filter((region) => {
    const within = countriesOfRegion(region) ?? [];
    if (within.length > 0 && within.every((country) => countries.includes(country))) return false;
    return lock.constraints.every((constraint) => allowsPlace(constraint, [region], within));
  });
  return { countries: countries.sort(), regions: regions.sort() };
}

/**
 * What a lock says of a parent that promises, call for call, to keep to the places that `Egress-Chain` names and to say in its answer where the call
 * was processed. It is the word of whoever owns the backend, so it counts as a label does: a policy that asks for more evidence, or for its age, denies it.
 */
export function weighPromise(lock: RegionLock): RegionEvidence {
  const { countries, regions } = sharedPlaces(lock);
  const policies = lock.constraints.map((constraint) => constraint.policy);
  const promise = { countries, regions, evidence: "label", rule: "parent.promise", checkedAt: null } as const;
  const strict = lock.constraints.find((constraint) => constraint.minimumEvidence !== "label" || constraint.maxAgeMs !== null);
  if (strict !== undefined) {
    const reason = `the parent only promises to keep to the lock, and RegionPolicy ${strict.policy} asks for evidence that is stronger or dated (RegionAttestation)`;
    return { ...promise, decision: "deny", policies: [strict.policy], reason };
  }
  if (countries.length + regions.length === 0)
    return { ...promise, countries: null, decision: "deny", policies, reason: "the region policies have no place in common" };
  return { ...promise, decision: "allow", policies, reason: "the parent promises to keep to the lock, and its answer must say where the call was processed" };
}
