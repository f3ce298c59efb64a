import type { Backend } from "../model/backend.ts";
import type { LimitRule } from "../model/limit.ts";
import type { CompiledGateway, CompiledRule, RuleMatch, RuleTarget, Snapshot, Target } from "../model/snapshot.ts";

/** What the page shows of a snapshot: names and places, no secret. */
export interface DescribedSnapshot {
  readonly gateways: readonly DescribedGateway[];
  readonly routes: readonly DescribedRoute[];
  readonly backends: readonly DescribedBackend[];
}

export interface DescribedGateway {
  readonly id: string;
  readonly scope: CompiledGateway["scope"];
  readonly listeners: readonly string[];
  /** Where limits are counted and usage is kept; null: where the platform's settings say. */
  readonly store: string | null;
  /** Why every call is refused; null: it is not. */
  readonly rejected: string | null;
}

export interface DescribedRoute {
  readonly gateway: string;
  readonly rule: string;
  readonly hostnames: readonly string[];
  readonly matches: readonly string[];
  readonly destinations: readonly DescribedDestination[];
  /** In place of destinations; null: it forwards. */
  readonly instead: string | null;
  /** Whether it refuses its calls. */
  readonly refused: boolean;
  /** Whether a region lock binds callers that no other lock of the rule names. */
  readonly locked: boolean;
  /** Namespaces with a lock of their own here, and those that are free of any. */
  readonly lockedNamespaces: number;
  readonly freeNamespaces: number;
  /** Ids of limits. */
  readonly limits: readonly string[];
}

export interface DescribedDestination {
  /** A backend's key, or why there is none. */
  readonly backend: string;
  readonly usable: boolean;
  /** `namespace/name` of its BackendGroup; null: it stands in the route itself. */
  readonly group: string | null;
  /** From 1; 0: not in a group. */
  readonly tier: number;
  readonly weight: number;
  readonly model: string | null;
}

export interface DescribedBackend {
  readonly key: string;
  readonly host: string;
  readonly plaintext: boolean;
  /** Null: whatever the caller speaks. */
  readonly api: string | null;
  readonly parent: boolean;
  readonly places: readonly DescribedPlace[];
}

/** Where requests to it may be processed, and how that is known. `countries` null: unknown. */
export interface DescribedPlace {
  readonly countries: readonly string[] | null;
  readonly regions: readonly string[];
  readonly evidence: string;
  readonly rule: string;
  readonly checkedAt: string | null;
}

export function describeSnapshot(snapshot: Snapshot): DescribedSnapshot {
  return {
    gateways: snapshot.gateways.map(describeGateway),
    routes: snapshot.gateways.flatMap((gateway) => rulesOf(gateway).map((rule) => describeRoute(gateway, rule))),
    backends: [...snapshot.backends.values()].map(describeBackend),
  };
}

function describeGateway(gateway: CompiledGateway): DescribedGateway {
  const { id, scope, rejected, usageStore } = gateway;
  const listeners = gateway.listeners.map(({ name, port, hostname, tls }) => `${name} ${tls === null ? "http" : "https"}://${hostname ?? "*"}:${port}`);
  return { id, scope, listeners, store: usageStore?.kind ?? null, rejected };
}

/** Once each, whatever number of listeners it is attached to. */
function rulesOf(gateway: CompiledGateway): readonly CompiledRule[] {
  return [...new Map(gateway.listeners.flatMap(({ routes }) => routes.rules.map((rule) => [rule.id, rule]))).values()];
}

function describeRoute(gateway: CompiledGateway, rule: CompiledRule): DescribedRoute {
  const { action } = rule;
  const own = [...rule.namespaceLocks.values()];
  const free = own.filter(({ constraints }) => constraints.length === 0).length;
  const forwards = action.kind === "forward" ? action.targets : [];
  const targets = forwards.flatMap(({ target }) => targetsOf(target));
  return {
    gateway: gateway.id,
    rule: rule.id,
    hostnames: rule.hostnames,
    matches: rule.matches.map(describeMatch),
    destinations: forwards.flatMap(({ weight, target }) => describeTarget(target, weight)),
    instead: action.kind === "rejected" ? action.reason : action.kind === "redirect" ? "answers with a redirect" : null,
    refused: gateway.rejected !== null || action.kind === "rejected",
    locked: (rule.lock?.constraints.length ?? 0) > 0,
    lockedNamespaces: own.length - free,
    freeNamespaces: free,
    limits: [...new Set([...rule.limits, ...targets.flatMap(({ limits }): readonly LimitRule[] => limits)].map(({ id }) => id))],
  };
}

function targetsOf(target: RuleTarget): readonly Target[] {
  if (target.kind === "backend") return [target.target];
  return target.kind === "group" ? target.group.tiers.flatMap((tier) => tier.targets.map((member) => member.target)) : [];
}

function describeTarget(target: RuleTarget, weight: number): readonly DescribedDestination[] {
  const none = { group: null, tier: 0, weight, model: null };
  if (target.kind === "invalid") return [{ ...none, backend: target.reason, usable: false }];
  if (target.kind === "redirect") return [{ ...none, backend: "a redirect", usable: true }];
  if (target.kind === "backend") return [{ ...none, backend: target.target.backend.key, usable: true, model: target.target.model }];
  return target.group.tiers.flatMap((tier, index) =>
    tier.targets.map((member) => ({
      backend: member.target.backend.key,
      usable: true,
      group: target.group.id,
      tier: index + 1,
      weight: member.weight,
      model: member.target.model,
    })),
  );
}

function describeMatch({ path, method, headers, queryParams }: RuleMatch): string {
  const value = (one: { readonly type: string; readonly name: string; readonly value: string }): string =>
    `${one.name}${one.type === "Exact" ? "=" : "~"}${one.value}`;
  const head = `${method === null ? "" : `${method} `}${path.value}${path.type === "PathPrefix" ? "…" : path.type === "Exact" ? "" : " (pattern)"}`;
  return [head, ...headers.map(value), ...queryParams.map((one) => `?${value(one)}`)].join(" ");
}

function describeBackend({ key, authority, tls, api, parent, region }: Backend): DescribedBackend {
  const places = region.reach.map(({ countries, regions, evidence, rule, checkedAt }) => ({ countries, regions, evidence, rule, checkedAt }));
  return { key, host: authority, plaintext: tls === null, api: api?.schema ?? null, parent: parent !== null, places };
}
