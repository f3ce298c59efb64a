import type { Candidate, Routed } from "../model/call.ts";
import { type Cleared, clear } from "../model/cleared.ts";
import { lockOn } from "../model/lock-on.ts";
import type { Exclusion } from "../model/planned.ts";
import type { Random } from "../model/ports.ts";
import { DEFAULT_HEALTH, type Target } from "../model/snapshot.ts";
import { type PlanRequest, unfit } from "./plan.ts";

/** A mirror that this call's share fell on. */
export type PlannedMirror =
  | { readonly kind: "send"; readonly cleared: Cleared }
  /** `region`: the call's lock denies it. The others: it cannot serve this call. */
  | { readonly kind: "skip"; readonly backend: string; readonly reason: Exclusion["reason"] };

/** Who gets a copy of this call, which goes to `first`: one draw a mirror that gets only a share. The call's own lock binds a mirror as it binds a destination, unless a policy says that it does not. */
export function planMirrors(routed: Routed, request: PlanRequest, first: Target | null, random: Random): readonly PlannedMirror[] {
  return routed.rule.mirrors.flatMap(({ target, numerator, denominator, beside }): PlannedMirror[] => {
    if (beside !== null && (first === null || !beside.includes(first))) return [];
    if (numerator < denominator && random() * denominator >= numerator) return [];
    const candidate: Candidate = { target, tier: 0, failover: null, health: DEFAULT_HEALTH };
    const clearance = clear(candidate, lockOn(routed.lock, "mirrors"), routed.exchange.place);
    const reason = clearance.ok ? unfit(candidate, request, routed) : "region";
    if (clearance.ok && reason === null) return [{ kind: "send", cleared: clearance.cleared }];
    return [{ kind: "skip", backend: target.backend.key, reason: reason ?? "region" }];
  });
}
