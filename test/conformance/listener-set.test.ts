import { describe, expect, it } from "vitest";
import { type Compiled, compile } from "../../src/config/compile.ts";
import { GATEWAY, NAMESPACES, NODE } from "../unit/config/compile-text.ts";

/** Rows of ListenerSetHTTPRouting, ListenerSetGatewayParentSectionNameNotFound and of the rules of GEP-1713 beside them. */
const set = (name: string, listeners: readonly object[], more: { namespace?: string; created?: string; parent?: object } = {}) => ({
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "ListenerSet",
  metadata: { name, namespace: more.namespace ?? "infra", ...(more.created === undefined ? {} : { creationTimestamp: more.created }) },
  spec: { parentRef: more.parent ?? { name: "egress", namespace: "infra" }, listeners },
});
const listener = (name: string, hostname: string, more: object = {}) => ({
  name,
  port: 80,
  protocol: "HTTP",
  hostname,
  allowedRoutes: { namespaces: { from: "All" } },
  ...more,
});
const route = (name: string, parentRefs: readonly object[], namespace = "infra") => ({
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "HTTPRoute",
  metadata: { name, namespace },
  spec: { parentRefs, rules: [{ filters: [{ type: "RequestRedirect", requestRedirect: { hostname: "a.example" } }] }] },
});
const toSet = (name: string, sectionName?: string, namespace = "infra") => ({
  group: "gateway.networking.k8s.io",
  kind: "ListenerSet",
  name,
  namespace,
  ...(sectionName === undefined ? {} : { sectionName }),
});
const toGateway = (sectionName?: string) => ({ name: "egress", namespace: "infra", ...(sectionName === undefined ? {} : { sectionName }) });

function world(allowed: string, ...objects: readonly object[]): Compiled {
  const gateway = GATEWAY.replace("  listeners: [", `  allowedListeners: {namespaces: ${allowed}}\n  listeners: [`).replace(
    "{name: http, port",
    "{name: http, hostname: own.example, port",
  );
  const text = [gateway, NAMESPACES, ...objects.map((object) => JSON.stringify(object))].join("\n---\n");
  const compiled = compile([{ path: "test.yaml", text }], NODE);
  expect(compiled.faults.filter((fault) => fault.severity === "error")).toEqual([]);
  return compiled;
}

/** Listener by its hostname -> names of the routes there. */
function attached(compiled: Compiled): Record<string, string[]> {
  const listeners = compiled.snapshot?.gateways.flatMap((gateway) => gateway.listeners) ?? [];
  return Object.fromEntries(listeners.map((one) => [one.hostname, one.routes.rules.map((rule) => rule.route.name)]));
}

function condition(compiled: Compiled, kind: string, name: string, type: string, parent: string | null = null): string | undefined {
  const entry = compiled.conditions.find((one) => one.kind === kind && one.name === name && one.parent === parent);
  const found = entry?.conditions.find((one) => one.type === type);
  return found === undefined ? undefined : `${found.status}/${found.reason}`;
}

describe("a ListenerSet", () => {
  it("adds listeners, and a route attaches to the very object that it names", () => {
    const compiled = world(
      "{from: All}",
      set("one", [listener("first", "one-first.example"), listener("second", "one-second.example")]),
      set("two", [listener("first", "two-first.example")]),
      route("everywhere", [toGateway(), toSet("one"), toSet("two")]),
      route("gateway-only", [toGateway()]),
      route("one-only", [toSet("one")]),
      route("one-first", [toSet("one", "first")]),
      route("not-by-the-gateway", [toGateway("first")]),
      route("not-by-the-set", [toSet("one", "http")]),
    );
    expect(attached(compiled)).toEqual({
      "own.example": ["everywhere", "gateway-only"],
      "one-first.example": ["everywhere", "one-only", "one-first"],
      "one-second.example": ["everywhere", "one-only"],
      "two-first.example": ["everywhere"],
    });
    expect(condition(compiled, "HTTPRoute", "not-by-the-gateway", "Accepted", "Gateway/infra/egress/first")).toBe("False/NoMatchingParent");
    expect(condition(compiled, "HTTPRoute", "not-by-the-set", "Accepted", "ListenerSet/infra/one/http")).toBe("False/NoMatchingParent");
    expect(condition(compiled, "HTTPRoute", "one-first", "Accepted", "ListenerSet/infra/one/first")).toBe("True/Accepted");
    expect(condition(compiled, "ListenerSet", "one", "Accepted")).toBe("True/Accepted");
    const facts = compiled.conditions.find((one) => one.kind === "ListenerSet" && one.parent === "ListenerSet/infra/one/first")?.listener;
    expect(facts).toMatchObject({ name: "first", attachedRoutes: 3 });
  });

  it.each([
    ["{from: None}", "infra", "False/NotAllowed"],
    ["{}", "infra", "False/NotAllowed"],
    ["{from: Same}", "infra", "True/Accepted"],
    ["{from: Same}", "team-a", "False/NotAllowed"],
    ["{from: Selector, selector: {matchLabels: {data: personal}}}", "team-a", "True/Accepted"],
    ["{from: Selector, selector: {matchLabels: {data: personal}}}", "team-b", "False/NotAllowed"],
    ["{from: Everybody}", "infra", "False/NotAllowed"],
  ])("needs the Gateway's leave: %s from %s is %s", (allowed, namespace, expected) => {
    const compiled = world(allowed, set("one", [listener("first", "one.example")], { namespace }), route("r", [toSet("one", undefined, namespace)]));
    expect(condition(compiled, "ListenerSet", "one", "Accepted")).toBe(expected);
    expect(attached(compiled)["one.example"]).toEqual(expected.startsWith("True") ? ["r"] : undefined);
  });

  it("takes Same from its own namespace, not from the Gateway's", () => {
    const same = { allowedRoutes: { namespaces: { from: "Same" } } };
    const compiled = world(
      "{from: All}",
      set("one", [listener("first", "one.example", same)], { namespace: "team-a" }),
      route("near", [toSet("one", undefined, "team-a")], "team-a"),
      route("far", [toSet("one", undefined, "team-a")], "infra"),
    );
    expect(attached(compiled)["one.example"]).toEqual(["near"]);
    expect(condition(compiled, "HTTPRoute", "far", "Accepted", "ListenerSet/team-a/one")).toBe("False/NotAllowedByListeners");
  });

  it("gives way to the Gateway's own listeners and to older sets", () => {
    const compiled = world(
      "{from: All}",
      set("young", [listener("first", "both.example")], { created: "2026-02-01T00:00:00Z" }),
      set("old", [listener("first", "both.example"), listener("clash", "own.example")], { created: "2026-01-01T00:00:00Z" }),
      route("young", [toSet("young")]),
      route("old", [toSet("old")]),
    );
    expect(attached(compiled)).toEqual({ "own.example": [], "both.example": ["old"] });
    expect(condition(compiled, "ListenerSet", "young", "Accepted")).toBe("False/ListenersNotValid");
    expect(condition(compiled, "ListenerSet", "old", "Accepted")).toBe("True/ListenersNotValid");
    expect(condition(compiled, "ListenerSet", "old", "Conflicted", "ListenerSet/infra/old/clash")).toBe("True/HostnameConflict");
  });

  it("of no Gateway is warned of", () => {
    const compiled = world("{from: All}", set("loose", [listener("first", "a.example")], { parent: { name: "forgotten" } }));
    expect(compiled.faults.map((fault) => fault.message)).toContainEqual(expect.stringContaining("infra/forgotten"));
  });
});
