import type { Backend } from "../model/backend.ts";
import type { EgressEvent } from "../model/event.ts";
import type { CompiledRule } from "../model/snapshot.ts";
import type { BackendDirectory } from "./backend-directory.ts";
import { compileRule, type RuleDraft } from "./compile-rule.ts";
import { isAllowedDomain } from "./external-hostname.ts";
import type { GatewayPlan } from "./gateway-plan.ts";
import { intersectHostnames } from "./intersect-hostnames.ts";
import { type LinkContext, resolved, unresolved, warn } from "./link-context.ts";
import type { ListenerPlan } from "./listener-plan.ts";
import { setsOf } from "./listener-sets.ts";
import { idOf, namespaceOf } from "./manifest.ts";
import type { ManifestOf } from "./manifest-set.ts";
import { notAmong } from "./not-among.ts";
import type { RegionLocks } from "./region-locks.ts";
import type { ParentRefSpec } from "./standard/http-route.ts";
import { GATEWAY_GROUP } from "./standard/standard-kind.ts";
import type { UsageLimits } from "./usage-limits.ts";

export interface AttachedRoutes {
  /** The rules of each listener, by its `parent`. */
  readonly rules: ReadonlyMap<string, readonly CompiledRule[]>;
  /** How many routes each listener has. */
  readonly counts: ReadonlyMap<string, number>;
  readonly events: readonly EgressEvent[];
}

/** What all routes have in common. */
export interface RuleParts {
  readonly backends: BackendDirectory;
  readonly locks: RegionLocks;
  readonly limits: UsageLimits;
}

type Route = ManifestOf<"HTTPRoute">;

/** Attaches every HTTPRoute to the listeners that its parentRefs name, and writes its conditions toward each parent. */
export function attachRoutes(context: LinkContext, gateways: readonly GatewayPlan[], parts: RuleParts): AttachedRoutes {
  const rules = new Map<string, CompiledRule[]>();
  const counts = new Map<string, number>();
  const events: EgressEvent[] = [];
  for (const route of context.set.HTTPRoute.values()) {
    const drafts = new Map<string, readonly RuleDraft[]>();
    const attached = new Set<string>();
    for (const [index, ref] of (route.body.spec.parentRefs ?? []).entries()) {
      const parent = findParent(context, gateways, route, ref, index);
      if (parent === null) continue;
      const { gateway, key } = parent;
      const chosen = chooseListeners(gateway, route, ref);
      if (!chosen.ok) {
        context.conditions.write(route, key, { type: "Accepted", status: "False", reason: chosen.reason, message: chosen.message });
        continue;
      }
      const compiled = drafts.get(gateway.id) ?? compileRules(context, gateway, route, parts);
      if (!drafts.has(gateway.id)) events.push(...lockEvents(gateway, compiled));
      drafts.set(gateway.id, compiled);
      for (const { listener, hostnames } of chosen.value) {
        if (attached.has(listener.parent)) continue;
        attached.add(listener.parent);
        counts.set(listener.parent, (counts.get(listener.parent) ?? 0) + 1);
        const list = rules.get(listener.parent) ?? [];
        rules.set(listener.parent, list);
        for (const draft of compiled) list.push({ ...draft.rule, hostnames });
      }
      writeConditions(context, route, key, compiled);
    }
    if ((route.body.spec.parentRefs ?? []).length === 0) warn(context, route, ["spec"], "the route names no Gateway in parentRefs, so it is not used");
  }
  return { rules, counts, events };
}

function findParent(
  context: LinkContext,
  gateways: readonly GatewayPlan[],
  route: Route,
  ref: ParentRefSpec,
  index: number,
): { readonly gateway: GatewayPlan; readonly key: string } | null {
  if (ref.group !== GATEWAY_GROUP || (ref.kind !== "Gateway" && ref.kind !== "ListenerSet")) {
    warn(context, route, ["spec", "parentRefs", index], `a parent of kind ${ref.kind} (${ref.group || "core"}) is not served by this broker`);
    return null;
  }
  const id = `${ref.namespace ?? namespaceOf(route)}/${ref.name}`;
  const key = `${ref.kind}/${id}${ref.sectionName === undefined ? "" : `/${ref.sectionName}`}`;
  const gateway = gateways.find((one) => (ref.kind === "Gateway" ? one.id === id : setsOf(context, one.manifest).some((set) => idOf(set) === id)));
  if (gateway !== undefined) return { gateway, key };
  // A Gateway of another controller is not ours to speak for; one that is nowhere is probably a slip.
  if (ref.kind === "ListenerSet" || !context.set.Gateway.has(id)) {
    context.conditions.write(route, key, {
      type: "Accepted",
      status: "False",
      reason: "NoMatchingParent",
      message:
        ref.kind === "Gateway"
          ? notAmong("Gateway", ref.namespace ?? namespaceOf(route), ref.name, context.set.Gateway)
          : `ListenerSet ${id} is not among the manifests, or its Gateway is not served by this broker`,
    });
  }
  return null;
}

