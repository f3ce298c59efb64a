import type { LimitRule } from "../../model/limit.ts";
import type { LimitClaim, Shortage } from "./limit-desk.ts";

/** When to ask again a store that gave no answer, in milliseconds. */
export const STORE_RETRY_MS = 1_000;
/** What others hold of a limit without a window comes back with the end of any call. Milliseconds. */
const NEXT_CALL_MS = 1_000;

/** The tightest: no answer at all before anything else, then whoever has to wait longest. Null: there is none. */
export function tightest(shortages: readonly Shortage[]): Shortage | null {
  let worst: Shortage | null = null;
  for (const shortage of shortages) if (worst === null || weight(shortage) > weight(worst)) worst = shortage;
  return worst;
}

function weight({ reason, retryAfterMs }: Shortage): number {
  return reason === "unavailable" ? Number.POSITIVE_INFINITY : (retryAfterMs ?? Number.MAX_VALUE);
}

/** `roomInMs` is the store's word, null where it has none; `windowLeftMs` until the window is over. */
export function exceeded(claim: LimitClaim, remaining: number, roomInMs: number | null, windowLeftMs: number): Shortage {
  const { rule, amount } = claim;
  return { claim, reason: "exceeded", remaining: Math.max(0, remaining), retryAfterMs: amount > rule.limit ? null : waitOf(rule, roomInMs ?? windowLeftMs) };
}

export function unavailable(claim: LimitClaim): Shortage {
  return { claim, reason: "unavailable", remaining: 0, retryAfterMs: STORE_RETRY_MS };
}

function waitOf({ window }: LimitRule, roomInMs: number): number {
  return Math.max(1, window === null ? Math.min(roomInMs, NEXT_CALL_MS) : roomInMs);
}
