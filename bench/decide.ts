/**
 * Cost of one routing decision on a small and on a large table: `node bench/decide.ts`. The bar is 3 microseconds on an ordinary table, and
 * about twice the time for 5,000 routes in 200 namespaces as for 50 in 2. The number of look-ups is the same in both: what the large
 * table costs more is the processor's cache, because every look-up here is for another namespace than the one before.
 */
import type { CompiledRule } from "../src/model/snapshot.ts";
import { buildRouteTable } from "../src/routing/build-route-table.ts";
import { compileMatch } from "../src/routing/compile-match.ts";
import { findRule, type RouteQuery } from "../src/routing/find-rule.ts";

const HEADERS = [
  "Host",
  "egress.local",
  "User-Agent",
  "OpenAI/JS 7.57.0",
  "Content-Type",
  "application/json",
  "Authorization",
  "Bearer token",
  "Accept",
  "*/*",
  "X-Tier",
  "gold",
];
const ROUTES_PER_NAMESPACE = 25;
const LOOKUPS = 200_000;
const ROUNDS = 7;

/** A third of the routes share hosts and paths with other namespaces, a third go by model, a third have hosts of their own. */
function rules(routes: number): readonly CompiledRule[] {
  return Array.from({ length: routes }, (_, at) => {
    const place = at % ROUTES_PER_NAMESPACE;
    const hostname = at % 3 === 2 ? [`api-${at}.example.com`] : [];
    const authored =
      at % 3 === 0
        ? { path: { value: `/v1/service-${place}` }, headers: [{ name: "X-Tier", value: "gold" }] }
        : at % 3 === 1
          ? { path: { value: "/v1" }, headers: [{ name: "X-Gateway-Model-Name", value: `model-${place}` }] }
          : { path: { type: "Exact", value: "/v1/chat/completions" } };
    const compiled = compileMatch(authored);
    if (!compiled.ok) throw new Error(compiled.reason);
    return {
      id: `route-${at}`,
      route: { namespace: `team-${Math.floor(at / ROUTES_PER_NAMESPACE)}`, name: `route-${place}`, createdAt: null },
      ruleIndex: 0,
      ruleName: null,
      hostnames: hostname,
      matches: [compiled.match],
      action: { kind: "rejected", reason: "a bench forwards nothing" },
      requestHeaders: null,
      responseHeaders: null,
      rewrite: null,
      cors: null,
      externalAuth: null,
      mirrors: [],
      timeouts: { requestMs: null, backendRequestMs: null, upgradedMs: null },
      retry: null,
      lock: null,
      namespaceLocks: new Map(),
      matchesModel: at % 3 === 1,
      limits: [],
      propagateTrace: false,
    };
  });
}

function queries(routes: number, scope: RouteQuery["scope"]): readonly RouteQuery[] {
  return Array.from({ length: 1_000 }, (_, i) => {
    const at = (i * 7_919) % routes;
    const place = at % ROUTES_PER_NAMESPACE;
    return {
      host: at % 3 === 2 ? `api-${at}.example.com` : "egress.local",
      method: "POST",
      path: at % 3 === 0 ? `/v1/service-${place}/items/42` : "/v1/chat/completions",
      query: "",
      headers: HEADERS,
      model: `model-${place}`,
      callerNamespace: `team-${Math.floor(at / ROUTES_PER_NAMESPACE)}`,
      gatewayNamespace: "egress-system",
      scope,
    };
  });
}

/** Microseconds a decision: the median of several rounds. */
function measure(routes: number, scope: RouteQuery["scope"]): number {
  const table = buildRouteTable(rules(routes));
  const asked = queries(routes, scope);
  const rounds: number[] = [];
  let missed = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const started = performance.now();
    for (let i = 0; i < LOOKUPS; i += 1) {
      const query = asked[i % asked.length];
      if (query === undefined || findRule(table, query) === null) missed += 1;
    }
    rounds.push(((performance.now() - started) / LOOKUPS) * 1_000);
  }
  if (missed > 0) throw new Error(`${missed} look-ups found no rule`);
  return rounds.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? Number.NaN;
}

for (const scope of ["CallerNamespace", "Shared"] as const) {
  measure(50, scope);
  const small = measure(50, scope);
  const large = measure(5_000, scope);
  console.log(`${scope}: 50 routes ${small.toFixed(2)} us, 5,000 routes ${large.toFixed(2)} us, ratio ${(large / small).toFixed(2)}`);
}