interface ChosenListener {
  readonly listener: ListenerPlan;
  readonly hostnames: readonly string[];
}

/** A route attaches to the listeners of the very object that it names: a Gateway does not speak for its ListenerSets, nor they for it. */
function chooseListeners(gateway: GatewayPlan, route: Route, ref: ParentRefSpec) {
  const id = `${ref.namespace ?? namespaceOf(route)}/${ref.name}`;
  const named = gateway.listeners.filter(
    (one) =>
      one.owner.kind === ref.kind &&
      idOf(one.owner) === id &&
      (ref.sectionName === undefined || one.name === ref.sectionName) &&
      (ref.port === undefined || one.port === ref.port),
  );
  if (named.length === 0) return unresolved("NoMatchingParent", `${ref.kind} ${id} has no usable listener of that name and port`);
  const admitting = named.filter((one) => one.admits(namespaceOf(route)));
  if (admitting.length === 0)
    return unresolved("NotAllowedByListeners", `no listener of Gateway ${gateway.id} admits HTTPRoutes of namespace ${namespaceOf(route)}`);
  const chosen = admitting.flatMap((listener): ChosenListener[] => {
    const hostnames = intersectHostnames(listener.hostname, route.body.spec.hostnames ?? []);
    return hostnames === null ? [] : [{ listener, hostnames }];
  });
  return chosen.length === 0 ? unresolved("NoMatchingListenerHostname", `no hostname of the route fits a listener of Gateway ${gateway.id}`) : resolved(chosen);
}

function compileRules(context: LinkContext, gateway: GatewayPlan, route: Route, parts: RuleParts): readonly RuleDraft[] {
  const { allowedDomains } = gateway.settings;
  const ruleContext = {
    link: context,
    ...parts,
    gateway: gateway.id,
    allow: (backend: Backend) => {
      if (allowedDomains === null || backend.kind === "Service" || isAllowedDomain(backend.origin.hostname, allowedDomains)) return resolved(backend);
      const message = `${backend.origin.hostname} is not among the allowedDomains of Gateway ${gateway.id}`;
      const manifest = context.set.XBackend.get(`${backend.namespace}/${backend.name}`);
      if (manifest !== undefined)
        context.conditions.write(manifest, `Gateway/${gateway.id}`, { type: "Accepted", status: "False", reason: "DomainNotAllowed", message });
      return unresolved("DomainNotAllowed", message);
    },
  };
  return route.body.spec.rules.map((spec, index) => compileRule(ruleContext, route, index, spec));
}

function writeConditions(context: LinkContext, route: Route, parent: string, drafts: readonly RuleDraft[]): void {
  const refused = drafts.flatMap((draft) => draft.refused ?? []);
  const [refusal] = refused;
  if (refusal !== undefined) {
    const whole = refused.length === drafts.length;
    const reason = whole || refusal.reason !== "IncompatibleFilters" ? refusal.reason : "UnsupportedValue";
    if (whole) context.conditions.write(route, parent, { type: "Accepted", status: "False", reason, message: refusal.message });
    else
      context.conditions.write(route, parent, {
        type: "PartiallyInvalid",
        status: "True",
        reason: "UnsupportedValue",
        message: `some rules are refused: ${refusal.message}`,
      });
  }
  const [failure] = drafts.flatMap((draft) => draft.unresolved);
  if (failure !== undefined)
    context.conditions.write(route, parent, { type: "ResolvedRefs", status: "False", reason: failure.reason, message: failure.message });
  const locked = drafts.find((draft) => draft.locked !== null);
  if (locked !== undefined) {
    context.conditions.write(route, parent, {
      type: "Programmed",
      status: "False",
      reason: "RegionDenied",
      message: `rule ${locked.rule.id}: ${locked.locked ?? ""}`,
    });
  } else if (refusal !== undefined) {
    context.conditions.write(route, parent, { type: "Programmed", status: "False", reason: "Invalid", message: refusal.message });
  }
  for (const type of ["Accepted", "ResolvedRefs", "Programmed"]) context.conditions.approve(route, parent, type);
}

/** Time 0: the compiler has no clock, whoever emits the event stamps it. */
function lockEvents(gateway: GatewayPlan, drafts: readonly RuleDraft[]): EgressEvent[] {
  return drafts.flatMap(({ rule, locked }) =>
    locked === null ? [] : [{ type: "config.rejected", time: 0, subject: rule.id, data: { reason: "RegionDenied", gateway: gateway.id, message: locked } }],
  );
}
