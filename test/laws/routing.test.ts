import fc from "fast-check";
import { expect, it } from "vitest";
import { buildRouteTable } from "../../src/routing/build-route-table.ts";
import { findRule } from "../../src/routing/find-rule.ts";
import { makeRule } from "../unit/routing/make-rule.ts";
import { type AuthoredRule, GATEWAY_NAMESPACE, naiveFind, type Request } from "./naive-routing.ts";

const LONG = process.env["SPILLWAY_LONG"] === "1";
const REQUESTS_PER_TABLE = 20;
const TABLES = LONG ? 50_000 : 400;

// Small alphabets, so that rules overlap and tie as often as they can.
const HOSTS = ["a.example.com", "b.a.example.com", "example.com", "com", "x.org", "aexample.com"];
const HOSTNAMES = ["*.com", "*.example.com", "*.a.example.com", "a.example.com", "b.a.example.com", "example.com", "x.org"];
const PATHS = ["/", "/a", "/a/", "/a/b", "/a/b/", "/ab", "/a/b/c", "//", "/a//b", "/A", "/b", "/a/1", "/1"];
const LITERALS = ["/", "/a", "/a/", "/a/b", "/a/b/c", "/b", "/ab", "/1"];
const EXPRESSIONS = ["/[ab]", "/a(/.*)?", "/a/[0-9]+", ".*", "/a|/b", "[^/]"];

const value = (names: readonly string[]) =>
  fc.oneof(
    fc.record({ type: fc.constant("Exact" as const), name: fc.constantFrom(...names), value: fc.constantFrom("1", "2", "1, 2", "m") }),
    fc.record({ type: fc.constant("RegularExpression" as const), name: fc.constantFrom(...names), value: fc.constantFrom("[12]", "1.*", "m|2", "") }),
  );

function mostlyNone<Item>(arbitrary: fc.Arbitrary<Item[]>): fc.Arbitrary<Item[]> {
  return fc.oneof({ weight: 2, arbitrary: fc.constant<Item[]>([]) }, { weight: 1, arbitrary });
}

const path = fc.oneof(
  fc.record({ type: fc.constant("Exact" as const), value: fc.constantFrom(...LITERALS) }),
  fc.record({ type: fc.constant("PathPrefix" as const), value: fc.constantFrom(...LITERALS) }),
  fc.record({ type: fc.constant("RegularExpression" as const), value: fc.constantFrom(...EXPRESSIONS) }),
);

const match = fc.record({
  path,
  method: fc.constantFrom(undefined, undefined, "GET", "POST"),
  headers: mostlyNone(fc.array(value(["h", "H", "i", "X-Gateway-Model-Name"]), { maxLength: 2 })),
  queryParams: mostlyNone(fc.array(value(["q", "r"]), { maxLength: 2 })),
});

const route = fc.record({
  namespace: fc.constantFrom("a", "b", GATEWAY_NAMESPACE),
  route: fc.constantFrom("r1", "r2", "r3", "r10"),
  createdAt: fc.constantFrom(null, null, "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:30Z"),
  hostnames: mostlyNone(fc.uniqueArray(fc.constantFrom(...HOSTNAMES), { minLength: 1, maxLength: 2 })),
  rules: fc.array(fc.array(match, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 3 }),
});

const table = fc.uniqueArray(route, { minLength: 3, maxLength: 8, size: "max", selector: (one) => `${one.namespace}/${one.route}` }).chain((routes) => {
  const rules: AuthoredRule[] = routes.flatMap(({ rules: all, ...owner }) => all.map((matches, ruleIndex) => ({ ...owner, ruleIndex, matches })));
  // The order in which rules reach the table is nobody's promise.
  return fc.shuffledSubarray(rules, { minLength: rules.length });
});

const pairs = (names: readonly string[]) => fc.array(fc.tuple(fc.constantFrom(...names), fc.constantFrom("1", "2", "m", "a b+c%")), { maxLength: 3 });

const request: fc.Arbitrary<Request> = fc.record({
  host: fc.constantFrom(...HOSTS),
  method: fc.constantFrom("GET", "POST", "PUT"),
  path: fc.constantFrom(...PATHS),
  query: pairs(["q", "r", "Q"]),
  headers: pairs(["h", "H", "I", "x-gateway-model-name"]),
  model: fc.constantFrom(null, "1", "m", "2"),
  callerNamespace: fc.constantFrom("a", "b", "c", GATEWAY_NAMESPACE),
  scope: fc.constantFrom("CallerNamespace" as const, "Shared" as const),
});

it("finds the same rule and match as the standard read word by word", { timeout: 3_600_000 }, () => {
  let compared = 0;
  let found = 0;
  fc.assert(
    fc.property(table, fc.array(request, { minLength: REQUESTS_PER_TABLE, maxLength: REQUESTS_PER_TABLE }), (authored, requests) => {
      const rules = authored.map((one) =>
        makeRule({
          route: { namespace: one.namespace, name: one.route, createdAt: one.createdAt },
          hostnames: one.hostnames,
          ruleIndex: one.ruleIndex,
          matches: one.matches,
        }),
      );
      const built = buildRouteTable(rules);
      for (const one of requests) {
        const query = one.query.length === 0 ? "" : `?${new URLSearchParams(one.query.map(([name, text]): [string, string] => [name, text])).toString()}`;
        const hit = findRule(built, { ...one, query, headers: one.headers.flat(), gatewayNamespace: GATEWAY_NAMESPACE });
        const expected = naiveFind(authored, one);
        const rule = expected === null ? undefined : rules[expected[0]];
        compared += 1;
        if (rule !== undefined) found += 1;
        expect(hit?.rule).toBe(rule);
        expect(hit?.match).toBe(expected === null ? undefined : rule?.matches[expected[1]]);
      }
    }),
    { numRuns: TABLES },
  );
  console.log(`routing law: ${compared} pairs of rules and request, ${found} with a match`);
  // A generator that matches nothing would prove nothing.
  expect(found).toBeGreaterThan(compared / 4);
});
