import { limitRulesOf, type Snapshot, type UsageStorePlan } from "../../src/index.ts";

/** What is to be said at every load where limits are counted by one instance for itself: with several, each lets the whole limit through. One sentence a Gateway. */
export function loneLimits(snapshot: Snapshot, isShared: (plan: UsageStorePlan | null) => boolean): readonly string[] {
  const limited = new Set(limitRulesOf(snapshot).map(({ gateway }) => gateway));
  return snapshot.gateways
    .filter(({ id, usageStore }) => limited.has(id) && !isShared(usageStore))
    .map(
      ({ id }) =>
        `the limits of Gateway ${id} are counted by this instance alone: name a store that instances share (BrokerConfig limits.store) to count for all`,
    );
}
