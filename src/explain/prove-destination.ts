import { weighCredential } from "../model/bound-credential.ts";
import { weighBackend } from "../model/cleared.ts";
import type { BrokerPlace } from "../model/exchange.ts";
import type { EvidenceKind, Located, RegionEvidence, RegionLock } from "../model/region.ts";
import type { Target } from "../model/snapshot.ts";
import { weigh } from "../model/weigh.ts";

/** A place where requests to a destination may be processed, and how that is known. */
export interface ProvenPlace {
  readonly countries: readonly string[];
  /** As the provider writes them; a region that is in no table has no country here, and only a lock that names it allows it. */
  readonly regions: readonly string[];
  readonly evidence: EvidenceKind;
  /** Rule of the last door that says so. */
  readonly rule: string;
  /** RFC 3339; null: nobody wrote down when. */
  readonly checkedAt: string | null;
  /** RFC 3339: from then on the facts are too old for the lock, and calls are refused. Null: they do not age. */
  readonly until: string | null;
  readonly reason: string;
}

/** A place where requests to a destination would be processed if the lock did not refuse them; `countries` null: unknown. */
export interface RefusedPlace {
  readonly countries: readonly string[] | null;
  readonly regions: readonly string[];
  readonly evidence: EvidenceKind;
  readonly rule: string;
  readonly reason: string;
}

export interface ProvenDestination {
  readonly backend: string;
  readonly host: string;
  /** `mirror`: it gets copies. `auth`: it is asked whether a call may go on. */
  readonly role: "target" | "mirror" | "auth";
  /** From 0. */
  readonly tier: number;
  /** False: no lock binds what goes there, which may be processed anywhere. */
  readonly locked: boolean;
  /** Where requests may end. Empty for a locked destination: it gets none. */
  readonly places: readonly ProvenPlace[];
  readonly refused: readonly RefusedPlace[];
  /** Why what is said of this destination rests on nothing; null: it does not. */
  readonly hole: string | null;
}

/** Who asks: `now` in milliseconds since the epoch, `here` where the broker runs (null: not said, and nothing is judged by it). */
export interface ProofContext {
  readonly now: number;
  readonly here: BrokerPlace | null;
}

/** Every place that the doors could let a request to this destination reach, and what they refuse and why: from the very facts that the doors ask. */
export function proveDestination(
  { backend }: Target,
  { role, tier }: Pick<ProvenDestination, "role" | "tier">,
  lock: RegionLock | null,
  { now, here }: ProofContext,
): ProvenDestination {
  const base = { backend: backend.key, host: backend.authority, role, tier };
  if (lock === null) return { ...base, locked: false, places: [], refused: [], hole: null };
  const general = weighBackend(backend, lock);
  const credential = weighCredential(backend, lock, here);
  if (credential !== null) return { ...base, locked: true, places: [], refused: [refusedOf(credential)], hole: null };
  // A parent of which nothing is known keeps to the lock by its promise, which each of its answers must confirm.
  const known: readonly Located[] = general.rule === "parent.promise" ? [general] : backend.region.reach;
  if (known.length === 0) {
    const hole = `nothing says where ${backend.key} processes, so that it gets no call: ${general.reason}`;
    return { ...base, locked: true, places: [], refused: [refusedOf(general)], hole };
  }
  const weighed = known.map((located) => weigh(located, lock, now));
  const stale = known.find((located, index) => weighed[index]?.decision === "deny" && weigh(located, lock, null).decision === "allow");
  return {
    ...base,
    locked: true,
    places: weighed.flatMap((evidence) => (evidence.decision === "allow" ? [placeOf(evidence, lock)] : [])),
    refused: weighed.flatMap((evidence) => (evidence.decision === "allow" ? [] : [refusedOf(evidence)])),
    hole:
      stale === undefined
        ? null
        : `what is known of ${backend.key} is too old for its lock, so that calls are refused (${stale.rule}, checked ${stale.checkedAt ?? "never"})`,
  };
}

function placeOf({ countries, regions, evidence, rule, checkedAt, reason }: RegionEvidence, lock: RegionLock): ProvenPlace {
  return { countries: [...(countries ?? [])].sort(), regions, evidence, rule, checkedAt, until: untilOf(checkedAt, lock), reason };
}

function refusedOf({ countries, regions, evidence, rule, reason }: RegionEvidence): RefusedPlace {
  return { countries: countries === null ? null : [...countries].sort(), regions, evidence, rule, reason };
}

function untilOf(checkedAt: string | null, lock: RegionLock): string | null {
  const ages = lock.constraints.flatMap(({ maxAgeMs }) => maxAgeMs ?? []);
  return checkedAt === null || ages.length === 0 ? null : new Date(Date.parse(checkedAt) + Math.min(...ages)).toISOString();
}
