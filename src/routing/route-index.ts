import type { CompiledRule, RouteTable, RuleMatch } from "../model/snapshot.ts";

/** One match of one rule. A lower `rank` wins; ranks are unique in a table and leave out only the hostname, which is decided before. */
export interface RouteEntry {
  readonly rule: CompiledRule;
  readonly match: RuleMatch;
  readonly rank: number;
}

/** Parts of the index that would be empty are null: with hundreds of namespaces the index is many small maps, and its size is its speed. */

/** Entries that share a path, by rank. Those that want one exact model stand apart, so that a thousand models cost what one does. */
export interface Candidates {
  readonly anyModel: readonly RouteEntry[];
  readonly byModel: ReadonlyMap<string, readonly RouteEntry[]> | null;
}

/** All entries of one hostname. Exact beats RegularExpression beats PathPrefix, so the first hit in that order is the best. */
export interface PathIndex {
  readonly exact: ReadonlyMap<string, Candidates> | null;
  /** Every RegularExpression entry, by rank: these are tried one after another. Null: none. */
  readonly expressions: Candidates | null;
  readonly prefixes: ReadonlyMap<string, Candidates> | null;
  /** The distinct lengths of `prefixes`, longest first: a look-up costs at most one probe a length, whatever the caller's path holds. */
  readonly prefixLengths: readonly number[];
}

export interface HostIndex {
  readonly exact: ReadonlyMap<string, PathIndex> | null;
  /** By suffix with its dot: `*.example.com` is `.example.com`. */
  readonly wildcards: ReadonlyMap<string, PathIndex> | null;
  /** Rules without a hostname. */
  readonly any: PathIndex | null;
}

export interface RouteIndex {
  /** Scope Shared: every rule. */
  readonly shared: HostIndex;
  /** Scope CallerNamespace: the rules of one route namespace. */
  readonly byNamespace: ReadonlyMap<string, HostIndex>;
  /** True when some rule has a CORS filter. */
  readonly answersPreflights: boolean;
  readonly needsModel: boolean;
}

/** Header name by which rules match the model of the JSON body. */
export const MODEL_HEADER = "x-gateway-model-name";

/** Opens the part of a table that is opaque to all other stages. */
export function routeIndex(table: RouteTable): RouteIndex {
  return table.index as RouteIndex; // `buildRouteTable` is the only maker of a RouteTable, and puts a RouteIndex here
}
