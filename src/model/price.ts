import type { Usage } from "./operation.ts";

/** What a call cost. */
export interface CallCost {
  /** Billionths of the currency's unit, rounded to the nearest. */
  readonly nanos: number;
  /** ISO 4217. */
  readonly currency: string;
  /** `policy`: AIBackendPolicy. Else the name and version of the book of prices. */
  readonly source: string;
  /** Tokens were estimated, or a part of them had to be priced as plain input or output. */
  readonly estimated: boolean;
}

/** Prices of one model at one backend, in units of `currency` per token; null: unknown, which is never 0. */
export interface RateCard {
  readonly currency: string;
  readonly source: string;
  readonly input: number | null;
  readonly cachedInput: number | null;
  readonly output: number | null;
}

/** A book of list prices. Loaded on first use; it never asks the network. */
export interface PriceBook {
  /** Name and version, such as `genai-prices@0.1.8`. */
  readonly source: string;
  /**
   * What this usage costs at a provider at a time, in nanos of US dollars; null: the book does not know the model.
   * `provider` is the value of `gen_ai.provider.name`, `region` where it was processed, as far as known.
   */
  cost(of: {
    readonly provider: string;
    readonly model: string;
    readonly region: string | null;
    readonly usage: Usage;
    readonly time: number;
  }): { readonly nanos: number; readonly estimated: boolean } | null;
  /** Plain prices per token, for estimates and `price.*` of expressions; null: unknown. */
  rates(of: { readonly provider: string; readonly model: string; readonly region: string | null; readonly time: number }): RateCard | null;
}
