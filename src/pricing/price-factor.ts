import type { Backend } from "../model/backend.ts";
import type { Usage } from "../model/operation.ts";
import { placedAt } from "./placed-at.ts";
import { PLACE_RULES, TIER_RULES } from "./uplifts.ts";

export interface PriceFactor {
  readonly times: number;
  readonly exact: boolean;
}

export interface PricedNames {
  /** The model as the book knows it. */
  readonly priced: string;
  /** As the provider was asked for it: Azure's deployment. */
  readonly asked: string;
}

/**
 * By how much list prices are to be multiplied for the tier and the place in which a call was served; null: what was bought beforehand has no price per
 * token. A tier of which no rule knows costs what the list says, as an estimate. Before the call `usage` is null: the standard tier.
 */
export function priceFactor(provider: string, backend: Backend, names: PricedNames, usage: Usage | null): PriceFactor | null {
  const tier = usage?.serviceTier ?? "standard";
  if (tier === "prepaid") return null;
  let times = 1;
  let exact = true;
  if (tier !== "standard") {
    const rule = TIER_RULES.find((one) => one.tier === tier && one.providers.includes(provider) && fits(one.models, names.priced));
    times = rule?.times ?? 1;
    exact = rule?.exact ?? false;
  }
  for (const rule of PLACE_RULES) {
    if (!rule.providers.includes(provider) || !fits(rule.models, names.priced) || !placedAt(rule.place, backend, names.asked, usage)) continue;
    times *= rule.times;
    exact &&= rule.exact;
  }
  return { times, exact };
}

function fits(models: RegExp | null, model: string): boolean {
  return models === null || models.test(model);
}
