import type { LimitRule } from "../model/limit.ts";
import type { RuleTarget, Snapshot, Target } from "../model/snapshot.ts";

/** Every limit of the snapshot, each once: those of rules, and those of the destinations that they forward to. */
export function limitRulesOf({ gateways }: Snapshot): readonly LimitRule[] {
  // Many rules have the very same list: each is looked through once.
  const lists = new Set<readonly LimitRule[]>();
  for (const { listeners } of gateways) {
    for (const { limits, action } of listeners.flatMap(({ routes }) => routes.rules)) {
      lists.add(limits);
      const targets = action.kind === "forward" ? action.targets.flatMap(({ target }) => targetsOf(target)) : [];
      for (const target of targets) lists.add(target.limits);
    }
  }
  const found = new Map<string, LimitRule>();
  for (const rule of [...lists].flat()) found.set(`${rule.gateway} ${rule.id}`, rule);
  return [...found.values()];
}

function targetsOf(target: RuleTarget): readonly Target[] {
  if (target.kind === "backend") return [target.target];
  return target.kind === "group" ? target.group.tiers.flatMap((tier) => tier.targets.map((member) => member.target)) : [];
}
