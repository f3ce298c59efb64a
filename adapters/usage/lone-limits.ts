import type { CompiledRule, Snapshot, UsageStorePlan } from "../../src/index.ts";

/** What is to be said at every load where limits are counted by one instance for itself: with several, each lets the whole limit through. One sentence a Gateway. */
export function loneLimits({ gateways }: Snapshot, isShared: (plan: UsageStorePlan | null) => boolean): readonly string[] {
  return gateways
    .filter(({ usageStore, listeners }) => !isShared(usageStore) && listeners.some(({ routes }) => routes.rules.some(isLimited)))
    .map(
      ({ id }) =>
        `the limits of Gateway ${id} are counted by this instance alone: name a store that instances share (BrokerConfig limits.store) to count for all`,
    );
}

function isLimited({ limits, action }: CompiledRule): boolean {
  if (limits.length > 0) return true;
  if (action.kind !== "forward") return false;
  return action.targets.some(({ target }) => {
    if (target.kind === "backend") return target.target.limits.length > 0;
    return target.kind === "group" && target.group.tiers.some(({ targets }) => targets.some((one) => one.target.limits.length > 0));
  });
}
