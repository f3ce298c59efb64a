import { describe, expect, it } from "vitest";
import type { CompiledRule } from "../../../src/model/snapshot.ts";
import { buildRouteTable, needsModel } from "../../../src/routing/build-route-table.ts";
import { findRule, type RouteQuery } from "../../../src/routing/find-rule.ts";
import { makeQuery, makeRule, type RuleParts } from "./make-rule.ts";

function find(rules: readonly CompiledRule[], query: Partial<RouteQuery>): string | null {
  return findRule(buildRouteTable(rules), makeQuery(query))?.rule.id ?? null;
}

function named(id: string, parts: RuleParts = {}): CompiledRule {
  return makeRule({ ...parts, id, route: { name: id, ...parts.route } });
}

describe("findRule: paths", () => {
  const rules = [
    named("exact-one", { matches: [{ path: { type: "Exact", value: "/one" } }] }),
    named("prefix-one", { matches: [{ path: { value: "/one" } }] }),
    named("prefix-one-two", { matches: [{ path: { value: "/one/two/" } }] }),
    named("expression", { matches: [{ path: { type: "RegularExpression", value: "/one/[0-9]+" } }] }),
    named("root", { matches: [{}] }),
  ];
  it.each([
    ["/one", "exact-one"],
    ["/one/", "prefix-one"],
    ["/one/x", "prefix-one"],
    ["/one/two", "prefix-one-two"],
    ["/one/two/three", "prefix-one-two"],
    ["/one/twofold", "prefix-one"],
    ["/one/12", "expression"],
    ["/one/12/x", "prefix-one"],
    ["/onerous", "root"],
    ["/One", "root"],
    ["/", "root"],
    ["//one", "root"],
    ["/one//two", "prefix-one"],
  ])("%s goes to %s, in whatever order the rules are written", (path, expected) => {
    expect(find(rules, { path })).toBe(expected);
    expect(find([...rules].reverse(), { path })).toBe(expected);
  });

  it("finds nothing where nothing matches", () => {
    expect(find([], { path: "/one" })).toBeNull();
    expect(find([named("a", { matches: [{ path: { value: "/a" } }] })], { path: "/" })).toBeNull();
  });
});

describe("findRule: hostnames come before paths", () => {
  const rules = [
    named("any", { matches: [{ path: { type: "Exact", value: "/x" } }] }),
    named("wide", { hostnames: ["*.example.com"], matches: [{ path: { type: "Exact", value: "/x" } }] }),
    named("wider", { hostnames: ["*.com"], matches: [{ path: { type: "Exact", value: "/x" } }] }),
    named("exact", { hostnames: ["api.example.com"] }),
    named("exact-narrow", { hostnames: ["api.example.com"], matches: [{ path: { value: "/only" } }] }),
    named("fallback", { hostnames: ["lone.example.com"], matches: [{ path: { value: "/only" } }] }),
  ];
  it.each([
    ["api.example.com", "/x", "exact"],
    ["api.example.com", "/only/y", "exact-narrow"],
    ["a.b.example.com", "/x", "wide"],
    ["example.com", "/x", "wider"],
    ["com", "/x", "any"],
    ["lone.example.com", "/x", "wide"],
    ["other.org", "/x", "any"],
    ["other.org", "/y", null],
    ["a.b.example.com", "/y", null],
  ])("%s%s goes to %s", (host, path, expected) => {
    expect(find(rules, { host, path })).toBe(expected);
    expect(find([...rules].reverse(), { host, path })).toBe(expected);
  });
});

describe("findRule: headers, method, query", () => {
  it("compares header names without case and joins repeated lines", () => {
    const rules = [named("one", { matches: [{ headers: [{ name: "Color", value: "red, blue" }] }] })];
    expect(find(rules, { headers: ["COLOR", "red", "x", "y", "color", "blue"] })).toBe("one");
    expect(find(rules, { headers: ["COLOR", "red"] })).toBeNull();
    expect(find(rules, { headers: ["colour", "red, blue"] })).toBeNull();
  });

  it("asks for all headers of one match and for any of several matches", () => {
    const both = {
      headers: [
        { name: "a", value: "1" },
        { name: "b", value: "2" },
      ],
    };
    const rules = [named("one", { matches: [both, { headers: [{ name: "c", value: "3" }] }] })];
    expect(find(rules, { headers: ["a", "1"] })).toBeNull();
    expect(find(rules, { headers: ["a", "1", "b", "2"] })).toBe("one");
    expect(find(rules, { headers: ["c", "3"] })).toBe("one");
  });

  it("takes the first value of a repeated query parameter, decoded as a form", () => {
    const rules = [named("one", { matches: [{ queryParams: [{ name: "q", value: "a b" }] }] })];
    expect(find(rules, { query: "?q=a+b&q=c" })).toBe("one");
    expect(find(rules, { query: "?%71=a%20b" })).toBe("one");
    expect(find(rules, { query: "?q=c&q=a+b" })).toBeNull();
    expect(find(rules, { query: "?Q=a+b" })).toBeNull();
    expect(find(rules, { query: "" })).toBeNull();
  });

  it("prefers method over the number of headers, and headers over query parameters", () => {
    const rules = [
      named("query", {
        matches: [
          {
            queryParams: [
              { name: "a", value: "1" },
              { name: "b", value: "1" },
            ],
          },
        ],
      }),
      named("header", { matches: [{ headers: [{ name: "h", value: "1" }] }] }),
      named("method", { matches: [{ method: "GET" }] }),
    ];
    const request = { query: "?a=1&b=1", headers: ["h", "1"] };
    expect(find(rules, request)).toBe("method");
    expect(find(rules, { ...request, method: "POST" })).toBe("header");
    expect(find(rules, { query: "?a=1&b=1", method: "POST" })).toBe("query");
    expect(find(rules, { method: "get" })).toBeNull();
  });
});

