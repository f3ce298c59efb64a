import { countriesOfRegion, regionNames } from "../model/region-data.ts";
import { didYouMean } from "./did-you-mean.ts";
import { type LinkContext, warn } from "./link-context.ts";

const REGION_LABEL = "topology.kubernetes.io/region";

/**
 * Warns of region names that stand in one place only, which is how a slip of the pen looks: a lock that names a region nobody has, and a
 * backend in a region that no provider and no lock names. Both fail closed, so nothing leaks; but calls are refused and nobody knows why.
 */
export function warnRegions(context: LinkContext): void {
  const policies = [...context.set.RegionPolicy.values()];
  if (policies.length === 0) return;
  const backends = [...context.set.XBackend.values(), ...context.set.Service.values()];
  const labels = new Set(backends.flatMap((backend) => backend.labels[REGION_LABEL] ?? []));
  const locked = new Set(policies.flatMap((policy) => policy.body.spec.allow.regions ?? []));
  for (const policy of policies) {
    for (const [index, region] of (policy.body.spec.allow.regions ?? []).entries()) {
      if (countriesOfRegion(region) !== null || labels.has(region)) continue;
      warn(
        context,
        policy,
        ["spec", "allow", "regions", index],
        `no provider is known to have a region ${region}, and no backend carries it`,
        advice(region) ?? AS_PROVIDERS,
      );
    }
  }
  for (const backend of backends) {
    const region = backend.labels[REGION_LABEL];
    if (region === undefined || region === "" || countriesOfRegion(region) !== null || locked.has(region)) continue;
    const message = `no provider is known to have a region ${region}, and no RegionPolicy names it: this backend is outside every lock`;
    warn(context, backend, ["metadata", "labels", REGION_LABEL], message, advice(region));
  }
}

const AS_PROVIDERS = "write a region as its provider does, such as eu-central-1 or westeurope; there are jurisdictions: [EU] and countries: [DE] too";

function advice(region: string): string | null {
  const meant = didYouMean(region, regionNames());
  return meant === null ? null : `did you mean ${meant}?`;
}
