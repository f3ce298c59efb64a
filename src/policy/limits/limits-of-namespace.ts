import { matchesStar } from "../../lib/star-pattern.ts";
import type { LimitRule } from "../../model/limit.ts";

/** Fewer are looked through faster than they are looked up. */
const FEW = 8;
/** Namespaces of one list; beyond it all are forgotten. */
const MAX_NAMESPACES = 10_000;

const known = new WeakMap<readonly LimitRule[], Map<string, readonly LimitRule[]>>();

/**
 * Those of a compiled list that may be for callers of a namespace. Where an administrator gives each of a thousand teams a limit of its own on the Gateway, a
 * call is not to look at all of them. Kept as long as the list, which belongs to a snapshot.
 */
export function limitsOfNamespace(rules: readonly LimitRule[], namespace: string): readonly LimitRule[] {
  if (rules.length <= FEW) return rules;
  const byNamespace = known.get(rules) ?? new Map<string, readonly LimitRule[]>();
  known.set(rules, byNamespace);
  const found = byNamespace.get(namespace);
  if (found !== undefined) return found;
  const own = rules.filter(({ match }) => match.namespaces === null || match.namespaces.some((pattern) => matchesStar(pattern, namespace)));
  if (byNamespace.size >= MAX_NAMESPACES) byNamespace.clear();
  byNamespace.set(namespace, own);
  return own;
}
