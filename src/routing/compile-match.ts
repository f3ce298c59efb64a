import type { PathMatch, RuleMatch, ValueMatch } from "../model/snapshot.ts";
import { fullMatch } from "./full-match.ts";

/** One entry of `HTTPRoute.spec.rules[].matches` as authored: enum values are plain strings here, so that an unknown one becomes a reason and not a crash. */
export interface AuthoredMatch {
  readonly path?: { readonly type?: string | undefined; readonly value?: string | undefined } | undefined;
  readonly method?: string | undefined;
  readonly headers?: readonly AuthoredValueMatch[] | undefined;
  readonly queryParams?: readonly AuthoredValueMatch[] | undefined;
}

export interface AuthoredValueMatch {
  readonly type?: string | undefined;
  readonly name: string;
  readonly value: string;
}

/** `reason` is one sentence for the route's `Accepted` condition. */
export type CompiledMatch = { readonly ok: true; readonly match: RuleMatch } | { readonly ok: false; readonly reason: string };

/** The methods that the standard's HTTPMethod lists. */
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]);
/** RFC 9110 section 5.6.2; the standard asks the same of query parameter names. */
const TOKEN = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,256}$/;
/** The characters that the standard lets stand in an Exact or PathPrefix value. */
const PATH_CHARACTERS = /^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$/;
const MAX_PATH = 1_024;

/** Compiles one authored match. Fails closed: what cannot be understood is refused with a reason, never widened. */
export function compileMatch(authored: AuthoredMatch): CompiledMatch {
  const path = compilePath(authored.path?.type ?? "PathPrefix", authored.path?.value ?? "/");
  if (typeof path === "string") return { ok: false, reason: path };
  const method = authored.method ?? null;
  if (method !== null && !METHODS.has(method)) return { ok: false, reason: `method ${quote(method)} is not one of ${[...METHODS].join(", ")}` };
  const headers = compileValues("header", authored.headers ?? [], true);
  if (typeof headers === "string") return { ok: false, reason: headers };
  const queryParams = compileValues("query parameter", authored.queryParams ?? [], false);
  if (typeof queryParams === "string") return { ok: false, reason: queryParams };
  return { ok: true, match: { path, method, headers, queryParams } };
}

/** The match, or the reason why there is none. */
function compilePath(type: string, value: string): PathMatch | string {
  if (value.length > MAX_PATH) return `the path is longer than ${MAX_PATH} characters`;
  if (type === "RegularExpression") {
    const compiled = fullMatch(value);
    return compiled.ok ? { type, value, test: compiled.test } : `path ${quote(value)}: ${compiled.reason}`;
  }
  if (type !== "Exact" && type !== "PathPrefix") return `path type ${quote(type)} is not supported: Exact, PathPrefix or RegularExpression`;
  const fault = pathFault(value);
  if (fault !== null) return `path ${quote(value)} ${fault}`;
  if (type === "Exact") return { type, value };
  // "A trailing / is ignored": `/foo/` and `/foo` are the same prefix.
  return { type, value: value.length > 1 && value.endsWith("/") ? value.slice(0, -1) : value };
}

/** The standard's own rules for a literal path. Each refuses a value that no clean request could equal, or that two parties could read differently. */
function pathFault(value: string): string | null {
  if (!value.startsWith("/")) return "must start with /";
  if (value.includes("//")) return "must not contain //";
  if (value.includes("/./") || value.endsWith("/.")) return "must not contain a . segment";
  if (value.includes("/../") || value.endsWith("/..")) return "must not contain a .. segment";
  if (/%2f/i.test(value)) return "must not contain an encoded slash (%2f)";
  if (value.includes("#")) return "must not contain #";
  if (!PATH_CHARACTERS.test(value)) return "contains a character that must be percent-encoded";
  return null;
}

function compileValues(what: string, authored: readonly AuthoredValueMatch[], foldCase: boolean): readonly ValueMatch[] | string {
  const compiled: ValueMatch[] = [];
  const seen = new Set<string>();
  for (const one of authored) {
    if (!TOKEN.test(one.name)) return `${what} name ${quote(one.name)} is not a token`;
    const type = one.type ?? "Exact";
    if (type !== "Exact" && type !== "RegularExpression") return `${what} match type ${quote(type)} is not supported: Exact or RegularExpression`;
    const name = foldCase ? one.name.toLowerCase() : one.name;
    // "Only the first entry with an equivalent name MUST be considered." The later ones are still checked, so that a typo there is told.
    const repeated = seen.has(name);
    seen.add(name);
    if (type === "Exact") {
      if (!repeated) compiled.push({ type, name, value: one.value });
      continue;
    }
    const expression = fullMatch(one.value);
    if (!expression.ok) return `${what} ${quote(one.name)}: ${expression.reason}`;
    if (!repeated) compiled.push({ type, name, value: one.value, test: expression.test });
  }
  return compiled;
}

/** Shortened: a reason is for a status message, and a manifest may hold anything. */
function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
