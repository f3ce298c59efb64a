import type { Located } from "../../model/region.ts";
import { countriesOfRegion, REGION_DATA_CHECKED_AT } from "../../model/region-data.ts";

/** The place that a hostname or a label names. None where they contradict each other or name nothing that is known. */
export function placesOf(declared: string | null, fromHost: string | null): readonly Located[] {
  const region = fromHost ?? declared;
  if (region === null || (declared !== null && fromHost !== null && declared !== fromHost)) return [];
  const base = { countries: countriesOfRegion(region) ?? [], regions: [region] };
  return fromHost === null
    ? [{ ...base, evidence: "label", rule: "label", checkedAt: null, reason: `the backend is labelled ${region}` }]
    : [{ ...base, evidence: "host", rule: "host", checkedAt: REGION_DATA_CHECKED_AT, reason: `the hostname names ${region}` }];
}
