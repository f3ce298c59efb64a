import type { Backend } from "./backend.ts";
import { outsideFault, weighCredential } from "./bound-credential.ts";
import type { Candidate } from "./call.ts";
import { weighPromise } from "./chain.ts";
import type { BrokerPlace } from "./exchange.ts";
import type { Located, RegionEvidence, RegionFacts, RegionLock } from "./region.ts";
import { unknownPlace, weigh } from "./weigh.ts";

declare const brand: unique symbol;

/**
 * A candidate that its lock allows. Only `clear` can make one (the brand is not exported), and `transport/send.ts`
 * takes nothing else: a backend that was never cleared cannot be called, because it does not compile.
 */
export interface Cleared extends Candidate {
  readonly lock: RegionLock | null;
  /** Of the first place that the lock allows; the last door finds the very place of each request. */
  readonly evidence: RegionEvidence;
  readonly [brand]: true;
}

export type Clearance = { readonly ok: true; readonly cleared: Cleared } | { readonly ok: false; readonly evidence: RegionEvidence };

const NOWHERE: Located = unknownPlace("unknown", "nothing says where the backend processes: no label topology.kubernetes.io/region and no RegionAttestation");

/**
 * Door two of three. Fails closed: a candidate that can reach no place inside the lock is denied, and one whose credential lies outside a lock that binds
 * it. `here` is where the broker runs; null at compile time, when nobody knows. The last door looks at the request itself.
 */
export function clear(candidate: Candidate, lock: RegionLock | null, here: BrokerPlace | null = null): Clearance {
  const evidence = weighBackend(candidate.target.backend, lock);
  if (evidence.decision === "deny") return { ok: false, evidence };
  const credential = weighCredential(candidate.target.backend, lock, here);
  if (credential !== null) return { ok: false, evidence: credential };
  // The one place where the brand is applied.
  return { ok: true, cleared: { ...candidate, lock, evidence } as Cleared };
}

/** A parent of which nothing is known may promise instead: it is held to that by its answer. */
export function weighBackend({ region, parent }: Pick<Backend, "region" | "parent">, lock: RegionLock | null): RegionEvidence {
  const promises = region.reach.length === 0 && parent !== null && parent.region === "Require" && parent.identity !== null;
  return promises && lock !== null && lock.constraints.length > 0 ? weighPromise(lock) : weighReach(region, lock);
}

/** The first place of a backend that the lock allows, else why the first is denied. The age of the facts is left to the last door, which has a clock. */
export function weighReach({ reach }: Pick<RegionFacts, "reach">, lock: RegionLock | null): RegionEvidence {
  const first = weigh(reach[0] ?? NOWHERE, lock, null);
  if (first.decision !== "deny") return first;
  for (const located of reach) {
    const evidence = weigh(located, lock, null);
    if (evidence.decision === "allow") return evidence;
  }
  return first;
}

/** Why the lock keeps a broker that runs here from serving the call at all; null: it does not. Unknown is denied. */
export function placeFault(place: BrokerPlace, lock: RegionLock | null): string | null {
  for (const constraint of lock?.constraints ?? []) {
    if (!constraint.binds.broker) continue;
    const fault = outsideFault(place, constraint);
    if (fault === "unknown") return `RegionPolicy ${constraint.policy} binds the broker too, and where it runs is not known`;
    if (fault === "outside") return `the broker runs in ${place.region ?? place.country}, which RegionPolicy ${constraint.policy} does not allow`;
  }
  return null;
}
