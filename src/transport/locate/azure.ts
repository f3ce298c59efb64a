import { asString } from "../../lib/json-value.ts";
import type { Attestation, AttestedDeployment, Located } from "../../model/region.ts";
import { countriesOfRegion, JURISDICTIONS } from "../../model/region-data.ts";
import { older } from "./attested-place.ts";
import { AZURE_FACTS } from "./data/azure-facts.ts";
import { BODY_FIELDS } from "./data/body-fields.ts";
import { denied, type Finding } from "./finding.ts";
import type { ProviderRule } from "./provider-rule.ts";
import type { ViewedRequest } from "./viewed-request.ts";

const HOST = /^[a-z0-9-]+\.(?:openai|cognitiveservices|services\.ai)\.azure\.(?:com|us|cn)$/;
const DEPLOYMENT = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** Paths whose deployment stands in the body's `model`. */
const BY_MODEL: ReadonlySet<string> = new Set([
  "/openai/v1/chat/completions",
  "/openai/v1/responses",
  "/openai/v1/embeddings",
  "/openai/responses",
  "/models/chat/completions",
  "/models/embeddings",
  "/anthropic/v1/messages",
]);

/** Azure OpenAI and Foundry: no host tells; the deployment's SKU and the account's location do, and both have to be attested. */
export const azure: ProviderRule = {
  provider: "azure",
  owns: (hostname) => HOST.test(hostname),
  attestable: () => false,
  parameters: new Set(["api-version"]),
  fieldsOf({ path }) {
    if (path.endsWith("/chat/completions")) return BODY_FIELDS.openaiChat;
    if (path.endsWith("/responses")) return BODY_FIELDS.openaiResponses;
    if (path.endsWith("/messages")) return BODY_FIELDS.anthropicMessages;
    return BODY_FIELDS.openaiEmbeddings;
  },
  locate(request, attestations) {
    const deployment = deploymentOf(request);
    if (deployment === null) return denied("azure.path", "this operation of Azure names no deployment that can be looked up");
    return locateDeployment(deployment, attestations);
  },
  reach(_hostname, attestations) {
    const names = new Set(attestations.flatMap((one) => one.deployments.map((deployment) => deployment.name)));
    return [...names].flatMap((name): readonly Located[] => {
      const { located } = locateDeployment(name, attestations);
      return located.countries === null ? [] : [located];
    });
  },
};

/** The deployment that the path names, for as long as the body does not name another. */
export function azurePathDeployment(segments: readonly string[]): string | null {
  const [openai, deployments, deployment = "", ...operation] = segments;
  if (openai !== "openai" || deployments !== "deployments" || !DEPLOYMENT.test(deployment)) return null;
  return operation.join("/") === "chat/completions" || operation.join("/") === "embeddings" ? deployment : null;
}

function deploymentOf({ method, path, segments, body }: ViewedRequest): string | null {
  if (method !== "POST" || body === null || body === "unreadable") return null;
  const model = body["model"];
  const fromPath = azurePathDeployment(segments);
  if (fromPath !== null) return model === undefined || model === fromPath ? fromPath : null;
  const named = asString(model);
  return named !== null && BY_MODEL.has(path) && DEPLOYMENT.test(named) ? named : null;
}

function locateDeployment(name: string, attestations: readonly Attestation[]): Finding {
  const matching = attestations.flatMap((attestation) =>
    attestation.deployments.filter((deployment) => deployment.name === name).map((deployment) => ({ attestation, deployment })),
  );
  if (matching.length === 0) return denied("azure.deployment", "no RegionAttestation tells the SKU and location of this deployment");
  // Two that disagree widen the place: a deployment can be made anew under its name.
  const places = matching.map(({ deployment }) => placeOf(deployment));
  const regions = new Set<string>();
  const countries = new Set<string>();
  for (const place of places) {
    if (place === null) return denied("azure.sku", "the SKU or the location of this deployment does not say where it processes");
    regions.add(place.region);
    for (const country of place.countries) countries.add(country);
  }
  return {
    located: {
      countries: [...countries],
      regions: [...regions],
      evidence: matching.every(({ attestation }) => attestation.fromControlPlane) ? "control-plane" : "attested",
      rule: "azure.deployment",
      checkedAt: matching.map(({ attestation }) => attestation.checkedAt).reduce(older),
      reason: `RegionAttestation ${matching.map(({ attestation }) => attestation.id).join(", ")} tells the SKU and location of the deployment`,
    },
    attestable: false,
  };
}

function placeOf({ sku, location }: AttestedDeployment): { readonly region: string; readonly countries: readonly string[] } | null {
  const countries = countriesOfRegion(location);
  const kind = AZURE_FACTS.skus.get(sku);
  if (countries === null || kind === undefined || kind === "never") return null;
  if (kind === "region") return { region: location, countries };
  if (countries.every((country) => country === "US")) return { region: "us", countries: ["US"] };
  const union = JURISDICTIONS["EU"] ?? [];
  // "Within any EU member nation": Switzerland, Norway and the United Kingdom have no data zone.
  return countries.every((country) => union.includes(country)) ? { region: "eu", countries: union } : null;
}
