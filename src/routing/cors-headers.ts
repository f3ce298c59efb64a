import { isToken } from "../lib/field-syntax.ts";
import { find, remove } from "../lib/header-list.ts";
import type { HeaderList } from "../model/http.ts";
import type { CorsRule, OriginPattern } from "../model/snapshot.ts";

/** With a CORS filter the broker alone speaks of other origins: two values of one of these make a browser refuse both. */
const CORS_HEADERS: ReadonlySet<string> = new Set([
  "access-control-allow-origin",
  "access-control-allow-credentials",
  "access-control-allow-methods",
  "access-control-allow-headers",
  "access-control-expose-headers",
  "access-control-max-age",
]);
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^\s/,@]+$/;

/** What a preflight gets. Without the headers that allow it where its origin is not allowed: then the browser refuses. */
export function preflightHeaders(rule: CorsRule, request: HeaderList): HeaderList {
  const vary = ["vary", "origin, access-control-request-method, access-control-request-headers"];
  const allowed = allowedOrigin(rule, find(request, "origin"));
  if (allowed === null) return vary;
  const headers = ["access-control-allow-origin", allowed, ...vary];
  const methods = rule.methods === "*" ? echoed(find(request, "access-control-request-method")) : rule.methods;
  if (methods !== null) headers.push("access-control-allow-methods", methods);
  const names = rule.headers === "*" ? echoed(find(request, "access-control-request-headers")) : rule.headers;
  if (names !== null) headers.push("access-control-allow-headers", names);
  if (rule.credentials) headers.push("access-control-allow-credentials", "true");
  if (rule.expose !== null && !(rule.expose === "*" && rule.credentials)) headers.push("access-control-expose-headers", rule.expose);
  headers.push("access-control-max-age", String(rule.maxAgeSeconds));
  return headers;
}

/** The headers of an answer with what the rule says in place of what the destination said. */
export function withCors(rule: CorsRule, request: HeaderList, answer: HeaderList): HeaderList {
  const headers = [...remove(answer, CORS_HEADERS)];
  const allowed = allowedOrigin(rule, find(request, "origin"));
  // A cache must not hand one origin's answer to another.
  if (rule.origins !== null || rule.credentials) headers.push("vary", "origin");
  if (allowed === null) return headers;
  const expose = rule.expose === "*" && rule.credentials ? namesOf(headers) : rule.expose;
  headers.push("access-control-allow-origin", allowed);
  if (rule.credentials) headers.push("access-control-allow-credentials", "true");
  if (expose !== null) headers.push("access-control-expose-headers", expose);
  return headers;
}

/** Whether the page that asks may do so; a caller that names no origin is no page. */
export function admitsPage(rule: CorsRule, request: HeaderList): boolean {
  const origin = find(request, "origin");
  return origin === null || allowedOrigin(rule, origin) !== null;
}

/** `*` never stands beside credentials (Fetch standard, 3.3.5); `null`, the origin of a sandbox that anybody can make, never gets them. */
function allowedOrigin(rule: CorsRule, origin: string | null): string | null {
  if (origin === null) return null;
  if (rule.origins === null && !rule.credentials) return "*";
  const lower = origin.toLowerCase();
  if (!ORIGIN.test(lower)) return null;
  return rule.origins === null || rule.origins.some((pattern) => fits(pattern, lower)) ? origin : null;
}

function fits({ scheme, host, port }: OriginPattern, origin: string): boolean {
  if (!origin.startsWith(scheme)) return false;
  const authority = origin.slice(scheme.length);
  const colon = authority.lastIndexOf(":");
  const end = colon > authority.lastIndexOf("]") ? colon : authority.length;
  if (authority.slice(end) !== port) return false;
  const name = authority.slice(0, end);
  if (host === "*") return true;
  return host.startsWith("*.") ? name.length > host.length - 1 && name.endsWith(host.slice(1)) : name === host;
}

/** What was asked for, where it is a list of names and nothing else. */
function echoed(value: string | null): string | null {
  return value?.split(",").every((name) => isToken(name.trim())) ? value : null;
}

/** `*` means nothing to a browser beside credentials, so the names are written out. Null: there are none. */
function namesOf(headers: HeaderList): string | null {
  const names = new Set<string>();
  for (let at = 0; at < headers.length; at += 2) names.add((headers[at] ?? "").toLowerCase());
  return names.size === 0 ? null : [...names].join(", ");
}
