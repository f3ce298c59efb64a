import type { Located } from "../../model/region.ts";
import { countriesOfRegion, REGION_DATA_CHECKED_AT } from "../../model/region-data.ts";

/** Where an endpoint for tokens runs whose hostname names `region`, such as that of a regional STS; none where it names none. */
export function tokenHostPlaces(region: string | null): readonly Located[] {
  const countries = region === null ? null : countriesOfRegion(region);
  if (region === null || countries === null) return [];
  return [{ countries, regions: [region], evidence: "host", rule: "token.host", checkedAt: REGION_DATA_CHECKED_AT, reason: `the hostname names ${region}` }];
}
