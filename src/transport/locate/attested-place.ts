import type { Attestation, AttestedPlace, Located } from "../../model/region.ts";
import { countriesOfRegion } from "../../model/region-data.ts";

/** Countries of all these regions; null: one of them is unknown, so nothing is known. */
export function countriesOfAll(regions: readonly string[]): readonly string[] | null {
  const countries = new Set<string>();
  for (const region of regions) {
    const known = countriesOfRegion(region);
    if (known === null) return null;
    for (const country of known) countries.add(country);
  }
  return [...countries];
}

/** The older of two dates; what is no date counts as oldest. */
export function older(one: string, other: string): string {
  const [first, second] = [Date.parse(one), Date.parse(other)];
  if (Number.isNaN(first)) return one;
  return Number.isNaN(second) || second < first ? other : one;
}

/** The place that attestations give a whole backend. Several that speak of it widen it: any of them may be right. Null: none speaks of it. */
export function attestedPlace(attestations: readonly Attestation[], member: "processing" | "project", rule: string): Located | null {
  const speaking = attestations.flatMap((one) => (one[member] === null ? [] : [{ attestation: one, place: one[member] }]));
  const [first] = speaking;
  if (first === undefined) return null;
  // A place that is told by countries alone has no name, and one that is told by an unknown name has no countries: then neither has the union.
  const regions = speaking.some(({ place }) => place.regions.length === 0) ? [] : [...new Set(speaking.flatMap(({ place }) => place.regions))];
  const known = speaking.map(({ place }) => countriesOf(place));
  const countries = known.some((one) => one.length === 0) ? [] : [...new Set(known.flat())];
  return {
    regions,
    countries,
    evidence: speaking.every(({ attestation }) => attestation.fromControlPlane) ? "control-plane" : "attested",
    rule,
    checkedAt: speaking.map(({ attestation }) => attestation.checkedAt).reduce(older),
    reason: `RegionAttestation ${speaking.map(({ attestation }) => attestation.id).join(", ")} (${first.attestation.source})`,
  };
}

/** Countries that were written, else those of the regions; none where a region is unknown, so that only its name can be allowed. */
function countriesOf(place: AttestedPlace): readonly string[] {
  return place.countries.length > 0 ? place.countries : (countriesOfAll(place.regions) ?? []);
}
