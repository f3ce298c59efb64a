import type { Backend, ModelPrice } from "../model/backend.ts";
import type { Usage } from "../model/operation.ts";
import type { CallCost, PriceBook, PriceSheet, RateCard } from "../model/price.ts";
import { providerNameOf } from "../model/provider-name.ts";
import { bill, priceAt } from "./bill.ts";
import { policySheet } from "./policy-sheet.ts";
import { type PriceFactor, priceFactor } from "./price-factor.ts";

/** A call at one destination, as far as prices depend on it. */
export interface PricedCall {
  readonly backend: Backend;
  /** What the backend's policy says that the model costs; null: nothing. */
  readonly price: ModelPrice | null;
  /** The model, as the provider was asked for it; null: none was named. */
  readonly model: string | null;
  /** The model that the answer names; null: it names none, or there is no answer yet. */
  readonly served: string | null;
  /** Milliseconds since the epoch. */
  readonly time: number;
}

/** What calls cost. At once, but for the first call that needs the book of prices and waits for it to load. Never rejects, never throws. */
export interface Pricing {
  /** Null: unknown, which is never 0. `estimated`: the tokens are an estimate. */
  costOf(call: PricedCall, usage: Usage, estimated: boolean): CallCost | null | Promise<CallCost | null>;
  /** Plain prices of a call with so many input tokens, in the standard tier; null: the model has none. */
  ratesOf(call: PricedCall, inputTokens: number): RateCard | null | Promise<RateCard | null>;
}

/** Loads the book of prices of a platform. */
export type LoadPriceBook = () => Promise<PriceBook>;

interface Priced {
  readonly sheet: PriceSheet;
  readonly factor: (usage: Usage | null) => PriceFactor | null;
}

const AS_WRITTEN: PriceFactor = { times: 1, exact: true };
const ABOUT_AS_WRITTEN: PriceFactor = { times: 1, exact: false };
/** What callers name is looked up only so far. */
const MAX_NAME = 256;
/** Names that were looked up, found or not: bounded, since callers choose some of them. */
const MAX_SHEETS = 1_024;
const HALF_HOUR = 1_800_000;

/** Prices of the policies, and of a book where they say nothing; `loadBook` null: there is none. */
export function createPricing(loadBook: LoadPriceBook | null): Pricing {
  let book: PriceBook | null = null;
  let failed = loadBook === null;
  const sheets = new Map<string, PriceSheet | null>();
  let half = 0;

  function sheetOf(provider: string, model: string, time: number): PriceSheet | null {
    if (book === null || model.length > MAX_NAME) return null;
    const now = Math.floor(time / HALF_HOUR);
    if (now !== half || sheets.size >= MAX_SHEETS) {
      half = now;
      sheets.clear();
    }
    const key = `${provider} ${model}`;
    const known = sheets.get(key);
    if (known !== undefined) return known;
    const sheet = book.sheet({ provider, model, time });
    sheets.set(key, sheet);
    return sheet;
  }

  function price(call: PricedCall): Priced | null {
    if (call.price !== null) return { sheet: policySheet(call.price), factor: policyFactor };
    const provider = providerNameOf(call.backend);
    if (provider === null) return null;
    for (const name of namesOf(provider, call)) {
      const sheet = sheetOf(provider, name, call.time);
      if (sheet !== null) return { sheet, factor: (usage) => priceFactor(provider, call.backend, { priced: name, asked: call.model ?? name }, usage) };
    }
    return null;
  }

  /** The work at once, or once the book is there. Nobody waits for another call's load: on Workers promises of one call are not another's. */
  function withBook<Found>(call: PricedCall, work: () => Found | null): Found | null | Promise<Found | null> {
    if (failed || book !== null || loadBook === null || call.price !== null || providerNameOf(call.backend) === null) return work();
    return loadBook().then(
      (loaded) => {
        book = loaded;
        return work();
      },
      () => {
        failed = true;
        return work();
      },
    );
  }

  return {
    costOf: (call, usage, estimated) =>
      withBook(call, () => {
        const priced = price(call);
        const factor = priced?.factor(usage) ?? null;
        const found = priced === null || factor === null ? null : bill(priced.sheet, usage, factor.times);
        if (priced === null || factor === null || found === null) return null;
        const { currency, source } = priced.sheet;
        return { nanos: found.nanos, currency, source, estimated: estimated || found.estimated || !factor.exact };
      }),
    ratesOf: (call, inputTokens) =>
      withBook(call, () => {
        const priced = price(call);
        const factor = priced?.factor(null) ?? null;
        return priced === null || factor === null ? null : rateCard(priced.sheet, inputTokens, factor.times);
      }),
  };
}

/** What a policy writes is what is paid, in whatever tier and place. */
function policyFactor(usage: Usage | null): PriceFactor {
  const tier = usage?.serviceTier ?? "standard";
  return tier === "standard" || tier === "prepaid" ? AS_WRITTEN : ABOUT_AS_WRITTEN;
}

/** Azure's deployments have names of their own, and Anthropic may serve another model than was asked for: there the answer knows better. Elsewhere it may leave out what the price depends on, such as a profile of Bedrock. */
function namesOf(provider: string, { model, served }: PricedCall): readonly string[] {
  const names = provider === "azure.ai.openai" || provider === "anthropic" ? [served, model] : [model, served];
  return names.filter((name) => name !== null);
}

function rateCard(sheet: PriceSheet, inputTokens: number, times: number): RateCard {
  const per = (price: PriceSheet["input"]): number | null => (price === null ? null : (priceAt(price, inputTokens) * times) / 1e6);
  return {
    currency: sheet.currency,
    source: sheet.source,
    input: per(sheet.input),
    cachedInput: per(sheet.cacheRead ?? sheet.input),
    output: per(sheet.output),
  };
}
