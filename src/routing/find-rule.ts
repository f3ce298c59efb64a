import type { HeaderList } from "../model/http.ts";
import type { CompiledRule, RouteTable, RuleMatch, ValueMatch } from "../model/snapshot.ts";
import { headerValue } from "./header-value.ts";
import { type Candidates, type HostIndex, MODEL_HEADER, type PathIndex, type RouteEntry, routeIndex } from "./route-index.ts";

/** What a rule can match on. */
export interface RouteQuery {
  /** Lower-case, without port and trailing dot. */
  readonly host: string;
  readonly method: string;
  /** As it arrived, without query. */
  readonly path: string;
  /** With its `?`, or empty. */
  readonly query: string;
  readonly headers: HeaderList;
  /** Model of the JSON body: the one value of `x-gateway-model-name`. The client's own copy of that header is never looked at. */
  readonly model: string | null;
  readonly callerNamespace: string;
  readonly gatewayNamespace: string;
  readonly scope: "CallerNamespace" | "Shared";
}

export interface FoundRule {
  readonly rule: CompiledRule;
  readonly match: RuleMatch;
}

/** What is known of one look-up; the query string is parsed when the first candidate asks for it, and then once. */
interface Lookup {
  readonly query: RouteQuery;
  parameters: URLSearchParams | null;
}

interface Hit {
  readonly entry: RouteEntry;
  /** Characters of the hostname that matched; an exact one counts beyond any wildcard, none counts 0. */
  readonly hostWeight: number;
}

/** The rule that the standard's precedence gives this request to; null: none matches. Pure, and the same whatever order the rules came in. */
export function findRule(table: RouteTable, query: RouteQuery): FoundRule | null {
  const index = routeIndex(table);
  const lookup: Lookup = { query, parameters: null };
  if (query.scope === "Shared") return findInHosts(index.shared, lookup)?.entry ?? null;
  // A caller sees the routes of its own namespace and of the Gateway's, and no others: not even their 404s and 500s.
  const own = findInHosts(index.byNamespace.get(query.callerNamespace), lookup);
  if (query.callerNamespace === query.gatewayNamespace) return own?.entry ?? null;
  const shared = findInHosts(index.byNamespace.get(query.gatewayNamespace), lookup);
  if (own === null || shared === null) return (own ?? shared)?.entry ?? null;
  if (own.hostWeight !== shared.hostWeight) return own.hostWeight > shared.hostWeight ? own.entry : shared.entry;
  return own.entry.rank < shared.entry.rank ? own.entry : shared.entry;
}

/** Hostname comes before everything else: exact, then the longest wildcard, then none. */
function findInHosts(hosts: HostIndex | undefined, lookup: Lookup): Hit | null {
  if (hosts === undefined) return null;
  const { host } = lookup.query;
  const exact = hosts.exact === null ? null : findInPaths(hosts.exact.get(host), lookup);
  if (exact !== null) return { entry: exact, hostWeight: Number.POSITIVE_INFINITY };
  if (hosts.wildcards !== null) {
    // `*.x` is a suffix match over any number of labels and never `x` itself, so the search begins after the first label.
    for (let dot = host.indexOf(".", 1); dot > 0; dot = host.indexOf(".", dot + 1)) {
      const entry = findInPaths(hosts.wildcards.get(host.slice(dot)), lookup);
      if (entry !== null) return { entry, hostWeight: host.length - dot };
    }
  }
  const any = hosts.any === null ? null : findInPaths(hosts.any, lookup);
  return any === null ? null : { entry: any, hostWeight: 0 };
}

function findInPaths(paths: PathIndex | undefined, lookup: Lookup): RouteEntry | null {
  if (paths === undefined) return null;
  const { path } = lookup.query;
  const exact = paths.exact === null ? null : firstMatching(paths.exact.get(path), lookup);
  if (exact !== null) return exact;
  const expression = paths.expressions === null ? null : firstMatching(paths.expressions, lookup);
  if (expression !== null) return expression;
  if (paths.prefixes === null) return null;
  for (const length of paths.prefixLengths) {
    // Prefixes match whole elements: `/foo` matches `/foo` and `/foo/…`, not `/foobar`. `/` matches all.
    if (length > path.length || (length > 1 && length < path.length && path.charCodeAt(length) !== SLASH)) continue;
    const entry = firstMatching(paths.prefixes.get(length === path.length ? path : path.slice(0, length)), lookup);
    if (entry !== null) return entry;
  }
  return null;
}

const SLASH = 0x2f;
const NO_ENTRIES: readonly RouteEntry[] = [];

/** Walks two lists that are each sorted by rank as if they were one. */
function firstMatching(candidates: Candidates | undefined, lookup: Lookup): RouteEntry | null {
  if (candidates === undefined) return null;
  const { anyModel, byModel } = candidates;
  const { model } = lookup.query;
  const sameModel = model === null || byModel === null ? NO_ENTRIES : (byModel.get(model) ?? NO_ENTRIES);
  let i = 0;
  let j = 0;
  for (;;) {
    const left = anyModel[i];
    const right = sameModel[j];
    const entry = left === undefined || (right !== undefined && right.rank < left.rank) ? right : left;
    if (entry === undefined) return null;
    if (entry === left) i += 1;
    else j += 1;
    if (matches(entry.match, lookup)) return entry;
  }
}

/** All but a literal path, which the index has settled. Cheapest first. */
function matches(match: RuleMatch, lookup: Lookup): boolean {
  const { query } = lookup;
  if (match.method !== null && match.method !== query.method) return false;
  for (const header of match.headers) {
    const value = header.name === MODEL_HEADER ? query.model : headerValue(query.headers, header.name);
    if (value === null || !accepts(header, value)) return false;
  }
  if (match.queryParams.length > 0) {
    // Decoded as the query of a form (WHATWG URL); of a repeated name the first value counts, as the standard recommends.
    lookup.parameters ??= new URLSearchParams(query.query);
    for (const parameter of match.queryParams) {
      const value = lookup.parameters.get(parameter.name);
      if (value === null || !accepts(parameter, value)) return false;
    }
  }
  return match.path.type !== "RegularExpression" || match.path.test(query.path);
}

function accepts(match: ValueMatch, value: string): boolean {
  return match.type === "Exact" ? match.value === value : match.test(value);
}
