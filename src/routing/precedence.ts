import type { CompiledRule, PathMatch, RuleMatch } from "../model/snapshot.ts";

/** What precedence is decided on, hostname apart. */
export interface Ranked {
  readonly rule: CompiledRule;
  readonly match: RuleMatch;
  /** Place of the match in its rule. */
  readonly matchIndex: number;
}

/**
 * Gateway API precedence over ALL rules of ALL routes; negative when `a` wins. The standard leaves the place of RegularExpression open:
 * here it stands between Exact and PathPrefix, as in Envoy Gateway, and expressions are not ranked by their length, which says nothing.
 */
export function comparePrecedence(a: Ranked, b: Ranked): number {
  return (
    kindOrder(a.match.path) - kindOrder(b.match.path) ||
    prefixLength(b.match.path) - prefixLength(a.match.path) ||
    Number(b.match.method !== null) - Number(a.match.method !== null) ||
    b.match.headers.length - a.match.headers.length ||
    b.match.queryParams.length - a.match.queryParams.length ||
    compareAge(a.rule.route.createdAt, b.rule.route.createdAt) ||
    compareText(`${a.rule.route.namespace}/${a.rule.route.name}`, `${b.rule.route.namespace}/${b.rule.route.name}`) ||
    a.rule.ruleIndex - b.rule.ruleIndex ||
    a.matchIndex - b.matchIndex
  );
}

function kindOrder(path: PathMatch): number {
  return path.type === "Exact" ? 0 : path.type === "RegularExpression" ? 1 : 2;
}

function prefixLength(path: PathMatch): number {
  return path.type === "PathPrefix" ? path.value.length : 0;
}

/** Oldest first. Files carry no creation time: such routes are equal among themselves and come after those that have one. */
function compareAge(a: string | null, b: string | null): number {
  const left = instant(a);
  const right = instant(b);
  return left === right ? 0 : left < right ? -1 : 1;
}

function instant(time: string | null): number {
  const parsed = time === null ? Number.NaN : Date.parse(time);
  return Number.isNaN(parsed) ? Number.POSITIVE_INFINITY : parsed;
}

/** By code unit: the same on every machine, whatever its locale. */
function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
