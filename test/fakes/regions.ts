import type { Attestation, RegionConstraint, RegionFacts } from "../../src/model/region.ts";
import { reachOf } from "../../src/transport/locate/reach-of.ts";

/** A constraint that binds nothing but destinations and takes any evidence. */
export function makeConstraint(policy: string, parts: Partial<RegionConstraint> = {}): RegionConstraint {
  return {
    policy,
    regions: new Set(),
    countries: new Set(),
    minimumEvidence: "label",
    maxAgeMs: null,
    binds: { broker: false, secretSources: false, tokenEndpoints: false, mirrors: true, telemetry: false, eventSinks: false, authCallouts: true },
    ...parts,
  };
}

/** As the compiler finds them for a backend with this label and a host that is documented to process in `fromHost`, or is not documented. */
export function makeRegionFacts(declared: string | null, fromHost: string | null = null): RegionFacts {
  const origin = { scheme: "https", hostname: "backend.example", port: 443 } as const;
  const labelled = reachOf({ origin, tls: null, declared: fromHost ?? declared, attestations: [] });
  if (fromHost === null) return { declared, fromHost, attestations: [], reach: labelled };
  const contradicted = declared !== null && declared !== fromHost;
  const reach = contradicted ? [] : labelled.map((one) => ({ ...one, evidence: "host", rule: "test.host" }) as const);
  return { declared, fromHost, attestations: [], reach };
}

/** An attestation that says nothing yet. */
export function makeAttestation(parts: Partial<Attestation> = {}): Attestation {
  return {
    id: "egress-system/attested",
    checkedAt: "2026-11-20",
    source: "a contract",
    fromControlPlane: false,
    processing: null,
    deployments: [],
    inferenceProfiles: [],
    project: null,
    models: [],
    serverTools: [],
    fetches: [],
    storedState: false,
    guardrails: false,
    ...parts,
  };
}