describe("findRule: ties", () => {
  it("goes to the oldest route by instant, not by text; routes without a time come last", () => {
    const rules = [
      named("a-none"),
      named("b-late", { route: { createdAt: "2026-01-01T00:00:00Z" } }),
      named("c-early", { route: { createdAt: "2026-01-01T00:30:00+01:00" } }),
    ];
    expect(find(rules, {})).toBe("c-early");
    expect(find(rules.slice(0, 2), {})).toBe("b-late");
  });

  it("then to namespace/name in alphabetical order, then to the first rule, then to the first match", () => {
    const late = named("b");
    const second = named("a-second", { route: { name: "a" }, ruleIndex: 1 });
    const first = named("a-first", { route: { name: "a" }, ruleIndex: 0, matches: [{}, {}] });
    expect(find([late, second, first], {})).toBe("a-first");
    expect(find([late, second], {})).toBe("a-second");
    const found = findRule(buildRouteTable([late, second, first]), makeQuery());
    expect(found?.match).toBe(first.matches[0]);
  });
});

describe("findRule: scope", () => {
  const rules = [
    named("own", { route: { namespace: "team-a" }, matches: [{ path: { value: "/own" } }] }),
    named("foreign", { route: { namespace: "team-b" }, hostnames: ["example.com"], matches: [{ path: { type: "Exact", value: "/own" } }] }),
    named("common", { route: { namespace: "egress-system" } }),
    named("common-host", { route: { namespace: "egress-system" }, hostnames: ["example.com"], matches: [{ path: { value: "/host" } }] }),
    named("own-any", { route: { namespace: "team-a" }, matches: [{ path: { type: "Exact", value: "/host" } }] }),
  ];
  it("shows a caller only the routes of its own namespace and of the Gateway's", () => {
    expect(find(rules, { path: "/own", scope: "CallerNamespace" })).toBe("own");
    expect(find(rules, { path: "/own", scope: "Shared" })).toBe("foreign");
    expect(find(rules, { path: "/else", scope: "CallerNamespace" })).toBe("common");
    expect(find(rules, { path: "/own", scope: "CallerNamespace", callerNamespace: "team-c" })).toBe("common");
    expect(find(rules, { path: "/own", scope: "CallerNamespace", callerNamespace: "egress-system" })).toBe("common");
  });
  it("decides by precedence between the two namespaces, hostname first", () => {
    expect(find(rules, { path: "/host", scope: "CallerNamespace" })).toBe("common-host");
    expect(find(rules, { path: "/host", host: "other.org", scope: "CallerNamespace" })).toBe("own-any");
  });
});

describe("findRule: the model header", () => {
  const model = (value: string, type = "Exact") => [{ headers: [{ type, name: "X-Gateway-Model-Name", value }] }];
  const rules = [named("gpt", { matches: model("gpt-5") }), named("claude", { matches: model("claude-.*", "RegularExpression") }), named("rest")];

  it("is the model of the body", () => {
    expect(find(rules, { model: "gpt-5" })).toBe("gpt");
    expect(find(rules, { model: "claude-opus" })).toBe("claude");
    expect(find(rules, { model: "other" })).toBe("rest");
    expect(find(rules, { model: null })).toBe("rest");
  });

  it("is never the client's own copy", () => {
    expect(find(rules, { model: null, headers: ["x-gateway-model-name", "gpt-5"] })).toBe("rest");
    expect(find(rules, { model: "other", headers: ["X-Gateway-Model-Name", "gpt-5"] })).toBe("rest");
  });

  it("keeps precedence between rules that want a model and rules that do not", () => {
    const two = {
      headers: [
        { name: "a", value: "1" },
        { name: "b", value: "1" },
      ],
    };
    const mixed = [...rules, named("two-headers", { matches: [two] })];
    expect(find(mixed, { model: "gpt-5", headers: ["a", "1", "b", "1"] })).toBe("two-headers");
    expect(find(mixed, { model: "gpt-5", headers: ["a", "1"] })).toBe("gpt");
  });

  it("is told by needsModel", () => {
    expect(needsModel(buildRouteTable(rules))).toBe(true);
    expect(needsModel(buildRouteTable([named("rest")]))).toBe(false);
  });
});

describe("findRule: rejected rules", () => {
  it("keep their place, so that a broader route does not get their traffic", () => {
    const rules = [named("broad"), named("refused", { matches: [{ path: { value: "/secret" } }], action: { kind: "rejected", reason: "no" } })];
    expect(find(rules, { path: "/secret/x" })).toBe("refused");
  });
});
