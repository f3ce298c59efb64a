import type { LimitRule } from "./model/limit.ts";
import type { RuleTarget, Snapshot, Target } from "./model/snapshot.ts";

/** Every limit of the snapshot, each once: those of rules, and those of the destinations that they forward to. */
export function limitRulesOf({ gateways }: Snapshot): readonly LimitRule[] {
  const found = new Map<string, LimitRule>();
  for (const { listeners } of gateways) {
    for (const { limits, action } of listeners.flatMap(({ routes }) => routes.rules)) {
      const targets = action.kind === "forward" ? action.targets.flatMap(({ target }) => targetsOf(target)) : [];
      for (const rule of [limits, ...targets.map((target) => target.limits)].flat()) found.set(`${rule.gateway} ${rule.id}`, rule);
    }
  }
  return [...found.values()];
}

function targetsOf(target: RuleTarget): readonly Target[] {
  if (target.kind === "backend") return [target.target];
  return target.kind === "group" ? target.group.tiers.flatMap((tier) => tier.targets.map((member) => member.target)) : [];
}
