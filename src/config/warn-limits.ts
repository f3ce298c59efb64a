import type { LimitRule } from "../model/limit.ts";
import type { CompiledRule } from "../model/snapshot.ts";
import { type LinkContext, warn } from "./link-context.ts";
import { idOf } from "./manifest.ts";

/** Where a limit's calls could go instead, over all rules that it is met in. */
interface Met {
  readonly limit: LimitRule;
  hasLater: boolean;
}

/** Whether there is something after, for a limit of the call and for one of the destination. */
interface Later {
  readonly call: boolean;
  readonly attempt: boolean;
}

/** Warns of limits that cannot do what somebody expects of them: a next tier where there is none, and money that no price is in. `rules` are those of all listeners. */
export function warnLimits(context: LinkContext, rules: readonly CompiledRule[]): void {
  if (context.set.UsageLimitPolicy.size === 0) return;
  const met = meetings(rules);
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
        const [known, advice] = hasListPrices(context)
          ? ["list prices are in USD", "write currency: USD, or give"]
          : ["there are no list prices on Workers", "give"];
        const message = `no AIBackendPolicy names a price in ${limit.currency}, and ${known}: what calls cost is not known in the currency of ${authored.name}`;
        warn(context, policy, [...path, "currency"], message, `${advice} the models a price in this currency`);
      }
    }
  }
}

function meetings(rules: readonly CompiledRule[]): ReadonlyMap<string, Met> {
  const met = new Map<string, Met>();
  // Many rules have the very same list: of a thousand teams each needs no look at the limits of all others.
  const seen = new Map<string, WeakSet<readonly LimitRule[]>>();
  const meet = (limits: readonly LimitRule[], later: Later) => {
    const key = JSON.stringify(later);
    const before = seen.get(key) ?? new WeakSet();
    seen.set(key, before);
    if (before.has(limits)) return;
    before.add(limits);
    for (const limit of limits) {
      const known = met.get(limit.id) ?? { limit, hasLater: false };
      known.hasLater ||= later[limit.scope];
      met.set(limit.id, known);
    }
  };
  for (const rule of rules) meetOf(rule, meet);
  return met;
}

/** A limit of the call passes over the first tier; one of a destination the destination, be the next of the same tier. */
function meetOf({ limits, action }: CompiledRule, meet: (limits: readonly LimitRule[], later: Later) => void): void {
  const targets = action.kind === "forward" ? action.targets : [];
  const groups = targets.flatMap(({ target }) => (target.kind === "group" ? [target.group.tiers] : []));
  meet(limits, { call: groups.some((tiers) => tiers.length > 1), attempt: false });
  for (const { target } of targets) if (target.kind === "backend") meet(target.target.limits, { call: false, attempt: false });
  for (const tiers of groups) {
    for (const [index, tier] of tiers.entries()) {
      const attempt = index < tiers.length - 1 || tier.targets.length > 1;
      for (const { target } of tier.targets) meet(target.limits, { call: tiers.length > 1, attempt });
    }
  }
}

function pricedCurrencies(context: LinkContext): ReadonlySet<string> {
  const prices = [...context.set.AIBackendPolicy.values()].flatMap((policy) => policy.body.spec.models ?? []).flatMap(({ price }) => price?.currency ?? []);
  return new Set(hasListPrices(context) ? ["USD", ...prices] : prices);
}

/** They would be almost half of a Worker, which is read whole at every start. */
function hasListPrices({ platform }: LinkContext): boolean {
  return platform.name !== "workers";
}
