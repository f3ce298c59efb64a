import type { AnswerFacts, ServiceTier, Usage } from "../model/operation.ts";

/** Adds counts of which the first must be known; unknown parts count as none, an unknown first makes the sum unknown. */
export function sumFrom(first: number | null, ...others: readonly (number | null)[]): number | null {
  if (first === null) return null;
  return others.reduce<number>((sum, count) => sum + (count ?? 0), first);
}

/** What is known after a later report: the later one wins where it says something (reports are cumulative: set, never add). */
export function laterUsage(earlier: Usage | null, later: Usage | null): Usage | null {
  if (earlier === null || later === null) return later ?? earlier;
  return {
    inputTokens: later.inputTokens ?? earlier.inputTokens,
    outputTokens: later.outputTokens ?? earlier.outputTokens,
    cacheReadTokens: later.cacheReadTokens ?? earlier.cacheReadTokens,
    cacheWriteTokens: later.cacheWriteTokens ?? earlier.cacheWriteTokens,
    cacheWriteHourTokens: later.cacheWriteHourTokens ?? earlier.cacheWriteHourTokens,
    reasoningTokens: later.reasoningTokens ?? earlier.reasoningTokens,
    audioInputTokens: later.audioInputTokens ?? earlier.audioInputTokens,
    audioOutputTokens: later.audioOutputTokens ?? earlier.audioOutputTokens,
    cacheReadAudioTokens: later.cacheReadAudioTokens ?? earlier.cacheReadAudioTokens,
    imageInputTokens: later.imageInputTokens ?? earlier.imageInputTokens,
    imageOutputTokens: later.imageOutputTokens ?? earlier.imageOutputTokens,
    webSearches: later.webSearches ?? earlier.webSearches,
    serviceTier: later.serviceTier ?? earlier.serviceTier,
    processedIn: later.processedIn ?? earlier.processedIn,
  };
}

/** A provider's own word for how it served a call, by its table, where null stands for a word that says nothing. Null: nothing was said. */
export function tierOf(word: unknown, words: ReadonlyMap<string, ServiceTier | null>): ServiceTier | null {
  if (typeof word !== "string" || word === "") return null;
  const tier = words.get(word);
  return tier === undefined ? "other" : tier;
}

/** The same for all facts. */
export function laterFacts(earlier: AnswerFacts | null, later: AnswerFacts): AnswerFacts {
  if (earlier === null) return later;
  return {
    usage: laterUsage(earlier.usage, later.usage),
    responseModel: later.responseModel ?? earlier.responseModel,
    responseId: later.responseId ?? earlier.responseId,
    finishReasons: later.finishReasons.length > 0 ? later.finishReasons : earlier.finishReasons,
  };
}

/** Null when nothing at all is known. */
export function factsOrNull(facts: AnswerFacts): AnswerFacts | null {
  return facts.usage === null && facts.responseModel === null && facts.responseId === null && facts.finishReasons.length === 0 ? null : facts;
}
