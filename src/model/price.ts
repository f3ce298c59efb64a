/** What a call cost. */
export interface CallCost {
  /** Billionths of the currency's unit, rounded to the nearest. */
  readonly nanos: number;
  /** ISO 4217. */
  readonly currency: string;
  /** `policy`: AIBackendPolicy. Else the name and version of the book of prices. */
  readonly source: string;
  /** Tokens were estimated, or a part of them had to be priced as plain input or output, or by a rule of thumb. */
  readonly estimated: boolean;
}

/** Plain prices of one model at one backend, in units of `currency` per token; null: unknown, which is never 0. */
export interface RateCard {
  readonly currency: string;
  readonly source: string;
  readonly input: number | null;
  readonly cachedInput: number | null;
  readonly output: number | null;
}

/** Units of the currency per million tokens: the same for every call, or by the input tokens of a call, where the last step below them is the price of all its tokens. */
export type Price = number | { readonly base: number; readonly steps: readonly PriceStep[] };

export interface PriceStep {
  /** Calls with more input tokens than this. */
  readonly above: number;
  readonly price: number;
}

/** All prices of one model at one provider at a time. Null: it has no price of its own; see `pricing/bill.ts` for what counts then. */
export interface PriceSheet {
  /** ISO 4217. */
  readonly currency: string;
  readonly source: string;
  readonly input: Price | null;
  readonly output: Price | null;
  readonly cacheRead: Price | null;
  readonly cacheWrite: Price | null;
  readonly cacheWriteHour: Price | null;
  readonly reasoning: Price | null;
  readonly audioInput: Price | null;
  readonly audioOutput: Price | null;
  readonly cacheReadAudio: Price | null;
  readonly imageInput: Price | null;
  readonly imageOutput: Price | null;
  /** Per thousand searches. */
  readonly webSearches: number | null;
  /** Per thousand calls, beside their tokens. */
  readonly requests: number | null;
}

export const NO_PRICES: Omit<PriceSheet, "currency" | "source"> = {
  input: null,
  output: null,
  cacheRead: null,
  cacheWrite: null,
  cacheWriteHour: null,
  reasoning: null,
  audioInput: null,
  audioOutput: null,
  cacheReadAudio: null,
  imageInput: null,
  imageOutput: null,
  webSearches: null,
  requests: null,
};

/** A book of list prices. It never asks the network. */
export interface PriceBook {
  /** Name and version, such as `genai-prices@0.1.8`. */
  readonly source: string;
  /**
   * The list prices in force at a time (milliseconds since the epoch); null: the book does not know the model. `provider` is the value of
   * `gen_ai.provider.name`, `model` as the provider is asked for it. Prices hold for half an hour of the clock at least. Never throws.
   */
  sheet(of: { readonly provider: string; readonly model: string; readonly time: number }): PriceSheet | null;
}
