import type { CompiledRule, RuleMatch } from "../model/snapshot.ts";
import { type LinkContext, warn } from "./link-context.ts";

export interface TieScope {
  readonly rules: readonly CompiledRule[];
  readonly gatewayNamespace: string;
  /** Every caller sees the routes of all namespaces. */
  readonly shared: boolean;
}

/**
 * Warns of rules of two routes that match the very same calls, so that nothing but the routes' age decides, or their names where no age is
 * known: files carry none, and a cluster may then choose the other one.
 */
export function warnTies(context: LinkContext, { rules, gatewayNamespace, shared }: TieScope): void {
  const places = new Map<string, number>();
  for (const rule of rules) for (const place of placesOf(rule)) places.set(place, (places.get(place) ?? 0) + 1);
  const seen = new Map<string, CompiledRule[]>();
  const told = new Set<string>();
  const competes = (one: string, other: string) => shared || one === other || one === gatewayNamespace || other === gatewayNamespace;
  for (const rule of rules) {
    // Most rules have a host and a path of their own, and need no closer look.
    if (!placesOf(rule).some((place) => (places.get(place) ?? 0) > 1)) continue;
    for (const key of keysOf(rule)) {
      const same = seen.get(key) ?? [];
      seen.set(key, same);
      const rival = same.find((one) => nameOf(one) !== nameOf(rule) && competes(one.route.namespace, rule.route.namespace));
      same.push(rule);
      if (rival !== undefined) warnTie(context, rule, rival, told);
    }
  }
}

function warnTie(context: LinkContext, one: CompiledRule, other: CompiledRule, told: Set<string>): void {
  const dated = one.route.createdAt !== null && other.route.createdAt !== null && one.route.createdAt !== other.route.createdAt;
  const [winner, loser] = isBefore(one, other) ? [one, other] : [other, one];
  const pair = `${winner.id} ${loser.id}`;
  const manifest = context.set.HTTPRoute.get(nameOf(loser));
  if (manifest === undefined || told.has(pair)) return;
  told.add(pair);
  const why = dated ? "it is older" : "its name comes first: a file carries no creation time, and a cluster may choose the other";
  const message = `rule ${loser.id} matches the same calls as rule ${winner.id}, which gets them because ${why}`;
  warn(context, manifest, ["spec", "rules", loser.ruleIndex], message, "give one of the two a narrower match, or remove it");
}

/** As `comparePrecedence` does, where all else is equal. */
function isBefore(one: CompiledRule, other: CompiledRule): boolean {
  const [left, right] = [one, other].map(({ route }) => (route.createdAt === null ? Number.POSITIVE_INFINITY : Date.parse(route.createdAt)));
  if (left !== right && left !== undefined && right !== undefined) return left < right;
  return nameOf(one) < nameOf(other);
}

function nameOf({ route }: CompiledRule): string {
  return `${route.namespace}/${route.name}`;
}

/** Hosts and paths of a rule. */
function placesOf({ hostnames, matches }: CompiledRule): readonly string[] {
  return matches.flatMap(({ path }) =>
    hostnames.length === 0 ? [`${path.type} ${path.value}`] : hostnames.map((hostname) => `${hostname} ${path.type} ${path.value}`),
  );
}

/** One for each hostname and match. */
function keysOf(rule: CompiledRule): readonly string[] {
  const matches = rule.matches.map(keyOf);
  return (rule.hostnames.length === 0 ? [""] : rule.hostnames).flatMap((hostname) => matches.map((match) => `${hostname} ${match}`));
}

function keyOf({ path, method, headers, queryParams }: RuleMatch): string {
  const sorted = (list: RuleMatch["headers"]) => list.map(({ type, name, value }) => `${type} ${name}=${value}`).sort();
  return JSON.stringify([path.type, path.value, method, sorted(headers), sorted(queryParams)]);
}
