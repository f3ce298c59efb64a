import { type LinkContext, warn } from "./link-context.ts";
import { type ListenerPlan, planListeners } from "./listener-plan.ts";
import { byAge, idOf, namespaceOf } from "./manifest.ts";
import type { ManifestOf } from "./manifest-set.ts";
import { takesNamespace } from "./namespace-rule.ts";
import { GATEWAY_GROUP } from "./standard/standard-kind.ts";

/** The ListenerSets of one Gateway, in their precedence: the older first, then by name. */
export function setsOf(context: LinkContext, gateway: ManifestOf<"Gateway">): readonly ManifestOf<"ListenerSet">[] {
  return [...context.set.ListenerSet.values()].filter((set) => parentOf(set) === idOf(gateway)).sort(byAge);
}

/**
 * Adds what the ListenerSets of a Gateway bring along to its own listeners (GEP-1713). A set that the Gateway does not let in, or whose Gateway
 * is refused, brings nothing; a listener that clashes with one before it is left out. Their conditions say why.
 */
export function planListenerSets(context: LinkContext, gateway: ManifestOf<"Gateway">, refused: string | null): readonly ListenerPlan[] {
  const plans: ListenerPlan[] = [];
  let attached = 0;
  const earlier = [...gateway.body.spec.listeners];
  for (const set of setsOf(context, gateway)) {
    const fault = refused === null ? notAllowed(context, gateway, set) : ({ reason: "ParentNotAccepted", message: refused } as const);
    if (fault !== null) {
      context.conditions.write(set, null, { type: "Accepted", status: "False", ...fault });
      context.conditions.write(set, null, { type: "Programmed", status: "False", ...fault });
      continue;
    }
    const own = planListeners(context, set, earlier);
    if (own.length > 0) attached += 1;
    earlier.push(...set.body.spec.listeners);
    plans.push(...own);
    if (own.length < set.body.spec.listeners.length) {
      const status = own.length === 0 ? "False" : "True";
      context.conditions.write(set, null, { type: "Accepted", status, reason: "ListenersNotValid", message: "some listeners cannot be served" });
      if (own.length === 0)
        context.conditions.write(set, null, { type: "Programmed", status, reason: "ListenersNotValid", message: "no listener can be served" });
    }
    for (const type of ["Accepted", "Programmed"]) context.conditions.approve(set, null, type);
  }
  context.conditions.listenerSets(gateway, attached);
  return plans;
}

/** ListenerSets that nothing takes up: a slip in the name, most likely. */
export function warnLooseSets(context: LinkContext): void {
  for (const set of context.set.ListenerSet.values()) {
    const parent = parentOf(set);
    if (parent !== null && context.set.Gateway.has(parent)) continue;
    warn(
      context,
      set,
      ["spec", "parentRef"],
      `the Gateway ${parent ?? set.body.spec.parentRef.name} is not among the manifests: this ListenerSet is not served`,
    );
  }
}

/** Null: its parent is no Gateway. */
function parentOf(set: ManifestOf<"ListenerSet">): string | null {
  const { group, kind, name, namespace } = set.body.spec.parentRef;
  return group === GATEWAY_GROUP && kind === "Gateway" ? `${namespace ?? namespaceOf(set)}/${name}` : null;
}

/** A Gateway lets in none unless it says so. */
function notAllowed(context: LinkContext, gateway: ManifestOf<"Gateway">, set: ManifestOf<"ListenerSet">) {
  const rule = gateway.body.spec.allowedListeners?.namespaces;
  const allowed = takesNamespace(context, { ...rule, from: rule?.from ?? "None" }, namespaceOf(gateway), namespaceOf(set));
  return allowed
    ? null
    : { reason: "NotAllowed", message: `allowedListeners of Gateway ${idOf(gateway)} does not let in ListenerSets of namespace ${namespaceOf(set)}` };
}
