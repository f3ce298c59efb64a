import { isToken } from "../lib/field-syntax.ts";
import type { CorsRule, OriginPattern } from "../model/snapshot.ts";
import { type Resolved, resolved, unresolved } from "./link-context.ts";
import type { FilterSpec } from "./standard/http-route.ts";

const DEFAULT_MAX_AGE = 5;
const LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?";
const ORIGIN = new RegExp(`^([a-z][a-z0-9+.-]*://)(\\*|(?:\\*\\.)?${LABEL}(?:\\.${LABEL})*)(:[0-9]{1,5})?$`);

/** The CORS filter (GEP-1767). Fails for a value that no browser could send or read, so that a typing error does not shut pages out unseen. */
export function compileCors(authored: NonNullable<FilterSpec["cors"]>): Resolved<CorsRule> {
  const origins = compileOrigins(authored.allowOrigins ?? []);
  if (!origins.ok) return origins;
  const lists: (string | null)[] = [];
  for (const field of ["allowMethods", "allowHeaders", "exposeHeaders"] as const) {
    const list = compileNames(field, authored[field] ?? []);
    if (!list.ok) return list;
    lists.push(list.value);
  }
  const [methods = null, headers = null, expose = null] = lists;
  const maxAgeSeconds = authored.maxAge ?? DEFAULT_MAX_AGE;
  if (maxAgeSeconds < 1) return unresolved("UnsupportedValue", "cors.maxAge must be at least 1");
  return resolved({ origins: origins.value, credentials: authored.allowCredentials ?? false, methods, headers, expose, maxAgeSeconds });
}

function compileOrigins(authored: readonly string[]): Resolved<readonly OriginPattern[] | null> {
  if (authored.includes("*")) return authored.length === 1 ? resolved(null) : unresolved("UnsupportedValue", "cors.allowOrigins: * stands alone");
  const patterns: OriginPattern[] = [];
  for (const text of authored) {
    const [, scheme, host, port = ""] = ORIGIN.exec(text.toLowerCase()) ?? [];
    if (scheme === undefined || host === undefined)
      return unresolved("UnsupportedValue", `cors.allowOrigins: ${text} is not an origin such as https://*.example.com`);
    patterns.push({ scheme, host, port: port === DEFAULT_PORTS[scheme] ? "" : port });
  }
  return resolved(patterns);
}

/** A browser leaves these out of an origin. */
const DEFAULT_PORTS: Readonly<Record<string, string>> = { "http://": ":80", "https://": ":443" };

/** The value of the header; null: there is nothing to say. */
function compileNames(field: string, names: readonly string[]): Resolved<string | null> {
  if (names.includes("*") && names.length > 1) return unresolved("UnsupportedValue", `cors.${field}: * stands alone`);
  const wrong = names.find((name) => !isToken(name));
  if (wrong !== undefined) return unresolved("UnsupportedValue", `cors.${field}: ${wrong} is not a name`);
  return resolved(names.length === 0 ? null : names.join(", "));
}
