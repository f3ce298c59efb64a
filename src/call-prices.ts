import type { CallInFlight } from "./attempt.ts";
import type { Cleared } from "./model/cleared.ts";
import type { RateCard } from "./model/price.ts";
import { matchModel } from "./plan/model-rule.ts";

/** What models cost, for the stages that limit money. */
export interface CallPrices {
  /** Prices of the call's model at a destination; null: not known. */
  rates(call: CallInFlight, cleared: Cleared): RateCard | null | Promise<RateCard | null>;
}

const MILLION = 1_000_000;

/** The prices that AIBackendPolicies name. */
export const policyPrices: CallPrices = {
  rates({ body }, { target }) {
    const { api } = target.backend;
    const rule = api === null ? null : matchModel(api, target.model ?? body.facts?.model ?? null);
    const price = rule === null || rule === "unknown" ? null : rule.price;
    if (price === null) return null;
    const perToken = (perMillion: number | null): number | null => (perMillion === null ? null : perMillion / MILLION);
    return {
      currency: price.currency,
      source: "policy",
      input: perToken(price.inputPerMTok),
      cachedInput: perToken(price.cachedInputPerMTok),
      output: perToken(price.outputPerMTok),
    };
  },
};
