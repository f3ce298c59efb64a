import type { CallInFlight } from "../call/attempt/attempt.ts";
import type { Stages } from "../call/stages.ts";
import type { CallRecord } from "../model/call-record.ts";

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
  call?.charges?.settle(record);
  stages.attribution.settle(record);
}
