import type { CorsRule, HeaderEdits, RedirectRule, UrlRewrite } from "../model/snapshot.ts";
import { compileCors } from "./compile-cors.ts";
import { isGuardedHeader } from "./guarded-headers.ts";
import { type Resolved, resolved, unresolved } from "./link-context.ts";
import type { Platform } from "./platform.ts";
import type { FilterSpec } from "./standard/http-route.ts";

/** The filters of a rule or of a backendRef, sorted out. */
export interface CompiledFilters {
  readonly requestHeaders: HeaderEdits | null;
  readonly responseHeaders: HeaderEdits | null;
  readonly rewrite: UrlRewrite | null;
  readonly redirect: RedirectRule | null;
  readonly cors: CorsRule | null;
  readonly mirrors: readonly AuthoredMirror[];
  readonly externalAuth: AuthoredExternalAuth | null;
}

export type AuthoredExternalAuth = NonNullable<FilterSpec["externalAuth"]>;
export type AuthoredMirror = NonNullable<FilterSpec["requestMirror"]>;

const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

type HeaderModifier = NonNullable<FilterSpec["requestHeaderModifier"]>;
type AuthoredPath = NonNullable<FilterSpec["urlRewrite"]>["path"];

/**
 * Compiles a list of filters. A filter that this release does not carry out refuses all of them: the standard forbids to skip one.
 * `prefixOnly` says that every match is a PathPrefix, without which ReplacePrefixMatch has no meaning.
 */
export function compileFilters(filters: readonly FilterSpec[], prefixOnly: boolean, platform: Platform): Resolved<CompiledFilters> {
  let requestHeaders: HeaderEdits | null = null;
  let responseHeaders: HeaderEdits | null = null;
  let rewrite: UrlRewrite | null = null;
  let redirect: RedirectRule | null = null;
  let cors: CorsRule | null = null;
  let externalAuth: AuthoredExternalAuth | null = null;
  const mirrors: AuthoredMirror[] = [];
  const seen = new Set<string>();
  for (const filter of filters) {
    if (seen.has(filter.type) && filter.type !== "RequestMirror") return unresolved("IncompatibleFilters", `the filter ${filter.type} stands twice`);
    seen.add(filter.type);
    const wrong = foreignMember(filter);
    if (wrong !== null) return wrong;
    if (filter.type === "RequestHeaderModifier" && filter.requestHeaderModifier !== undefined) {
      const edits = compileEdits(filter.requestHeaderModifier);
      if (!edits.ok) return edits;
      requestHeaders = edits.value;
    } else if (filter.type === "ResponseHeaderModifier" && filter.responseHeaderModifier !== undefined) {
      const edits = compileEdits(filter.responseHeaderModifier);
      if (!edits.ok) return edits;
      responseHeaders = edits.value;
    } else if (filter.type === "URLRewrite" && filter.urlRewrite !== undefined) {
      const path = compilePath(filter.urlRewrite.path, prefixOnly);
      if (!path.ok) return path;
      if (filter.urlRewrite.hostname !== undefined && !platform.features.has("host-rewrite")) {
        return unresolved("UnsupportedValue", "URLRewrite.hostname: this platform always sends the destination's own Host");
      }
      rewrite = { hostname: filter.urlRewrite.hostname?.toLowerCase() ?? null, path: path.value };
    } else if (filter.type === "RequestRedirect" && filter.requestRedirect !== undefined) {
      const compiled = compileRedirect(filter.requestRedirect, prefixOnly);
      if (!compiled.ok) return compiled;
      redirect = compiled.value;
    } else if (filter.type === "CORS" && filter.cors !== undefined) {
      const compiled = compileCors(filter.cors);
      if (!compiled.ok) return compiled;
      cors = compiled.value;
    } else if (filter.type === "RequestMirror" && filter.requestMirror !== undefined) {
      mirrors.push(filter.requestMirror);
    } else if (filter.type === "ExternalAuth" && filter.externalAuth !== undefined) {
      externalAuth = filter.externalAuth;
    } else {
      return unresolved("UnsupportedValue", `the filter ${filter.type} is not carried out by this release`);
    }
  }
  if (rewrite !== null && redirect !== null) return unresolved("IncompatibleFilters", "URLRewrite and RequestRedirect exclude each other");
  if (redirect !== null && mirrors.length > 0)
    return unresolved("IncompatibleFilters", "RequestMirror and RequestRedirect exclude each other: nothing is sent that could be copied");
  return resolved({ requestHeaders, responseHeaders, rewrite, redirect, cors, mirrors, externalAuth });
}

