import type { ApiProfile, ModelPrice } from "../../src/model/backend.ts";
import type { Usage } from "../../src/model/operation.ts";
import type { CallCost, RateCard } from "../../src/model/price.ts";
import type { Attestation } from "../../src/model/region.ts";
import type { PricedCall, Pricing } from "../../src/pricing/create-pricing.ts";
import { makeApi, makeTarget } from "../unit/plan/make-target.ts";

/** 2026-11-23T12:00:00Z: all bills are of this moment, unless they say otherwise. */
export const NOON = Date.UTC(2026, 10, 23, 12);

export interface Destination {
  readonly host: string;
  readonly model: string | null;
  readonly served?: string;
  readonly api?: Partial<ApiProfile>;
  readonly price?: ModelPrice;
  readonly attestations?: readonly Attestation[];
  readonly time?: number;
}

export function priced({ host, model, served, api, price, attestations, time }: Destination): PricedCall {
  const { backend } = makeTarget("priced", { api: api === undefined ? null : makeApi(api) });
  const region = { ...backend.region, attestations: attestations ?? backend.region.attestations };
  return {
    backend: { ...backend, origin: { scheme: "https", hostname: host, port: 443 }, region },
    price: price ?? null,
    model,
    served: served ?? null,
    time: time ?? NOON,
  };
}

export async function costOf(pricing: Pricing, to: Destination, usage: Usage, estimated = false): Promise<CallCost | null> {
  return await pricing.costOf(priced(to), usage, estimated);
}

export async function ratesOf(pricing: Pricing, to: Destination, inputTokens = 0): Promise<RateCard | null> {
  return await pricing.ratesOf(priced(to), inputTokens);
}

/** A policy's prices, in units per million tokens. */
export function policyPrice(parts: Partial<ModelPrice>): ModelPrice {
  return {
    inputPerMTok: null,
    cachedInputPerMTok: null,
    cacheWritePerMTok: null,
    cacheWriteHourPerMTok: null,
    outputPerMTok: null,
    reasoningPerMTok: null,
    audioInputPerMTok: null,
    audioOutputPerMTok: null,
    imageInputPerMTok: null,
    imageOutputPerMTok: null,
    currency: "USD",
    ...parts,
  };
}
