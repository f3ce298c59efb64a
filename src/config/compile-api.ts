import type { ApiProfile, ApiSchema, ModelPrice } from "../model/backend.ts";
import { API_PRESETS, quirksOf } from "./api-presets.ts";
import type { AIBackendPolicySpec } from "./kinds/ai-backend-policy.ts";
import type { ManifestOf } from "./manifest-set.ts";

type AuthoredModel = NonNullable<AIBackendPolicySpec["models"]>[number];

/** Servers of many speak OpenAI's API; the others are their owners' alone. */
const PROVIDER_OF: Readonly<Record<ApiSchema, string | null>> = {
  OpenAI: null,
  OpenAIResponses: null,
  AzureOpenAI: "azure.ai.openai",
  Anthropic: "anthropic",
  AWSAnthropic: "aws.bedrock",
  GCPAnthropic: "gcp.vertex_ai",
  AWSBedrock: "aws.bedrock",
  Gemini: "gcp.gemini",
  GCPVertexAI: "gcp.vertex_ai",
};

/** Which API a backend speaks, and which models it offers. */
export function compileApi(policy: ManifestOf<"AIBackendPolicy">): ApiProfile {
  const { schema, models, onUnknownModel } = policy.body.spec;
  const rules = (models ?? []).map((model) => ({ name: model.name, upstream: model.upstream ?? null, price: compilePrice(model) }));
  return {
    schema: schema.name,
    provider: schema.preset === undefined ? PROVIDER_OF[schema.name] : API_PRESETS[schema.preset].provider,
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
  const { price } = model;
  return {
    inputPerMTok: amount(price.inputPerMTok),
    cachedInputPerMTok: amount(price.cachedInputPerMTok),
    cacheWritePerMTok: amount(price.cacheWritePerMTok),
    cacheWriteHourPerMTok: amount(price.cacheWriteHourPerMTok),
    outputPerMTok: amount(price.outputPerMTok),
    reasoningPerMTok: amount(price.reasoningPerMTok),
    audioInputPerMTok: amount(price.audioInputPerMTok),
    audioOutputPerMTok: amount(price.audioOutputPerMTok),
    imageInputPerMTok: amount(price.imageInputPerMTok),
    imageOutputPerMTok: amount(price.imageOutputPerMTok),
    currency: price.currency,
  };
}

function amount(authored: string | number | undefined): number | null {
  return authored === undefined ? null : Number(authored);
}
