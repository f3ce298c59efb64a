import { Refusal } from "../model/errors.ts";
import type { RuleMatch, UrlRewrite } from "../model/snapshot.ts";

type PathChange = NonNullable<UrlRewrite["path"]>;

/** Path and query that go upstream: the path as URLRewrite changes it, the query untouched. Throws `route_rejected` as `replacePath` does. */
export function rewriteTarget(path: string, query: string, rewrite: UrlRewrite | null, match: RuleMatch): string {
  const change = rewrite?.path ?? null;
  return change === null ? path + query : replacePath(path, change, match) + query;
}

/**
 * HTTPPathModifier, for rewrites and redirects alike. ReplacePrefixMatch exists only under a PathPrefix match: with any other it throws
 * `route_rejected`, because sending the path unchanged would call something that the route's owner did not mean.
 */
export function replacePath(path: string, change: PathChange, match: RuleMatch): string {
  if (change.type === "ReplaceFullPath") return rooted(change.value);
  if (match.path.type !== "PathPrefix") {
    throw new Refusal("route_rejected", { detail: "ReplacePrefixMatch needs a PathPrefix match" });
  }
  const prefix = match.path.value === "/" ? "" : match.path.value;
  const replacement = change.value.endsWith("/") ? change.value.slice(0, -1) : change.value;
  return rooted(replacement + path.slice(prefix.length));
}

/** One leading slash: with an empty replacement `/foo//evil.example` would become `//evil.example`, which some servers read as an authority. */
function rooted(path: string): string {
  return `/${path.replace(/^\/+/, "")}`;
}