/** The CRD's rule: a filter carries the member that its type names, and no other. */
const MEMBERS: Readonly<Record<string, keyof FilterSpec>> = {
  RequestHeaderModifier: "requestHeaderModifier",
  ResponseHeaderModifier: "responseHeaderModifier",
  RequestMirror: "requestMirror",
  RequestRedirect: "requestRedirect",
  URLRewrite: "urlRewrite",
  ExtensionRef: "extensionRef",
  CORS: "cors",
  ExternalAuth: "externalAuth",
};

function foreignMember(filter: FilterSpec) {
  const own = Object.hasOwn(MEMBERS, filter.type) ? MEMBERS[filter.type] : undefined;
  const foreign = Object.values(MEMBERS).find((member) => member !== own && filter[member] !== undefined);
  if (own === undefined) return unresolved("UnsupportedValue", `the filter ${filter.type} is not known`);
  if (foreign !== undefined) return unresolved("UnsupportedValue", `a filter of type ${filter.type} cannot carry ${foreign}`);
  return filter[own] === undefined ? unresolved("UnsupportedValue", `a filter of type ${filter.type} needs ${own}`) : null;
}

function compileEdits(authored: HeaderModifier): Resolved<HeaderEdits> {
  const edits: HeaderEdits = {
    set: firstOfEach(authored.set ?? []),
    add: firstOfEach(authored.add ?? []),
    remove: [...new Set((authored.remove ?? []).map((name) => name.toLowerCase()))],
  };
  const guarded = [...edits.set.map((edit) => edit.name), ...edits.add.map((edit) => edit.name), ...edits.remove].find(isGuardedHeader);
  if (guarded === undefined) return resolved(edits);
  const advice = guarded === "host" ? ": use URLRewrite.hostname" : "";
  return unresolved("UnsupportedValue", `the header ${guarded} belongs to the broker and cannot be changed by a filter${advice}`);
}

/** "For entries with equivalent header names only the first MUST be considered." */
function firstOfEach(headers: readonly { readonly name: string; readonly value: string }[]): HeaderEdits["set"] {
  const found = new Map<string, string>();
  for (const { name, value } of headers) if (!found.has(name.toLowerCase())) found.set(name.toLowerCase(), value);
  return [...found].map(([name, value]) => ({ name, value }));
}

function compilePath(authored: AuthoredPath, prefixOnly: boolean): Resolved<UrlRewrite["path"]> {
  if (authored === undefined) return resolved(null);
  const { type, replaceFullPath, replacePrefixMatch } = authored;
  if (type !== "ReplaceFullPath" && type !== "ReplacePrefixMatch") return unresolved("UnsupportedValue", `the path modifier ${type} is not known`);
  const value = type === "ReplaceFullPath" ? replaceFullPath : replacePrefixMatch;
  const other = type === "ReplaceFullPath" ? replacePrefixMatch : replaceFullPath;
  if (value === undefined || other !== undefined) return unresolved("UnsupportedValue", `a path modifier of type ${type} needs exactly its own member`);
  if (type === "ReplacePrefixMatch" && !prefixOnly) return unresolved("UnsupportedValue", "ReplacePrefixMatch needs matches of type PathPrefix only");
  // The value becomes part of a request line: nothing in it may end the path or climb out of it.
  if (!/^(\/[^\s?#\\]*)?$/.test(value) || /(^|\/)\.\.?(\/|$)/.test(value))
    return unresolved("UnsupportedValue", "the path of a modifier must be a plain absolute path");
  return resolved({ type, value });
}

function compileRedirect(authored: NonNullable<FilterSpec["requestRedirect"]>, prefixOnly: boolean): Resolved<RedirectRule> {
  const { scheme, hostname, port, statusCode = 302 } = authored;
  if (scheme !== undefined && scheme !== "http" && scheme !== "https") return unresolved("UnsupportedValue", `the redirect scheme ${scheme} is not supported`);
  if (!REDIRECT_STATUSES.has(statusCode)) return unresolved("UnsupportedValue", `the redirect status ${statusCode} is not supported`);
  const path = compilePath(authored.path, prefixOnly);
  if (!path.ok) return path;
  return resolved({ scheme: scheme ?? null, hostname: hostname?.toLowerCase() ?? null, port: port ?? null, path: path.value, statusCode });
}
