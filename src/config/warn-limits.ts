import type { LimitRule } from "../model/limit.ts";
import type { CompiledRule } from "../model/snapshot.ts";
import { type LinkContext, warn } from "./link-context.ts";
import { idOf } from "./manifest.ts";

/** Where a limit's calls could go instead, over all rules that it is met in. */
interface Met {
  readonly limit: LimitRule;
  hasLater: boolean;
}

/** Warns of limits that cannot do what somebody expects of them: a next tier where there is none, and money that no price is in. `rules` are those of all listeners. */
export function warnLimits(context: LinkContext, rules: readonly CompiledRule[]): void {
  if (context.set.UsageLimitPolicy.size === 0) return;
  const met = new Map<string, Met>();
  const meet = (limit: LimitRule, hasLater: boolean) => {
    const known = met.get(limit.id) ?? { limit, hasLater: false };
    known.hasLater ||= hasLater;
    met.set(limit.id, known);
  };
  for (const rule of rules) meetOf(rule, meet);
  const currencies = pricedCurrencies(context);
  for (const policy of context.set.UsageLimitPolicy.values()) {
    const attached = policy.body.spec.targetRefs.some(({ kind, name, sectionName }) => {
      const target = `${kind}/${policy.namespace ?? ""}/${name}${sectionName === undefined ? "" : `/${sectionName}`}`;
      return !context.conditions.isBad(policy, target, "Accepted");
    });
    // One that is attached nowhere has been told of.
    if (!attached) continue;
    for (const [index, authored] of policy.body.spec.limits.entries()) {
      const path = ["spec", "limits", index];
      const found = met.get(`${idOf(policy)}/${authored.name}`);
      if (found === undefined) {
        warn(context, policy, path, `no rule of a route meets the limit ${authored.name}: it counts nothing`);
        continue;
      }
      const { limit, hasLater } = found;
      if (limit.onExceeded === "nextTier" && !hasLater) {
        const message = `NextTier has nowhere to go: no BackendGroup that the limit ${authored.name} is met in has anything after it, so that its calls are refused with 429`;
        warn(context, policy, path, message, "let the route name a BackendGroup with a second tier, or write onExceeded: Reject");
      }
      if (limit.currency !== null && !currencies.has(limit.currency)) {
        const message = `no AIBackendPolicy names a price in ${limit.currency}, and list prices are in USD: what calls cost is not known in the currency of ${authored.name}`;
        warn(context, policy, [...path, "currency"], message, "write currency: USD, or give the models a price in this currency");
      }
    }
  }
}

/** A limit of the call passes over the first tier; one of a destination the destination, be the next of the same tier. */
function meetOf({ limits, action }: CompiledRule, meet: (limit: LimitRule, hasLater: boolean) => void): void {
  const targets = action.kind === "forward" ? action.targets : [];
  const tiersOf = targets.flatMap(({ target }) => (target.kind === "group" ? [target.group.tiers] : []));
  for (const limit of limits) {
    meet(
      limit,
      tiersOf.some((tiers) => tiers.length > 1),
    );
  }
  for (const { target } of targets) if (target.kind === "backend") for (const limit of target.target.limits) meet(limit, false);
  for (const tiers of tiersOf) {
    for (const [index, tier] of tiers.entries()) {
      const isLast = index === tiers.length - 1;
      for (const { target } of tier.targets)
        for (const limit of target.limits) meet(limit, limit.scope === "call" ? tiers.length > 1 : !isLast || tier.targets.length > 1);
    }
  }
}

function pricedCurrencies(context: LinkContext): ReadonlySet<string> {
  const prices = [...context.set.AIBackendPolicy.values()].flatMap((policy) => policy.body.spec.models ?? []).flatMap(({ price }) => price?.currency ?? []);
  return new Set(["USD", ...prices]);
}
