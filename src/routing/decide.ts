import type { Identified, Routed } from "../model/call.ts";
import { tightened } from "../model/chain.ts";
import { Refusal } from "../model/errors.ts";
import { admitsPage } from "./cors-headers.ts";
import { findRule, type RouteQuery } from "./find-rule.ts";

/**
 * Stage 3: finds the rule and the lock that binds this caller on it. Throws `route_not_found` (404), `access_denied` (403) for a WebSocket of a
 * page that the rule's CORS filter keeps out, and, for a Gateway or rule that was refused when its manifests were compiled, `route_rejected`
 * (500): a refused rule answers itself rather than leave its traffic to a broader one.
 * Forward and redirect rules are both returned.
 */
export function route(identified: Identified, model: string | null): Routed {
  const { gateway, caller } = identified;
  if (gateway.rejected !== null) throw new Refusal("route_rejected", { detail: gateway.rejected });
  const found = findRule(identified.listener.routes, routeQuery(identified, model));
  if (found === null)
    throw new Refusal("route_not_found", { detail: "No HTTPRoute that this caller may use matches the host, path, method, headers and query." });
  const { rule, match } = found;
  const { routeName } = identified.exchange;
  if (routeName !== null && routeName !== `${rule.route.namespace}/${rule.route.name}`) {
    throw new Refusal("route_not_found", {
      detail: `The call names the HTTPRoute ${routeName}, but ${rule.id} takes precedence for its host, path, method and headers.`,
    });
  }
  if (rule.action.kind === "rejected") throw new Refusal("route_rejected", { detail: rule.action.reason });
  // A browser asks nobody before it opens a WebSocket, and reads whatever comes (RFC 6455 section 10.2): the broker holds the filter in its place.
  if (identified.handshake !== null && rule.cors !== null && !admitsPage(rule.cors, identified.exchange.headers)) {
    throw new Refusal("access_denied", { detail: "The CORS filter of this route does not allow the page that asks for a WebSocket." });
  }
  const lock = rule.namespaceLocks.get(caller.namespace) ?? rule.lock;
  // The compiled lock of a namespace that no policy binds has no constraint: such a caller is not locked at all.
  return { ...identified, rule, match, lock: tightened(lock === null || lock.constraints.length === 0 ? null : lock, identified.chain) };
}

/** What of a call a rule can match on. */
export function routeQuery(identified: Identified, model: string | null): RouteQuery {
  const { gateway, caller } = identified;
  return {
    host: identified.host,
    method: identified.method,
    path: identified.path,
    query: identified.query,
    headers: identified.exchange.headers,
    model,
    callerNamespace: caller.namespace,
    gatewayNamespace: gateway.namespace,
    scope: gateway.scope,
  };
}
