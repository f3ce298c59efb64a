import type { UsageCounts, UsageKey } from "./usage-store.ts";

/** The names of what a usage row counts, in the order in which people are shown them and stores write them: a new one comes last. */
export const COUNT_NAMES = [
  "requests",
  "errors",
  "limited",
  "inputTokens",
  "cacheReadTokens",
  "cacheWriteTokens",
  "outputTokens",
  "reasoningTokens",
  "audioTokens",
  "costNanos",
  "unpriced",
  "estimated",
] as const satisfies readonly (keyof UsageCounts)[];

/** The names of what usage is told apart by, from the caller to the place. */
export const KEY_NAMES = ["namespace", "serviceAccount", "model", "backend", "region"] as const satisfies readonly (keyof UsageKey)[];

/** Counts that are being added up. */
export type UsageSum = { -readonly [Name in keyof UsageCounts]: number };

/** A sum of nothing yet. */
export function emptySum(): UsageSum {
  return {
    requests: 0,
    errors: 0,
    limited: 0,
    inputTokens: 0,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    outputTokens: 0,
    reasoningTokens: 0,
    audioTokens: 0,
    costNanos: 0,
    unpriced: 0,
    estimated: 0,
  };
}

/** Adds `counts` to `sum`. */
export function addCounts(sum: UsageSum, counts: UsageCounts): void {
  for (const name of COUNT_NAMES) sum[name] = plus(sum[name], counts[name]);
}

/**
 * A sum with an amount more. What is unknown (null) or cannot be, such as a provider's nonsense, adds nothing: sums have to stay whole. Beyond 2^53, where it would no
 * longer be exact, a sum stands still.
 */
export function plus(sum: number, amount: number | null): number {
  if (amount === null || !(amount > 0) || amount === Number.POSITIVE_INFINITY) return sum;
  return Math.min(sum + Math.round(amount), Number.MAX_SAFE_INTEGER);
}
