import { find } from "../lib/header-list.ts";
import type { Received } from "../model/call.ts";
import type { CompiledRule, CorsRule } from "../model/snapshot.ts";
import { findRule } from "./find-rule.ts";
import { routeIndex } from "./route-index.ts";

/** A rule that answers preflights. */
export type PreflightRule = CompiledRule & { readonly cors: CorsRule };

/**
 * The rule whose CORS filter answers this call; null: it is no preflight, or no rule answers it. A browser asks without credentials, so no
 * caller is known yet and the rules of all namespaces count: what is told is which pages may call, and the call itself still has to prove
 * itself. Looked up as the OPTIONS request that it is, then as the request that it asks about.
 */
export function findPreflight(received: Received): PreflightRule | null {
  const { listener, gateway, exchange } = received;
  if (received.method !== "OPTIONS" || !routeIndex(listener.routes).answersPreflights || gateway.rejected !== null || exchange.routeName !== null) return null;
  const asked = find(exchange.headers, "access-control-request-method");
  if (asked === null || find(exchange.headers, "origin") === null) return null;
  for (const method of ["OPTIONS", asked]) {
    const found = findRule(listener.routes, {
      host: received.host,
      method,
      path: received.path,
      query: received.query,
      headers: exchange.headers,
      model: null,
      callerNamespace: gateway.namespace,
      gatewayNamespace: gateway.namespace,
      scope: "Shared",
    });
    if (found !== null && hasCors(found.rule)) return found.rule;
  }
  return null;
}

function hasCors(rule: CompiledRule): rule is PreflightRule {
  return rule.cors !== null;
}
