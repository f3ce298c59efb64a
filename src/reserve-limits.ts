import type { CallInFlight } from "./attempt.ts";
import { type CallCharges, type Held, noteVerdict, settleHeld, takeRoom } from "./call-charges.ts";
import { mayHaveWorked } from "./charge-answer.ts";
import { estimateUsage, usageOfUnanswered } from "./estimate-usage.ts";
import type { CallClaims } from "./limit-claims.ts";
import { claimsOf } from "./limit-claims.ts";
import type { Cleared } from "./model/cleared.ts";
import type { Refusal } from "./model/errors.ts";
import type { LimitRule } from "./model/limit.ts";
import type { Outcome } from "./model/outcome.ts";
import type { UsageEstimate } from "./policy/limits/claim-amount.ts";
import { limitRefusal, unpricedRefusal } from "./policy/limits/limit-refusal.ts";
import type { Stages } from "./stages.ts";

/** A call that has room, and the destinations that its limits leave it. */
export interface Reserved {
  readonly charges: CallCharges;
  readonly candidates: readonly Cleared[];
}

/** True where no limit is for the call, whoever makes it: as with most calls, nothing more is asked then. */
export function isUnlimited({ routed }: CallInFlight, candidates: readonly Cleared[]): boolean {
  return routed.rule.limits.length === 0 && candidates.every(({ target }) => target.limits.length === 0);
}

/**
 * Stage 4 where a limit is for the call, after planning, since what a call may cost depends on whom it goes to: room on all accounts of the call, or on none.
 * Throws `limit_exceeded` or `limits_unavailable`. A limit with NextTier takes the first tier away instead, as long as there is another.
 */
export async function reserveLimits(stages: Stages, call: CallInFlight, candidates: readonly Cleared[]): Promise<Reserved> {
  const { record, routed, signal } = call;
  const charges: CallCharges = { ofCall: [], ofAttempt: null, left: false };
  const [first] = candidates;
  const rules = rulesOfCall(routed.rule.limits, candidates);
  if (first === undefined || rules.length === 0) return { charges, candidates };
  const estimate = once(() => estimateUsage(stages, call));
  const asked = await claimsOf(stages, call, rules, estimate, { serving: first, tried: null });
  const priceless = unpriced(call, asked, first);
  if (priceless !== null && !priceless.moves) throw priceless.refusal;
  const firm = asked.claims.filter(({ rule }) => rule.onExceeded !== "nextTier");
  const tiered = asked.claims.filter(({ rule }) => rule.onExceeded === "nextTier");
  if (firm.length > 0) {
    const taken = await takeRoom(stages.limits, record, firm, signal);
    if ("reason" in taken) throw limitRefusal(taken);
    charges.ofCall.push(taken);
  }
  try {
    const taken = priceless === null && tiered.length > 0 ? await takeRoom(stages.limits, record, tiered, signal) : null;
    if (taken !== null && !("reason" in taken)) charges.ofCall.push(taken);
    const without = taken !== null && "reason" in taken ? limitRefusal(taken) : (priceless?.refusal ?? null);
    return { charges, candidates: without === null ? candidates : laterTiers(call, candidates, without) };
  } catch (error) {
    for (const { hold } of charges.ofCall) hold.release();
    throw error;
  }
}

/** The accounts of one destination, before anything of it is asked for. Null: it may be tried; a refusal: it is passed over. Throws under Reject. */
export async function reserveAttempt(stages: Stages, call: CallInFlight, charges: CallCharges, cleared: Cleared): Promise<Refusal | null> {
  // Tried once more: what it holds it holds.
  if (charges.ofAttempt !== null) return null;
  const rules = cleared.target.limits.filter(({ scope }) => scope === "attempt");
  if (rules.length === 0) return null;
  const estimate = once(() => estimateUsage(stages, call));
  const asked = await claimsOf(stages, call, rules, estimate, { serving: cleared, tried: cleared });
  const priceless = unpriced(call, asked, cleared);
  if (priceless !== null) {
    if (!priceless.moves) throw priceless.refusal;
    return priceless.refusal;
  }
  if (asked.claims.length === 0) return null;
  const taken = await takeRoom(stages.limits, call.record, asked.claims, call.signal);
  if (!("reason" in taken)) {
    charges.ofAttempt = taken;
    return null;
  }
  if (taken.claim.rule.onExceeded === "reject") throw limitRefusal(taken);
  return limitRefusal(taken);
}

/** After an attempt that did not deliver: a destination that may have begun to work keeps the input, estimated; any other gives all back when the call moves on. */
export function leaveAttempt(stages: Stages, call: CallInFlight, outcome: Outcome | { readonly kind: "credential_unavailable" }, moves: boolean): void {
  const { charges } = call;
  if (charges === null) return;
  const worked = mayHaveWorked(outcome);
  charges.left ||= worked || outcome.kind === "answer";
  const held: Held | null = charges.ofAttempt;
  if (held === null || !(worked || moves)) return;
  charges.ofAttempt = null;
  const usage = worked ? usageOfUnanswered(stages, call) : null;
  if (worked) settleHeld(held, { left: true, usage, cost: null, idle: false });
  else held.hold.release();
}

/** Limits of the call, each once: a group's stand at each of its destinations. */
function rulesOfCall(own: readonly LimitRule[], candidates: readonly Cleared[]): readonly LimitRule[] {
  const rules = new Map(own.map((rule) => [rule.id, rule]));
  for (const { target } of candidates) for (const rule of target.limits) if (rule.scope === "call") rules.set(rule.id, rule);
  return [...rules.values()];
}

/** What follows where a limit of money meets no price; null: nothing, or a limit that only watches. */
function unpriced(call: CallInFlight, asked: CallClaims, { target }: Cleared): { readonly refusal: Refusal; readonly moves: boolean } | null {
  for (const rule of asked.unpriced) noteVerdict(call.record, rule, "exceeded");
  const binding = asked.unpriced.filter(({ onExceeded }) => onExceeded !== "shadow");
  const rule = binding.find(({ onExceeded }) => onExceeded === "reject") ?? binding[0];
  if (rule === undefined) return null;
  return { refusal: unpricedRefusal(rule, call.body.facts?.model ?? null, target.backend.key), moves: rule.onExceeded === "nextTier" };
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

function once(make: () => UsageEstimate): () => UsageEstimate {
  let made: UsageEstimate | null = null;
  return () => {
    made ??= make();
    return made;
  };
}
