import type { CompiledRule, RouteTable } from "../model/snapshot.ts";
import { comparePrecedence, type Ranked } from "./precedence.ts";
import { type Candidates, type HostIndex, MODEL_HEADER, type PathIndex, type RouteEntry, type RouteIndex, routeIndex } from "./route-index.ts";

/**
 * Builds the index of one listener from the rules of all its routes, in any order. Everything that can be sorted is sorted here, once,
 * so that `findRule` takes the first hit. Rejected rules are entries like any other: they keep their place and their traffic.
 */
export function buildRouteTable(rules: readonly CompiledRule[]): RouteTable {
  const ranked: Ranked[] = rules.flatMap((rule) => rule.matches.map((match, matchIndex) => ({ rule, match, matchIndex })));
  const entries: RouteEntry[] = ranked.sort(comparePrecedence).map(({ rule, match }, rank) => ({ rule, match, rank }));
  const byNamespace = groupBy(entries, (entry) => entry.rule.route.namespace);
  const index: RouteIndex = {
    shared: hostIndex(entries),
    byNamespace: new Map([...byNamespace].map(([namespace, own]) => [namespace, hostIndex(own)])),
    answersPreflights: rules.some((rule) => rule.cors !== null),
    needsModel: entries.some((entry) => entry.match.headers.some((header) => header.name === MODEL_HEADER)),
  };
  return { rules, index };
}

/** True when some rule of the table matches on the model, so that the body has to be read before routing. */
export function needsModel(table: RouteTable): boolean {
  return routeIndex(table).needsModel;
}

/** All builders below keep the order of `entries`, which is by rank. */
function hostIndex(entries: readonly RouteEntry[]): HostIndex {
  const exact = new Map<string, RouteEntry[]>();
  const wildcards = new Map<string, RouteEntry[]>();
  const any: RouteEntry[] = [];
  for (const entry of entries) {
    if (entry.rule.hostnames.length === 0) any.push(entry);
    for (const hostname of new Set(entry.rule.hostnames)) {
      if (hostname.startsWith("*.")) append(wildcards, hostname.slice(1), entry);
      else append(exact, hostname, entry);
    }
  }
  return { exact: mapOrNull(exact, pathIndex), wildcards: mapOrNull(wildcards, pathIndex), any: any.length === 0 ? null : pathIndex(any) };
}

function pathIndex(entries: readonly RouteEntry[]): PathIndex {
  const exact = new Map<string, RouteEntry[]>();
  const prefixes = new Map<string, RouteEntry[]>();
  const expressions: RouteEntry[] = [];
  for (const entry of entries) {
    const { path } = entry.match;
    if (path.type === "Exact") append(exact, path.value, entry);
    else if (path.type === "PathPrefix") append(prefixes, path.value, entry);
    else expressions.push(entry);
  }
  return {
    exact: mapOrNull(exact, candidates),
    expressions: expressions.length === 0 ? null : candidates(expressions),
    prefixes: mapOrNull(prefixes, candidates),
    prefixLengths: [...new Set([...prefixes.keys()].map((prefix) => prefix.length))].sort((a, b) => b - a),
  };
}

function candidates(entries: readonly RouteEntry[]): Candidates {
  const anyModel: RouteEntry[] = [];
  const byModel = new Map<string, RouteEntry[]>();
  for (const entry of entries) {
    const model = entry.match.headers.find((header) => header.name === MODEL_HEADER);
    if (model?.type === "Exact") append(byModel, model.value, entry);
    else anyModel.push(entry);
  }
  return { anyModel, byModel: byModel.size === 0 ? null : byModel };
}

function groupBy<Item>(items: readonly Item[], key: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) append(groups, key(item), item);
  return groups;
}

function append<Item>(groups: Map<string, Item[]>, key: string, item: Item): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [item]);
  else group.push(item);
}

function mapOrNull<From, To>(map: ReadonlyMap<string, From>, change: (value: From) => To): ReadonlyMap<string, To> | null {
  return map.size === 0 ? null : new Map([...map].map(([key, value]) => [key, change(value)]));
}
