import type { Candidate } from "../model/call.ts";
import { Refusal } from "../model/errors.ts";
import type { Random } from "../model/ports.ts";
import { DEFAULT_HEALTH, type RedirectRule, type Target, type WeightedTarget } from "../model/snapshot.ts";
import { weightedOrder, weightedPick } from "./weighted-order.ts";

/**
 * Whom a rule's targets give for this call, before lock and health: the weighted pick first. A picked group gives its tiers in order. A
 * picked backend gives itself and then the rule's other usable backends, in weighted order: weights split traffic, and a failure joins it again.
 * A picked redirect is given as it is. Throws `backend_invalid` when the pick falls on an unusable reference (the standard: its share of the
 * calls gets 500, nobody else takes it over), `route_rejected` when the rule has no target with a weight (500).
 */
export function candidatesOf(targets: readonly WeightedTarget[], random: Random): readonly Candidate[] | RedirectRule {
  const picked = weightedPick(targets, random);
  if (picked === null) throw new Refusal("route_rejected", { detail: "The rule has no backendRef with a weight above 0." });
  if (picked.target.kind === "invalid") throw new Refusal("backend_invalid", { detail: picked.target.reason });
  if (picked.target.kind === "redirect") return picked.target.redirect;
  if (picked.target.kind === "backend") {
    const plain = (target: Target): Candidate => ({ target, tier: 0, failover: null, health: DEFAULT_HEALTH });
    if (targets.length === 1) return [plain(picked.target.target)];
    const others = weightedOrder(
      targets.filter((one) => one !== picked && one.target.kind === "backend"),
      random,
    );
    return [picked, ...others].flatMap((one) => (one.target.kind === "backend" ? [plain(one.target.target)] : []));
  }
  const { tiers, failover, health } = picked.target.group;
  const candidates = tiers.flatMap((members, tier) => weightedOrder(members.targets, random).map(({ target }) => ({ target, tier, failover, health })));
  if (candidates.length === 0) throw new Refusal("route_rejected", { detail: "The BackendGroup has no backend with a weight above 0." });
  return candidates;
}
