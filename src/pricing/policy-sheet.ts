import type { ModelPrice } from "../model/backend.ts";
import { NO_PRICES, type PriceSheet } from "../model/price.ts";

/** Prices that an AIBackendPolicy writes. They stand alone: a part that it leaves out is never filled from a price list, which may be in another currency and of another contract. */
export function policySheet(price: ModelPrice): PriceSheet {
  return {
    ...NO_PRICES,
    currency: price.currency,
    source: "policy",
    input: price.inputPerMTok,
    output: price.outputPerMTok,
    cacheRead: price.cachedInputPerMTok,
    cacheWrite: price.cacheWritePerMTok,
    cacheWriteHour: price.cacheWriteHourPerMTok,
    reasoning: price.reasoningPerMTok,
    audioInput: price.audioInputPerMTok,
    audioOutput: price.audioOutputPerMTok,
    imageInput: price.imageInputPerMTok,
    imageOutput: price.imageOutputPerMTok,
  };
}
