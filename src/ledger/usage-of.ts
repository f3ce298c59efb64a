import type { CallRecord } from "../model/call-record.ts";
import type { UsageCounts, UsageKey } from "../model/usage-store.ts";

/** Bytes of a name cost memory and room in the store, and the caller writes the model. */
const MAX_NAME = 200;
/** Control characters, and halves of characters, which no store can write. */
const UNFIT = /[\p{Cc}\p{Cs}]/gu;

/** Whose usage a settled call is: that of the destination that delivered, else of the last that was tried. */
export function usageKeyOf(record: CallRecord): UsageKey {
  const last = record.attempts.at(-1);
  const region = last?.region ?? null;
  const places = region === null ? [] : region.regions.length > 0 ? region.regions : (region.countries ?? []);
  return {
    namespace: cleaned(record.caller?.namespace ?? ""),
    serviceAccount: cleaned(record.caller?.serviceAccount ?? ""),
    model: cleaned(last?.model ?? record.requestedModel ?? ""),
    backend: last?.backend ?? "",
    region: cleaned(places.join(",")),
  };
}

/** What a settled call adds to the ledger. */
export function usageCountsOf(record: CallRecord): UsageCounts {
  const { charged, cost, refusal } = record;
  const usage = charged?.usage ?? null;
  const dollars = cost !== null && cost.currency === "USD" ? cost.nanos : null;
  const inputTokens = whole(usage?.inputTokens ?? 0);
  const outputTokens = whole(usage?.outputTokens ?? 0);
  return {
    requests: 1,
    // A caller that left has not failed, and neither has the broker.
    errors: record.outcome === "ok" || record.outcome === "caller_gone" ? 0 : 1,
    limited: refusal === "limit_exceeded" ? 1 : 0,
    inputTokens,
    cacheReadTokens: whole(usage?.cacheReadTokens ?? 0),
    cacheWriteTokens: whole(usage?.cacheWriteTokens ?? 0),
    outputTokens,
    reasoningTokens: whole(usage?.reasoningTokens ?? 0),
    audioTokens: whole(usage?.audioInputTokens ?? 0) + whole(usage?.audioOutputTokens ?? 0),
    costNanos: whole(dollars ?? 0),
    // A price in another currency is no price here: sums of two currencies mean nothing.
    unpriced: dollars === null && inputTokens + outputTokens > 0 ? 1 : 0,
    estimated: charged?.estimated === true ? 1 : 0,
  };
}

/** A provider's nonsense must not break sums that have to add up. */
function whole(amount: number): number {
  return amount > 0 && Number.isFinite(amount) ? Math.min(Math.round(amount), Number.MAX_SAFE_INTEGER) : 0;
}

function cleaned(name: string): string {
  return name.slice(0, MAX_NAME).replace(UNFIT, "?");
}
