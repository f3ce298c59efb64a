import type { UsageCounts, UsageKey } from "./usage-store.ts";

/** The names of what a usage row counts, in the order in which people are shown them. */
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

/** Adds `counts` to `sum`; beyond 2^53, where a sum would no longer be exact, it stands still. */
export function addCounts(sum: UsageSum, counts: UsageCounts): void {
  for (const name of COUNT_NAMES) sum[name] = Math.min(sum[name] + counts[name], Number.MAX_SAFE_INTEGER);
}
