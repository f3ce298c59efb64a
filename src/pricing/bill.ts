import type { Usage } from "../model/operation.ts";
import type { Price, PriceSheet } from "../model/price.ts";

export interface Bill {
  /** Billionths of the currency's unit. */
  readonly nanos: number;
  /** A part had no price of its own, or the counts contradicted each other. */
  readonly estimated: boolean;
}

/** Where writes cost more than input, those of an hour cost twice the input (Anthropic; Amazon Bedrock for the models for which it lists them). */
const HOUR_TIMES_INPUT = 2;

/**
 * What a usage costs by a sheet; tokens cost `times` as much as it says. Null where something was used that has no price at all, or nobody knows how
 * much was used. A part without a price of its own is priced as the plain input or output that it is part of; for reasoning and images that is how
 * providers do it, for everything else it is told as an estimate. Counts that contradict each other never make a negative part.
 */
export function bill(sheet: PriceSheet, usage: Usage, times: number): Bill | null {
  const { inputTokens, outputTokens } = usage;
  if (inputTokens === null) return null;
  const input = billInput(sheet, usage, inputTokens);
  const output = outputTokens === null ? missingOutput(sheet) : billOutput(sheet, usage, outputTokens, inputTokens);
  if (input === null || output === null) return null;
  const searches = usage.webSearches ?? 0;
  const fees = (searches * (sheet.webSearches ?? 0) + (sheet.requests ?? 0)) / 1_000;
  // A price per million tokens is a thousand billionths of it per token.
  const nanos = Math.round((input.sum + output.sum) * times * 1_000 + fees * 1e9);
  if (!Number.isSafeInteger(nanos)) return null;
  return { nanos, estimated: input.estimated || output.estimated || (searches > 0 && sheet.webSearches === null) };
}

/** The price of a part for a call with so many input tokens. */
export function priceAt(price: Price, inputTokens: number): number {
  if (typeof price === "number") return price;
  let found = price.base;
  for (const step of price.steps) if (inputTokens > step.above) found = step.price;
  return found;
}

/** Tokens times prices per million. */
interface Sum {
  readonly sum: number;
  readonly estimated: boolean;
}

const NOTHING: Sum = { sum: 0, estimated: false };

/** Embeddings have no output, and no price of it. */
function missingOutput(sheet: PriceSheet): Sum | null {
  return sheet.output === null ? NOTHING : null;
}

function billInput(sheet: PriceSheet, usage: Usage, tokens: number): Sum | null {
  if (tokens === 0) return NOTHING;
  if (sheet.input === null) return null;
  const at = (price: Price): number => priceAt(price, tokens);
  const plainPrice = at(sheet.input);
  const read = Math.min(usage.cacheReadTokens ?? 0, tokens);
  const written = Math.min(usage.cacheWriteTokens ?? 0, tokens - read);
  const hour = Math.min(usage.cacheWriteHourTokens ?? 0, written);
  const ofAudio = sheet.audioInput === null ? 0 : (usage.audioInputTokens ?? 0);
  const ofImages = sheet.imageInput === null ? 0 : (usage.imageInputTokens ?? 0);
  // What was read from the cache is not charged again as audio. Where nobody says how much of it was audio: as little as can be.
  const overlap = Math.max(0, read + written + ofAudio + ofImages - tokens);
  const readAudio = Math.min(usage.cacheReadAudioTokens ?? overlap, ofAudio, read);
  const audio = Math.min(ofAudio - readAudio, tokens - read - written);
  const images = Math.min(ofImages, tokens - read - written - audio);
  const plain = tokens - read - written - audio - images;

  const readPrice = sheet.cacheRead === null ? plainPrice : at(sheet.cacheRead);
  const writePrice = sheet.cacheWrite === null ? plainPrice : at(sheet.cacheWrite);
  const hourPrice = sheet.cacheWriteHour !== null ? at(sheet.cacheWriteHour) : writePrice > plainPrice ? plainPrice * HOUR_TIMES_INPUT : writePrice;
  const audioPrice = sheet.audioInput === null ? plainPrice : at(sheet.audioInput);
  const readAudioPrice = sheet.cacheReadAudio === null ? readPrice : at(sheet.cacheReadAudio);
  const imagePrice = sheet.imageInput === null ? plainPrice : at(sheet.imageInput);
  const sum =
    plain * plainPrice +
    (read - readAudio) * readPrice +
    readAudio * readAudioPrice +
    (written - hour) * writePrice +
    hour * hourPrice +
    audio * audioPrice +
    images * imagePrice;
  const contradicts =
    (usage.cacheReadTokens ?? 0) > read || (usage.cacheWriteTokens ?? 0) > written || (usage.cacheWriteHourTokens ?? 0) > hour || ofImages > images;
  const unpriced =
    (read > 0 && sheet.cacheRead === null) ||
    (written > 0 && sheet.cacheWrite === null) ||
    (hour > 0 && sheet.cacheWriteHour === null) ||
    ((usage.audioInputTokens ?? 0) > 0 && sheet.audioInput === null) ||
    (readAudio > 0 && sheet.cacheReadAudio === null);
  const guessed = ofAudio > 0 && read > 0 && usage.cacheReadAudioTokens === null;
  return { sum, estimated: contradicts || unpriced || guessed || ofAudio > audio + readAudio };
}

function billOutput(sheet: PriceSheet, usage: Usage, tokens: number, inputTokens: number): Sum | null {
  if (tokens === 0) return NOTHING;
  if (sheet.output === null) return null;
  const at = (price: Price | null): number => (price === null ? 0 : priceAt(price, inputTokens));
  const ofAudio = sheet.audioOutput === null ? 0 : (usage.audioOutputTokens ?? 0);
  const ofImages = sheet.imageOutput === null ? 0 : (usage.imageOutputTokens ?? 0);
  const ofReasoning = sheet.reasoning === null ? 0 : (usage.reasoningTokens ?? 0);
  const audio = Math.min(ofAudio, tokens);
  const images = Math.min(ofImages, tokens - audio);
  const reasoning = Math.min(ofReasoning, tokens - audio - images);
  const plain = tokens - audio - images - reasoning;
  const sum = plain * at(sheet.output) + audio * at(sheet.audioOutput) + images * at(sheet.imageOutput) + reasoning * at(sheet.reasoning);
  const contradicts = ofAudio > audio || ofImages > images || ofReasoning > reasoning;
  const unpriced = ((usage.audioOutputTokens ?? 0) > 0 && sheet.audioOutput === null) || ((usage.imageOutputTokens ?? 0) > 0 && sheet.imageOutput === null);
  return { sum, estimated: contradicts || unpriced };
}
