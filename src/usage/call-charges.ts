import type { CallInFlight } from "../call/attempt/attempt.ts";
import type { CallRecord } from "../model/call-record.ts";
import type { Cleared } from "../model/cleared.ts";
import type { Refusal } from "../model/errors.ts";
import type { HeaderList } from "../model/http.ts";
import type { LimitRule } from "../model/limit.ts";
import type { Outcome } from "../model/outcome.ts";
import { limitsOfNamespace } from "../policy/limits/limits-of-namespace.ts";

/** What limits hold for one call. A call that no limit is for has none. */
export interface CallCharges {
  /** Room on the accounts of one destination, before anything of it is asked for. Null: it may be tried; a refusal: it is passed over. Rejects with one under Reject. */
  enter(cleared: Cleared): Promise<Refusal | null>;
  /** After an attempt that did not deliver; `moves`: the call goes on to another destination. */
  leave(outcome: Outcome | { readonly kind: "credential_unavailable" }, moves: boolean): void;
  /** How the limits of this call stand, for its caller. */
  fields(): HeaderList;
  /** Tells all accounts what was used, when the call is over and its record says what it is charged for. */
  settle(record: CallRecord): void;
}

type Reserve = typeof import("./reserve-limits.ts").reserveLimits;

let reserve: Reserve | null = null;

/** `reserveLimits`, which is loaded with the first call that a limit is for: to import it anew for each would cost more than to hold room. */
export function loadReserve(): Reserve | Promise<Reserve> {
  return reserve ?? loadFirst();
}

async function loadFirst(): Promise<Reserve> {
  reserve = (await import("./reserve-limits.ts")).reserveLimits;
  return reserve;
}

/** True where no limit is for callers of this namespace: as with most calls, nothing more is asked then. */
export function isUnlimited({ routed }: CallInFlight, candidates: readonly Cleared[]): boolean {
  const { namespace } = routed.caller;
  const isNone = (limits: readonly LimitRule[]) => limitsOfNamespace(limits, namespace).length === 0;
  return isNone(routed.rule.limits) && candidates.every(({ target }) => isNone(target.limits));
}
