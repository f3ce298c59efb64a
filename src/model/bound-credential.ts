import type { Backend } from "./backend.ts";
import { credentialPartsOf } from "./credential-parts.ts";
import type { BrokerPlace } from "./exchange.ts";
import type { RegionConstraint, RegionEvidence, RegionLock } from "./region.ts";
import { countriesOfRegion } from "./region-data.ts";
import type { SecretReference } from "./secret.ts";
import type { TokenEndpoint } from "./token-plan.ts";
import { allowsPlace, unknownPlace } from "./weigh.ts";

/**
 * What a lock that binds secret sources or token endpoints says of all that this backend's credential and connection are made of. Null: nothing against it.
 * Secrets of Kubernetes, files, the environment and bindings lie where the broker runs, and so do token endpoints of its own machine; `here` null leaves
 * those to whoever knows that. Unknown is denied.
 */
export function weighCredential(backend: Backend, lock: RegionLock | null, here: BrokerPlace | null): RegionEvidence | null {
  for (const constraint of lock?.constraints ?? []) {
    const { secretSources, tokenEndpoints } = constraint.binds;
    const denied = (rule: string, reason: string): RegionEvidence => ({ ...unknownPlace(rule, reason), decision: "deny", policies: [constraint.policy] });
    for (const source of secretSources ? credentialPartsOf(backend).secrets : []) {
      const fault = sourceFault(source, constraint, here);
      if (fault !== null) return denied("also.secretSources", fault);
    }
    for (const endpoint of tokenEndpoints ? credentialPartsOf(backend).endpoints : []) {
      const fault = endpointFault(endpoint, constraint, here);
      if (fault !== null) return denied("also.tokenEndpoints", fault);
    }
  }
  return null;
}

/** Why the constraint does not allow a broker, or what lies beside it, in this place; null: it does. */
export function outsideFault(place: BrokerPlace, constraint: RegionConstraint): "unknown" | "outside" | null {
  const { region, country } = place;
  if (region === null && country === null) return "unknown";
  const countries = region === null ? [country ?? ""] : (countriesOfRegion(region) ?? []);
  return allowsPlace(constraint, region === null ? [] : [region], countries) ? null : "outside";
}

function sourceFault({ id, location }: SecretReference, constraint: RegionConstraint, here: BrokerPlace | null): string | null {
  const place = placeOf(location, here);
  if (place === null) return null;
  const fault = outsideFault(place, constraint);
  if (fault === null) return null;
  const bound = `RegionPolicy ${constraint.policy} binds secret sources too`;
  if (fault === "unknown") return `${bound}, and nothing says in which region ${id} is kept`;
  return `${bound}, and ${id} is kept in ${place.region ?? place.country}, which it does not allow`;
}

/** A token endpoint is told who the broker is, and no prompt. One that serves the whole world from one name, as `sts.googleapis.com` does, lies nowhere. */
function endpointFault(endpoint: TokenEndpoint, constraint: RegionConstraint, here: BrokerPlace | null): string | null {
  const bound = `RegionPolicy ${constraint.policy} binds token endpoints too`;
  if (endpoint.local) {
    const fault = here === null ? null : outsideFault(here, constraint);
    if (fault === null) return null;
    return fault === "unknown"
      ? `${bound}, and where the broker itself runs is not known`
      : `${bound}, and tokens come from beside the broker, which runs outside`;
  }
  if (endpoint.reach.length === 0) return `${bound}, and nothing says in which region ${endpoint.authority} is`;
  const outside = endpoint.reach.find(({ regions, countries }) => countries === null || !allowsPlace(constraint, regions, countries));
  return outside === undefined ? null : `${bound}, and ${endpoint.authority} may be in ${outside.regions.join(", ")}, which it does not allow`;
}

/** Null: where the broker runs, and nobody says where that is. */
function placeOf(location: SecretReference["location"], here: BrokerPlace | null): BrokerPlace | null {
  if (location.provider === "awsSecretsManager") return { region: location.region, country: null };
  // Without a location Google keeps copies wherever it likes.
  if (location.provider === "googleSecretManager") return { region: location.location, country: null };
  return here;
}
