import type { EgressEvent } from "../model/event.ts";
import type { CompiledGateway, Snapshot } from "../model/snapshot.ts";
import { buildRouteTable } from "../routing/build-route-table.ts";
import { type AttachedRoutes, attachRoutes } from "./attach-routes.ts";
import { compileBackends } from "./backend-directory.ts";
import { createConditionBook, type ObjectConditions } from "./conditions.ts";
import { configEvents } from "./config-events.ts";
import { digest } from "./digest.ts";
import type { Fault, ManifestSource } from "./fault.ts";
import { type GatewayPlan, planGateways } from "./gateway-plan.ts";
import type { LinkContext } from "./link-context.ts";
import { idOf, namespaceOf } from "./manifest.ts";
import { parse } from "./parse.ts";
import type { Platform } from "./platform.ts";
import { compileRegionLocks } from "./region-locks.ts";
import { compileUsageLimits } from "./usage-limits.ts";
import { validate } from "./validate.ts";
import { warnLimits } from "./warn-limits.ts";
import { warnRegions } from "./warn-regions.ts";
import { warnTies } from "./warn-ties.ts";

export type { ObjectConditions } from "./conditions.ts";
export type { Fault, ManifestSource } from "./fault.ts";
export type { Platform } from "./platform.ts";

/** The result of compiling a whole set of manifests. */
export interface Compiled {
  /** False when any manifest cannot be read: then nothing is applied, and the last good snapshot stays. */
  readonly ok: boolean;
  /** Null exactly when `ok` is false. */
  readonly snapshot: Snapshot | null;
  /** Everything that is wrong with the texts, all at once, in the order of the sources. */
  readonly faults: readonly Fault[];
  /** What became of each object; a refused one keeps its place and answers 5xx or 403. */
  readonly conditions: readonly ObjectConditions[];
  /** Worth telling; their `time` is 0, for whoever emits them has the clock. */
  readonly events: readonly EgressEvent[];
}

/** Manifests to snapshot: parse, validate, link, merge policies, check, freeze. Pure and synchronous; never throws for anything that a manifest may hold. */
export function compile(sources: readonly ManifestSource[], platform: Platform): Compiled {
  const parsed = sources.map(parse);
  const documents = parsed.flatMap((one) => one.documents);
  const validated = validate(documents);
  const faults = [...parsed.flatMap((one) => one.faults), ...validated.faults];
  if (faults.some((fault) => fault.severity === "error")) {
    return { ok: false, snapshot: null, faults: inOrder(faults, sources), conditions: [], events: [] };
  }

  const context: LinkContext = { set: validated.set, platform, conditions: createConditionBook(), faults };
  const gateways = planGateways(context);
  const backends = compileBackends(context, new Set(gateways.map((gateway) => namespaceOf(gateway.manifest))));
  const ids = new Set(gateways.map((gateway) => gateway.id));
  const locks = compileRegionLocks(context, ids);
  const limits = compileUsageLimits(context, ids);
  const attached = attachRoutes(context, gateways, { backends, locks, limits });
  for (const gateway of gateways) {
    const shared = gateway.settings.scope === "Shared";
    for (const { parent } of gateway.listeners)
      warnTies(context, { rules: attached.rules.get(parent) ?? [], gatewayNamespace: namespaceOf(gateway.manifest), shared });
  }
  approveGroups(context);
  warnRegions(context);
  warnLimits(context, [...attached.rules.values()].flat());
  const snapshot: Snapshot = Object.freeze({
    id: digest(byIdentity(documents.map((document) => document.value))),
    gateways: Object.freeze(gateways.map((gateway) => assemble(context, gateway, attached))),
    backends: backends.usable(),
  });
  const conditions = context.conditions.list();
  return { ok: true, snapshot, faults: inOrder(faults, sources), conditions, events: [...attached.events, ...configEvents(conditions)] };
}

function assemble(context: LinkContext, plan: GatewayPlan, attached: AttachedRoutes): CompiledGateway {
  const listeners = plan.listeners.map((listener) => {
    const facts = { name: listener.name, attachedRoutes: attached.counts.get(listener.parent) ?? 0, supportedKinds: listener.supportedKinds };
    context.conditions.listener(listener.owner, listener.parent, facts);
    return {
      name: listener.name,
      port: listener.port,
      hostname: listener.hostname,
      tls: listener.tls,
      routes: buildRouteTable(attached.rules.get(listener.parent) ?? []),
    };
  });
  return Object.freeze({
    namespace: namespaceOf(plan.manifest),
    name: plan.manifest.name,
    id: plan.id,
    identity: plan.settings.identity,
    scope: plan.settings.scope,
    bounds: plan.settings.bounds,
    usageStore: plan.settings.usageStore,
    console: plan.settings.console,
    debug: plan.settings.debug,
    // A pseudonym that no other Gateway has: two brokers in a chain must not take each other for themselves.
    chainId: plan.settings.chainId ?? `${plan.manifest.name}-${digest(["spillway", idOf(plan.manifest)])}`,
    listeners,
    rejected: plan.rejected,
  });
}

/** Groups have no parent: what no rule has complained about is good. */
function approveGroups(context: LinkContext): void {
  for (const group of context.set.BackendGroup.values()) {
    for (const type of ["Accepted", "ResolvedRefs"]) context.conditions.approve(group, null, type);
    context.conditions.write(group, null, { type: "Degraded", status: "False", reason: "MembersUsable", message: "" });
  }
}

function inOrder(faults: readonly Fault[], sources: readonly ManifestSource[]): readonly Fault[] {
  const order = new Map(sources.map((source, index) => [source.path, index]));
  return [...faults].sort((left, right) => (order.get(left.file) ?? 0) - (order.get(right.file) ?? 0) || left.line - right.line || left.column - right.column);
}

/** Neither the order of the files nor that of the documents counts for the digest. */
function byIdentity(values: readonly Readonly<Record<string, unknown>>[]): readonly unknown[] {
  const keyed = values.map((value) => ({ key: JSON.stringify([value["apiVersion"], value["kind"], value["metadata"]]), value }));
  return keyed.sort((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0)).map(({ value }) => value);
}
