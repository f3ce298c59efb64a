import type { RegionConstraint, RegionFacts } from "../../src/model/region.ts";
import { placesOf } from "../../src/transport/locate/places-of.ts";

/** A constraint that binds nothing but destinations and takes any evidence. */
export function makeConstraint(policy: string, parts: Partial<RegionConstraint> = {}): RegionConstraint {
  return {
    policy,
    regions: new Set(),
    countries: new Set(),
    minimumEvidence: "label",
    maxAgeMs: null,
    binds: { broker: false, secretSources: false, tokenEndpoints: false, mirrors: true, telemetry: false, eventSinks: false, authCallouts: false },
    ...parts,
  };
}

/** As the compiler finds them for a backend with this label and this region in its hostname. */
export function makeRegionFacts(declared: string | null, fromHost: string | null = null): RegionFacts {
  return { declared, fromHost, attestations: [], reach: placesOf(declared, fromHost) };
}
