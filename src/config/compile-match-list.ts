import type { RuleMatch, ValueMatch } from "../model/snapshot.ts";
import { compileMatch } from "../routing/compile-match.ts";
import type { MatchSpec } from "./standard/http-route.ts";

/** Matches of a rule. `fault` is why the rule must be refused; its matches are then as wide as what could not be read might have been. */
export interface CompiledMatches {
  readonly matches: readonly RuleMatch[];
  readonly fault: string | null;
}

/** No match means every path (the standard's default). */
const EVERYTHING: MatchSpec = { path: { type: "PathPrefix", value: "/" } };

export function compileMatches(authored: readonly MatchSpec[] | undefined): CompiledMatches {
  const list = authored === undefined || authored.length === 0 ? [EVERYTHING] : authored;
  let fault: string | null = null;
  const matches = list.map((match) => {
    const compiled = compileMatch(match);
    if (compiled.ok) return compiled.match;
    fault ??= compiled.reason;
    return widened(match);
  });
  return { matches, fault };
}

/**
 * Stands in for a match that cannot be read, so that its rule keeps its place: a condition that is unreadable counts as met, and a path
 * as the literal text in front of its first special character. It refuses too much rather than let a broader route take the traffic.
 */
function widened(match: MatchSpec): RuleMatch {
  const literal = literalPrefix(match.path?.value ?? "/");
  return {
    path: { type: "RegularExpression", value: match.path?.value ?? "/", test: (path) => path.startsWith(literal) },
    method: match.method !== undefined && /^[A-Z]+$/.test(match.method) ? match.method : null,
    headers: (match.headers ?? []).map((header) => widenedValue(header.type, header.name.toLowerCase(), header.value)),
    queryParams: (match.queryParams ?? []).map((param) => widenedValue(param.type, param.name, param.value)),
  };
}

function widenedValue(type: string | undefined, name: string, value: string): ValueMatch {
  return (type ?? "Exact") === "Exact" ? { type: "Exact", name, value } : { type: "RegularExpression", name, value, test: () => true };
}

function literalPrefix(path: string): string {
  const literal = /^\^?(\/[A-Za-z0-9/_-]*)/.exec(path)?.[1] ?? "/";
  // A quantifier after the last character could make it optional.
  return literal.length === path.length ? literal : literal.slice(0, Math.max(1, literal.length - 1));
}
