import type { Attestation, AttestedPlace } from "../model/region.ts";
import { countriesOfRegion, regionNames } from "../model/region-data.ts";
import { didYouMean } from "./did-you-mean.ts";
import { type LinkContext, warn } from "./link-context.ts";
import { idOf, namespaceOf } from "./manifest.ts";
import type { ManifestOf } from "./manifest-set.ts";
import { notAmong } from "./not-among.ts";

type AttestationManifest = ManifestOf<"RegionAttestation">;

/** What counts for each backend, by `XBackend/namespace/name` or `Service/namespace/name`, in the order of their names. */
export type RegionAttestations = ReadonlyMap<string, readonly Attestation[]>;

/**
 * Reads every RegionAttestation. One outside the namespaces of this broker's Gateways is refused: whoever owns a route and its backends could
 * otherwise vouch for them and leave every lock.
 */
export function compileAttestations(context: LinkContext, gatewayNamespaces: ReadonlySet<string>): RegionAttestations {
  const byBackend = new Map<string, Attestation[]>();
  const manifests = [...context.set.RegionAttestation.values()].sort((one, other) => (idOf(one) < idOf(other) ? -1 : 1));
  for (const manifest of manifests) {
    if (!gatewayNamespaces.has(namespaceOf(manifest))) {
      const message = "a RegionAttestation counts only in the namespace of a Gateway of this broker";
      for (const { kind, namespace, name } of manifest.body.spec.targetRefs)
        context.conditions.write(manifest, `${kind}/${namespace}/${name}`, { type: "Accepted", status: "False", reason: "RefNotPermitted", message });
      warn(context, manifest, ["metadata", "namespace"], `nothing of this counts: ${message}`, "move it beside the Gateway");
      continue;
    }
    const attestation = compileAttestation(manifest);
    warnUnknown(context, manifest);
    for (const [index, { kind, namespace, name }] of manifest.body.spec.targetRefs.entries()) {
      const key = `${kind}/${namespace}/${name}`;
      if (!context.set[kind].has(`${namespace}/${name}`)) {
        const message = notAmong(kind, namespace, name, context.set[kind]);
        context.conditions.write(manifest, key, { type: "Accepted", status: "False", reason: "TargetNotFound", message });
        warn(context, manifest, ["spec", "targetRefs", index], message);
        continue;
      }
      const known = byBackend.get(key) ?? [];
      known.push(attestation);
      byBackend.set(key, known);
      context.conditions.approve(manifest, key, "Accepted");
    }
  }
  return byBackend;
}

function compileAttestation(manifest: AttestationManifest): Attestation {
  const { spec } = manifest.body;
  return {
    id: idOf(manifest),
    checkedAt: spec.checkedAt,
    source: spec.source,
    fromControlPlane: spec.from === "ControlPlane",
    processing: placeOf(spec.processing),
    deployments: spec.deployments ?? [],
    inferenceProfiles: (spec.inferenceProfiles ?? []).map(({ id, sourceRegion, destinationRegions }) => ({
      id,
      sourceRegion: sourceRegion ?? null,
      destinationRegions,
    })),
    project: placeOf(spec.project),
    models: spec.models ?? [],
    serverTools: spec.allow?.serverTools ?? [],
    fetches: spec.allow?.fetches ?? [],
    storedState: spec.allow?.storedState ?? false,
    guardrails: spec.allow?.guardrails ?? false,
  };
}

function placeOf(place: AttestationManifest["body"]["spec"]["processing"]): AttestedPlace | null {
  return place === undefined ? null : { regions: place.regions ?? [], countries: place.countries ?? [] };
}

/** A region that nobody knows has no countries, so only a lock that names it can allow it: most often a slip of the pen. */
function warnUnknown(context: LinkContext, manifest: AttestationManifest): void {
  const { processing, project, deployments = [], inferenceProfiles = [] } = manifest.body.spec;
  const unknown = (path: readonly (string | number)[], region: string) => {
    if (countriesOfRegion(region) !== null) return;
    const meant = didYouMean(region, regionNames());
    warn(context, manifest, ["spec", ...path], `no provider is known to have a region ${region}`, meant === null ? null : `did you mean ${meant}?`);
  };
  for (const [member, place] of [["processing", processing] as const, ["project", project] as const]) {
    if ((place?.countries ?? []).length > 0) continue;
    for (const [index, region] of (place?.regions ?? []).entries()) unknown([member, "regions", index], region);
  }
  for (const [index, { location }] of deployments.entries()) unknown(["deployments", index, "location"], location);
  for (const [at, profile] of inferenceProfiles.entries()) {
    for (const [index, region] of profile.destinationRegions.entries()) unknown(["inferenceProfiles", at, "destinationRegions", index], region);
  }
}
