import type { ApiProfile, ModelPrice } from "../model/backend.ts";
import { API_PRESETS, quirksOf } from "./api-presets.ts";
import type { AIBackendPolicySpec } from "./kinds/ai-backend-policy.ts";
import type { ManifestOf } from "./manifest-set.ts";

type AuthoredModel = NonNullable<AIBackendPolicySpec["models"]>[number];

/** Which API a backend speaks, and which models it offers. */
export function compileApi(policy: ManifestOf<"AIBackendPolicy">): ApiProfile {
  const { schema, models, onUnknownModel } = policy.body.spec;
  const rules = (models ?? []).map((model) => ({ name: model.name, upstream: model.upstream ?? null, price: compilePrice(model) }));
  return {
    schema: schema.name,
    quirks: quirksOf(schema.preset ?? null),
    apiVersion: schema.apiVersion ?? null,
    project: schema.project ?? null,
    location: schema.location ?? null,
    maxOutputTokens: schema.maxOutputTokens,
    // `/v1/` and `/v1` are the same prefix; a bare `/` is none.
    prefix: schema.prefix?.replace(/\/+$/, "") ?? (schema.preset === undefined ? null : API_PRESETS[schema.preset].prefix),
    models: rules,
    onUnknownModel: onUnknownModel ?? (rules.length === 0 ? "Pass" : "Reject"),
  };
}

function compilePrice(model: AuthoredModel): ModelPrice | null {
  if (model.price === undefined) return null;
  const { inputPerMTok, cachedInputPerMTok, outputPerMTok, currency } = model.price;
  return { inputPerMTok: amount(inputPerMTok), cachedInputPerMTok: amount(cachedInputPerMTok), outputPerMTok: amount(outputPerMTok), currency };
}

function amount(authored: string | number | undefined): number | null {
  return authored === undefined ? null : Number(authored);
}
