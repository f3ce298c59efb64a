import type { ApiProfile } from "../model/backend.ts";
import type { Routed } from "../model/call.ts";
import { clear, placeFault } from "../model/cleared.ts";
import { DEFAULT_HEALTH, type Target } from "../model/snapshot.ts";
import { matchModel } from "./model-rule.ts";

/** A model that this caller may ask for on its route. */
export interface OfferedModel {
  readonly id: string;
  /** Name of the first backend that offers it. */
  readonly backend: string;
}

/** What the backends of a rule offer to one caller, by their AIBackendPolicies. */
export interface Offer {
  /** Each name once, in the order of the backends and of their lists. Patterns are no names. */
  readonly models: readonly OfferedModel[];
  /** The model of that name, also where only a pattern or `onUnknownModel: Pass` lets it through; null: nobody here serves it. */
  find(id: string): OfferedModel | null;
}

/** A backend that speaks a known API. */
interface Offering {
  readonly target: Target;
  readonly api: ApiProfile;
}

/**
 * What the caller may use on its route: of every backend with a weight, tiers of groups included, that its lock allows. Null where no backend lists a
 * model by name, for then only a provider can tell.
 */
export function offeredModels(routed: Routed): Offer | null {
  const offering = offeringOf(routed);
  const models = new Map<string, OfferedModel>();
  for (const { target, api } of offering) {
    for (const id of namesOf(target, api)) if (!models.has(id)) models.set(id, { id, backend: target.backend.name });
  }
  if (models.size === 0) return null;
  const serves = (id: string, { target, api }: Offering): boolean => (target.model === null ? matchModel(api, id) !== "unknown" : target.model === id);
  return {
    models: [...models.values()],
    find(id) {
      const found = offering.find((one) => serves(id, one));
      return found === undefined ? null : { id, backend: found.target.backend.name };
    },
  };
}

/** A target with a model of its own serves that one, whatever is asked. */
function namesOf(target: Target, api: ApiProfile): readonly string[] {
  if (target.model !== null) return api.models.length === 0 ? [] : [target.model];
  return api.models.filter(({ name }) => !name.startsWith("*") && !name.endsWith("*")).map(({ name }) => name);
}

function offeringOf({ rule, lock, exchange }: Routed): readonly Offering[] {
  if (rule.action.kind !== "forward" || placeFault(exchange.place, lock) !== null) return [];
  const targets = rule.action.targets.flatMap(({ target, weight }): readonly Target[] => {
    if (weight <= 0) return [];
    if (target.kind === "backend") return [target.target];
    return target.kind === "group" ? target.group.tiers.flatMap((tier) => tier.targets.filter((one) => one.weight > 0).map((one) => one.target)) : [];
  });
  return targets.flatMap((target) => {
    const { api } = target.backend;
    const allowed = api !== null && clear({ target, tier: 0, failover: null, health: DEFAULT_HEALTH }, lock, exchange.place).ok;
    return allowed ? [{ target, api }] : [];
  });
}
