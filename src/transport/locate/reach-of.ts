import type { Attestation, Located } from "../../model/region.ts";
import { attestedPlace } from "./attested-place.ts";
import { customPlace, provenPlace } from "./locate.ts";
import { providerOf } from "./provider-rules.ts";
import type { DoorRequest } from "./viewed-request.ts";
import { isGenuine } from "./viewed-request.ts";

/** What of a backend decides where requests to it can end. */
export interface ReachingBackend extends Pick<DoorRequest, "origin" | "tls"> {
  readonly declared: string | null;
  readonly attestations: readonly Attestation[];
}

/** Every place that `locate` can find for a request to this backend; empty: it lets none through. For the compiler and for proofs. */
export function reachOf(backend: ReachingBackend): readonly Located[] {
  const { origin, declared, attestations } = backend;
  const rule = providerOf(origin.hostname);
  if (rule === null) return known([customPlace(declared, attestations)]);
  const attested = rule.attestable(origin.hostname) ? attestedPlace(attestations, "processing", `${rule.provider}.attested`) : null;
  const places = [...rule.reach(origin.hostname, attestations), ...(attested === null ? [] : [attested])];
  const genuine = isGenuine(backend);
  return known(places.map((place) => provenPlace(place, genuine, backend)));
}

function known(places: readonly Located[]): readonly Located[] {
  return places.filter((place) => place.countries !== null);
}
