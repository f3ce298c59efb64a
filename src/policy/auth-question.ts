import { findAll } from "../lib/header-list.ts";
import type { Routed } from "../model/call.ts";
import type { ExternalAuthRule, HeaderEdits } from "../model/snapshot.ts";
import { tokenSlots } from "../model/token-slots.ts";
import { WITHHELD_HEADERS } from "./withheld-headers.ts";

/** What an authorization server is asked, beside the method and Host, which are the call's own. */
export interface AuthQuestion {
  /** Path and query. */
  readonly target: string;
  readonly headers: HeaderEdits;
}

/** Belong to the connection or to the broker: a filter cannot ask for them. */
const NEVER: ReadonlySet<string> = new Set([...WITHHELD_HEADERS, "content-length"]);

/**
 * The question about one call (GEP-1494): the call's own path behind the filter's prefix, the headers that the filter allows, and who the broker has
 * proved the caller to be. The standard has Authorization sent always. The one exception is the broker's own token: whoever holds it can call in
 * the caller's name, so it goes only where the filter names its header and the route belongs to the caller's own namespace or to the Gateway's.
 */
export function authQuestion(routed: Routed, rule: ExternalAuthRule, showsBody: boolean): AuthQuestion {
  const { caller, exchange, path, query } = routed;
  const asked = new Set(rule.requestHeaders);
  const tokens = tokenSlots(exchange.headers, routed.tokenSlot) as readonly string[];
  const owner = routed.rule.route.namespace;
  const trusted = owner === caller.namespace || owner === routed.gateway.namespace;
  const names = ["authorization", ...asked, ...(showsBody ? ["content-type", "content-encoding"] : [])];
  const set: { name: string; value: string }[] = [
    { name: "x-request-id", value: routed.id },
    { name: "x-egress-namespace", value: caller.namespace },
  ];
  if (caller.serviceAccount !== null) set.push({ name: "x-egress-service-account", value: caller.serviceAccount });
  if (caller.workload !== null) set.push({ name: "x-egress-workload", value: caller.workload });
  for (const name of new Set(names)) {
    // A handshake's subprotocols may hold a token among other things.
    if (NEVER.has(name) || name.startsWith("x-egress-") || name.startsWith("sec-websocket-") || name === "x-request-id") continue;
    if (tokens.includes(name) && !(trusted && asked.has(name))) continue;
    const values = findAll(exchange.headers, name);
    if (values.length > 0) set.push({ name, value: values.join(name === "cookie" ? "; " : ", ") });
  }
  return { target: `${rule.pathPrefix}${path}${query}`, headers: { set, add: [], remove: [] } };
}
