import type { CallInFlight } from "../call/attempt/attempt.ts";
import type { Stages } from "../call/stages.ts";
import type { Routed } from "../model/call.ts";
import type { Cleared } from "../model/cleared.ts";
import type { Refusal } from "../model/errors.ts";
import type { LimitRule } from "../model/limit.ts";
import type { UsageEstimate } from "../policy/limits/claim-amount.ts";
import type { Shortage } from "../policy/limits/limit-desk.ts";
import { limitRefusal } from "../policy/limits/limit-refusal.ts";
import { limitsOfNamespace } from "../policy/limits/limits-of-namespace.ts";
import type { CallCharges } from "./call-charges.ts";
import { createCharges, unpricedFor } from "./create-charges.ts";
import { estimateUsage } from "./estimate-usage.ts";
import { type Held, takeRoom } from "./held-room.ts";
import { type CallClaims, claimsOf } from "./limit-claims.ts";

/** A call that has room, and the destinations that its limits leave it. */
export interface Reserved {
  readonly charges: CallCharges;
  readonly candidates: readonly Cleared[];
}

/**
 * Stage 4 where a limit is for the call, after planning, since what a call may cost depends on whom it goes to: room on all accounts of the call, or on none.
 * Throws `limit_exceeded` or `limits_unavailable`. A limit with NextTier takes the first tier away instead, as long as there is another.
 */
export function reserveLimits(stages: Stages, call: CallInFlight, candidates: readonly Cleared[]): Reserved | Promise<Reserved> {
  const ofCall: Held[] = [];
  const estimate = once(() => estimateUsage(stages, call));
  const charges = createCharges(stages, call, ofCall, estimate);
  const [first] = candidates;
  const rules = rulesOfCall(call.routed, candidates);
  if (first === undefined || rules.length === 0) return { charges, candidates };
  const reserve = (asked: CallClaims): Reserved | Promise<Reserved> => {
    const { claims, unpriced } = asked;
    if (unpriced.length > 0 || claims.some(({ rule }) => rule.onExceeded === "nextTier"))
      return reserveTiers(stages, call, { charges, candidates }, ofCall, asked);
    if (claims.length === 0) return { charges, candidates };
    // Most calls: all or nothing, and where this instance holds enough nobody waits.
    const admit = (taken: Held | Shortage): Reserved => {
      if ("reason" in taken) throw limitRefusal(taken);
      ofCall.push(taken);
      return { charges, candidates };
    };
    const taken = takeRoom(stages.limits, call.record, claims, call.signal);
    return taken instanceof Promise ? taken.then(admit) : admit(taken);
  };
  const asked = claimsOf(stages, call, rules, estimate, { serving: first, tried: null });
  return asked instanceof Promise ? asked.then(reserve) : reserve(asked);
}

/** Where a limit may take a tier away: the firm ones first, then those that leave the call another. */
async function reserveTiers(stages: Stages, call: CallInFlight, all: Reserved, ofCall: Held[], asked: CallClaims): Promise<Reserved> {
  const { record, signal } = call;
  const { charges, candidates } = all;
  const [first] = candidates;
  if (first === undefined) return all;
  const unpriced = unpricedFor(call, asked, first);
  if (unpriced !== null && !unpriced.moves) throw unpriced.refusal;
  const firm = asked.claims.filter(({ rule }) => rule.onExceeded !== "nextTier");
  const tiered = asked.claims.filter(({ rule }) => rule.onExceeded === "nextTier");
  if (firm.length > 0) {
    const taken = await takeRoom(stages.limits, record, firm, signal);
    if ("reason" in taken) throw limitRefusal(taken);
    ofCall.push(taken);
  }
  try {
    const taken = unpriced === null && tiered.length > 0 ? await takeRoom(stages.limits, record, tiered, signal) : null;
    if (taken !== null && !("reason" in taken)) ofCall.push(taken);
    const without = taken !== null && "reason" in taken ? limitRefusal(taken) : (unpriced?.refusal ?? null);
    return { charges, candidates: without === null ? candidates : laterTiers(call, candidates, without) };
  } catch (error) {
    for (const { hold } of ofCall) hold.release();
    throw error;
  }
}

/** Limits of the call, each once: a group's stand at each of its destinations. */
function rulesOfCall({ rule: { limits }, caller: { namespace } }: Routed, candidates: readonly Cleared[]): readonly LimitRule[] {
  // The compiler leaves each of them once.
  const own = limitsOfNamespace(limits, namespace);
  if (candidates.every(({ target }) => target.limits.length === 0)) return own;
  const rules = new Map(own.map((rule) => [rule.id, rule]));
  for (const { target } of candidates) for (const rule of limitsOfNamespace(target.limits, namespace)) if (rule.scope === "call") rules.set(rule.id, rule);
  return [...rules.values()];
}

/** Without the tier of the first candidate. Throws what the limit says where none is left. */
function laterTiers({ record }: CallInFlight, candidates: readonly Cleared[], refusal: Refusal): readonly Cleared[] {
  const tier = candidates[0]?.tier ?? 0;
  const later = candidates.filter((candidate) => candidate.tier > tier);
  if (later.length === 0) throw refusal;
  const passed = candidates.filter((candidate) => candidate.tier <= tier).map(({ target }) => ({ backend: target.backend.key, reason: refusal.code }));
  record.excluded = [...record.excluded, ...passed];
  return later;
}

/** The body is looked at once, whatever asks. */
function once(make: () => UsageEstimate): () => UsageEstimate {
  let made: UsageEstimate | null = null;
  return () => {
    made ??= make();
    return made;
  };
}
