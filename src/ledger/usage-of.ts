import type { CallRecord } from "../model/call-record.ts";
import { plus, type UsageSum } from "../model/usage-counts.ts";
import type { UsageKey } from "../model/usage-store.ts";

/** Whose usage a settled call is, as the call has it: that of the destination that delivered, else of the last that was tried. */
export function usageKeyOf(record: CallRecord): UsageKey {
  const { caller } = record;
  const last = record.attempts.at(-1);
  return {
    namespace: caller?.namespace ?? "",
    serviceAccount: caller?.serviceAccount ?? "",
    model: last?.model ?? record.requestedModel ?? "",
    backend: last?.backend ?? "",
    region: last === undefined || last.region === null ? "" : placeOf(last.region),
  };
}

/** UTF-16 units. A name costs memory and room in the store, and the caller writes the model. */
const MAX_NAME = 200;
/** Control characters, and halves of characters, which no store can write. */
const UNFIT = /[\p{Cc}\p{Cs}]/gu;

/** The key as a store may have it: names are short and can be written. */
export function cleanKey({ namespace, serviceAccount, model, backend, region }: UsageKey): UsageKey {
  return { namespace: cleaned(namespace), serviceAccount: cleaned(serviceAccount), model: cleaned(model), backend: cleaned(backend), region: cleaned(region) };
}

/** Adds what a settled call used. Written out: each call passes here. */
export function addCall(sum: UsageSum, { charged, cost, refusal, outcome }: CallRecord): void {
  sum.requests += 1;
  // A caller that left has not failed, and neither has the broker.
  if (outcome !== "ok" && outcome !== "caller_gone") sum.errors += 1;
  if (refusal === "limit_exceeded") sum.limited += 1;
  if (charged === null) return;
  const { usage } = charged;
  sum.inputTokens = plus(sum.inputTokens, usage.inputTokens);
  sum.cacheReadTokens = plus(sum.cacheReadTokens, usage.cacheReadTokens);
  sum.cacheWriteTokens = plus(sum.cacheWriteTokens, usage.cacheWriteTokens);
  sum.outputTokens = plus(sum.outputTokens, usage.outputTokens);
  sum.reasoningTokens = plus(sum.reasoningTokens, usage.reasoningTokens);
  sum.audioTokens = plus(plus(sum.audioTokens, usage.audioInputTokens), usage.audioOutputTokens);
  if (charged.estimated) sum.estimated += 1;
  // A price in another currency is no price here: sums of two currencies mean nothing.
  if (cost !== null && cost.currency === "USD") sum.costNanos = plus(sum.costNanos, cost.nanos);
  else if (plus(plus(0, usage.inputTokens), usage.outputTokens) > 0) sum.unpriced += 1;
}

function placeOf({ regions, countries }: NonNullable<CallRecord["attempts"][number]["region"]>): string {
  const places = regions.length > 0 ? regions : (countries ?? []);
  return places.length === 1 ? (places[0] ?? "") : places.join(",");
}

function cleaned(name: string): string {
  return name.slice(0, MAX_NAME).replace(UNFIT, "?");
}
