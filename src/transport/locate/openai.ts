import { asString } from "../../lib/json-value.ts";
import type { Attestation, Located } from "../../model/region.ts";
import { countriesOfRegion } from "../../model/region-data.ts";
import { attestedPlace } from "./attested-place.ts";
import { BODY_FIELDS } from "./data/body-fields.ts";
import { OPENAI_FACTS } from "./data/openai-facts.ts";
import { denied, type Finding, found, unproven } from "./finding.ts";
import type { ProviderRule } from "./provider-rule.ts";

const HOST = /^(?:([a-z0-9-]+)\.)?api\.openai\.com$/;
const DATED = /^(.+)-\d{4}-\d{2}-\d{2}$/;

/** OpenAI: host, path and model must all be documented; the plain host needs an attested project. */
export const openai: ProviderRule = {
  provider: "openai",
  owns: (hostname) => HOST.test(hostname),
  attestable: (hostname) => hostname !== "api.openai.com" && !OPENAI_FACTS.processing.has(hostname),
  parameters: new Set(),
  fieldsOf({ path }) {
    if (path.endsWith("/responses")) return BODY_FIELDS.openaiResponses;
    return path.endsWith("/embeddings") ? BODY_FIELDS.openaiEmbeddings : BODY_FIELDS.openaiChat;
  },
  locate({ hostname, method, path, body }, attestations) {
    const known = OPENAI_FACTS.paths.find((one) => one.method === method && one.path === path);
    if (known === undefined) return denied("openai.path", "regional processing is not documented for this operation");
    const region = OPENAI_FACTS.processing.get(hostname) ?? null;
    if (region === null && hostname !== "api.openai.com") {
      const label = HOST.exec(hostname)?.[1] ?? "";
      return OPENAI_FACTS.storageOnly.has(label)
        ? unproven("openai.storage-only", `${hostname} stores in its region and may process elsewhere`)
        : unproven("openai.host", `nothing is documented about ${hostname}`);
    }
    if (!known.listing) {
      const model = asString(body?.["model"]);
      if (model === null || !isDocumented(model, region, attestations)) return denied("openai.model", "regional processing is not documented for this model");
    }
    return placeOf(region, attestations);
  },
  reach(hostname, attestations) {
    const region = OPENAI_FACTS.processing.get(hostname) ?? null;
    if (region === null && hostname !== "api.openai.com") return [];
    const { located } = placeOf(region, attestations);
    return located.countries === null ? [] : [located];
  },
};

function isDocumented(model: string, region: string | null, attestations: readonly Attestation[]): boolean {
  if (attestations.some((one) => one.models.includes(model))) return true;
  if (region !== null && OPENAI_FACTS.modelsUnlisted.has(region)) return false;
  return OPENAI_FACTS.models.has(model) || OPENAI_FACTS.models.has(DATED.exec(model)?.[1] ?? "");
}

function placeOf(region: string | null, attestations: readonly Attestation[]): Finding {
  if (region !== null) {
    // "Europe" is the European Economic Area and Switzerland here.
    const countries = countriesOfRegion(region) ?? [];
    return found(
      { countries, regions: [region], evidence: "host", rule: "openai.regional-host", reason: `OpenAI documents processing in ${region} for this host` },
      OPENAI_FACTS,
    );
  }
  const project: Located | null = attestedPlace(attestations, "project", "openai.project");
  return project === null
    ? denied("openai.project", "api.openai.com tells no region, and no RegionAttestation tells that of the project")
    : { located: project, attestable: false };
}
