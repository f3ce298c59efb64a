import type { CallInFlight } from "./attempt.ts";
import { settleCharges } from "./call-charges.ts";
import type { CallRecord } from "./model/call-record.ts";
import type { Stages } from "./stages.ts";

/**
 * Stage 10: what the call has used and what that costs is known or estimated; its limits are told, and then everybody who keeps accounts of it. Exactly once, whatever has ended the
 * call. `call` is null for one that was refused before it was routed.
 */
export function settleUsage(stages: Stages, call: CallInFlight | null, record: CallRecord): null | Promise<void> {
  const pricing = call === null ? null : stages.prices.settle(call, record);
  if (pricing !== null) return pricing.then(() => settlePriced(stages, call, record));
  settlePriced(stages, call, record);
  return null;
}

function settlePriced(stages: Stages, call: CallInFlight | null, record: CallRecord): void {
  const charges = call?.charges ?? null;
  if (charges !== null) {
    // An answer has come, be it an error.
    const left = charges.left || record.status === 101 || record.attempts.some(({ status }) => status !== 0);
    const idle = record.outcome === "refused" || record.outcome === "broker_error" || record.status >= 400;
    settleCharges(charges, { left, usage: record.charged?.usage ?? null, cost: record.cost, idle });
  }
  stages.attribution.settle(record);
}
