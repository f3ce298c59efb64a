import type { CompiledRule, RuleMatch } from "../../../src/model/snapshot.ts";
import { type AuthoredMatch, compileMatch } from "../../../src/routing/compile-match.ts";
import type { RouteQuery } from "../../../src/routing/find-rule.ts";

/** Compiles a match that the test knows to be good. */
export function match(authored: AuthoredMatch): RuleMatch {
  const compiled = compileMatch(authored);
  if (!compiled.ok) throw new Error(compiled.reason);
  return compiled.match;
}

export interface RuleParts extends Partial<Omit<CompiledRule, "route" | "matches">> {
  readonly route?: Partial<CompiledRule["route"]>;
  readonly matches?: readonly AuthoredMatch[];
}

/** A rule that forwards nowhere in particular: only what the test names differs from the defaults. */
export function makeRule(parts: RuleParts = {}): CompiledRule {
  const { route, matches, ...rest } = parts;
  const owner = { namespace: "team-a", name: "route", createdAt: null, ...route };
  return {
    id: `${owner.namespace}/${owner.name}/${parts.ruleIndex ?? 0}`,
    ruleIndex: 0,
    ruleName: null,
    hostnames: [],
    action: { kind: "forward", targets: [] },
    requestHeaders: null,
    responseHeaders: null,
    rewrite: null,
    cors: null,
    externalAuth: null,
    mirrors: [],
    timeouts: { requestMs: null, backendRequestMs: null, upgradedMs: null },
    retry: null,
    lock: null,
    namespaceLocks: new Map(),
    matchesModel: false,
    limits: [],
    propagateTrace: false,
    ...rest,
    route: owner,
    matches: (matches ?? [{}]).map(match),
  };
}

/** A request from team-a on a Shared Gateway, to be varied. */
export function makeQuery(parts: Partial<RouteQuery> = {}): RouteQuery {
  return {
    host: "example.com",
    method: "GET",
    path: "/",
    query: "",
    headers: [],
    model: null,
    callerNamespace: "team-a",
    gatewayNamespace: "egress-system",
    scope: "Shared",
    ...parts,
  };
}
