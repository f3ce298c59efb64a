import { describe, expect, it } from "vitest";
import { backendOf, compileGood, NODE, own, route, toXBackend, xBackend } from "../unit/config/compile-text.ts";
import { compileWorld, conditionsOf, gateway, httpRoute, type Manifest, SAME, service, to } from "./manifests.ts";

/** Rows of the suite that look at statuses only, each named for its upstream test. */
const rules = [{ backendRefs: [to("infra-backend-v1")] }];
const parent = (more: Manifest = {}) => ({ name: "same", namespace: "infra", ...more });
const GOOD = { Accepted: "True/Accepted", ResolvedRefs: "True/ResolvedRefs" };
const oneRoute = (gatewayOf: Manifest, spec: Manifest, metadata: Manifest = {}) =>
  compileWorld(gatewayOf, service("infra-backend-v1"), httpRoute("r", { rules, ...spec }, metadata));

describe("a parentRef", () => {
  it.each([
    ["HTTPRouteInvalidParentRefNotMatchingListenerPort", { port: 81 }, "Gateway/infra/same"],
    ["HTTPRouteInvalidParentRefNotMatchingSectionName", { sectionName: "other" }, "Gateway/infra/same/other"],
    ["HTTPRouteInvalidParentRefSectionNameNotMatchingPort", { sectionName: "http", port: 81 }, "Gateway/infra/same/http"],
  ])("that no listener fits is NoMatchingParent (%s)", (_, ref, key) => {
    const compiled = oneRoute(SAME, { parentRefs: [parent(ref)] });
    expect(conditionsOf(compiled, "HTTPRoute", "r", key)).toEqual({ Accepted: "False/NoMatchingParent" });
    expect(compiled.conditions.find((one) => one.kind === "Gateway" && one.listener !== null)?.listener?.attachedRoutes).toBe(0);
  });

  it("with the right port and section is accepted (HTTPRouteListenerPortMatching)", () => {
    const compiled = oneRoute(SAME, { parentRefs: [parent({ sectionName: "http", port: 80 })] });
    expect(conditionsOf(compiled, "HTTPRoute", "r", "Gateway/infra/same/http")).toMatchObject(GOOD);
  });

  it("from a namespace that the listener does not take is NotAllowedByListeners (HTTPRouteInvalidCrossNamespaceParentRef)", () => {
    const compiled = oneRoute(SAME, {}, { namespace: "web" });
    expect(conditionsOf(compiled, "HTTPRoute", "r", "Gateway/infra/same")).toEqual({ Accepted: "False/NotAllowedByListeners" });
  });

  it("to a listener for another kind of route is NotAllowedByListeners (HTTPRouteDisallowedKind)", () => {
    const tlsOnly = gateway("same", [{ name: "http", allowedRoutes: { kinds: [{ kind: "TLSRoute" }] } }]);
    expect(conditionsOf(oneRoute(tlsOnly, {}), "HTTPRoute", "r", "Gateway/infra/same")).toEqual({ Accepted: "False/NotAllowedByListeners" });
  });
});

describe("a listener", () => {
  it("says which kinds it takes, and which it cannot (GatewayInvalidRouteKind)", () => {
    const kinds = (...names: readonly string[]) => ({ allowedRoutes: { kinds: names.map((kind) => ({ kind })) } });
    const compiled = compileWorld(gateway("only-bad", [{ name: "http", ...kinds("Pod") }]), gateway("both", [{ name: "http", ...kinds("Pod", "HTTPRoute") }]));
    const of = (name: string) => compiled.conditions.find((one) => one.parent === `Gateway/infra/${name}/http`);
    expect(of("only-bad")?.listener?.supportedKinds).toEqual([]);
    expect(of("both")?.listener?.supportedKinds).toEqual([{ group: "gateway.networking.k8s.io", kind: "HTTPRoute" }]);
    for (const name of ["only-bad", "both"]) {
      expect(conditionsOf(compiled, "Gateway", name, `Gateway/infra/${name}/http`)).toMatchObject({ ResolvedRefs: "False/InvalidRouteKinds" });
      expect(conditionsOf(compiled, "Gateway", name)).toMatchObject({ ResolvedRefs: "False/ListenersNotResolved" });
    }
  });

  it("counts the routes that it has taken, whether or not their references resolve (GatewayWithAttachedRoutes)", () => {
    const from = (value: string) => ({
      allowedRoutes: { namespaces: { from: value, ...(value === "Selector" ? { selector: { matchLabels: { for: "web" } } } : {}) } },
    });
    const compiled = compileWorld(
      gateway("same", [{ name: "http", ...from("Selector") }]),
      gateway("all", [{ name: "http", ...from("All") }]),
      gateway("none", [{ name: "http", ...from("All") }]),
      httpRoute("one", { rules, parentRefs: [parent(), { name: "all", namespace: "infra" }] }, { namespace: "web" }),
      httpRoute("two", { rules: [{ backendRefs: [to("nowhere")] }], parentRefs: [parent({ sectionName: "http" }), parent()] }, { namespace: "web" }),
      httpRoute("foreign", { rules, parentRefs: [parent()] }, { namespace: "backend" }),
    );
    const count = (name: string) =>
      compiled.conditions.find((one) => one.parent === `Gateway/infra/${name}/http` && one.kind === "Gateway")?.listener?.attachedRoutes;
    expect([count("same"), count("all"), count("none")]).toEqual([2, 1, 0]);
  });
});

describe("observedGeneration", () => {
  it("of a Gateway and all its listeners is the generation that was read (GatewayObservedGenerationBump)", () => {
    const compiled = compileWorld(gateway("same", [{ name: "a" }, { name: "b", port: 81 }, { name: "c", port: 82, protocol: "QUIC" }], { generation: 7 }));
    const seen = compiled.conditions.filter((one) => one.kind === "Gateway").flatMap((one) => one.conditions);
    expect(seen.length).toBeGreaterThan(12);
    expect([...new Set(seen.map((one) => one.observedGeneration))]).toEqual([7]);
  });

  it("of a GatewayClass (GatewayClassObservedGenerationBump)", () => {
    const seen = compileWorld(SAME).conditions.find((one) => one.kind === "GatewayClass")?.conditions ?? [];
    expect(seen.map(({ type, status, observedGeneration }) => [type, status, observedGeneration])).toEqual([
      ["Accepted", "True", 4],
      ["SupportedVersion", "True", 4],
    ]);
  });

  it("of an HTTPRoute, toward every parent, good or bad (HTTPRouteObservedGenerationBump)", () => {
    const compiled = oneRoute(SAME, { parentRefs: [parent(), parent({ port: 99 })] }, { generation: 3 });
    const seen = compiled.conditions.filter((one) => one.kind === "HTTPRoute").flatMap((one) => one.conditions);
    expect([...new Set(seen.map((one) => one.observedGeneration))]).toEqual([3]);
  });
});

describe("a Gateway", () => {
  it("counts the ListenerSets that it has taken in (status.attachedListenerSets)", () => {
    const set = (name: string, namespace: string, hostname: string) => ({
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "ListenerSet",
      metadata: { name, namespace },
      spec: { parentRef: { name: "same", namespace: "infra" }, listeners: [{ name: "x", port: 80, protocol: "HTTP", hostname }] },
    });
    const open = gateway("same", [{ name: "http", hostname: "own.example" }], {}, { allowedListeners: { namespaces: { from: "Same" } } });
    const compiled = compileWorld(
      open,
      set("a", "infra", "a.example"),
      set("b", "infra", "b.example"),
      set("clash", "infra", "own.example"),
      set("far", "web", "c.example"),
    );
    expect(compiled.conditions.find((one) => one.kind === "Gateway" && one.parent === null)?.attachedListenerSets).toBe(2);
    expect(compileWorld(SAME).conditions.find((one) => one.kind === "Gateway" && one.parent === null)?.attachedListenerSets).toBe(0);
  });

  it("whose every listener is good says so in Accepted, Programmed and ResolvedRefs", () => {
    expect(conditionsOf(compileWorld(SAME), "Gateway", "same")).toEqual({ ...GOOD, Programmed: "True/Programmed" });
  });
});

describe("a GatewayClass", () => {
  it.each([
    ["that is nowhere", { group: "spillway.dev", kind: "BrokerConfig", name: "lost", namespace: "infra" }],
    ["of another kind", { group: "", kind: "ConfigMap", name: "default", namespace: "infra" }],
  ])("with parameters %s is InvalidParameters", (_, parametersRef) => {
    const other = {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "GatewayClass",
      metadata: { name: "other" },
      spec: { controllerName: "spillway.dev/broker", parametersRef },
    };
    expect(conditionsOf(compileWorld(other), "GatewayClass", "other")).toEqual({
      Accepted: "False/InvalidParameters",
      SupportedVersion: "True/SupportedVersion",
    });
  });
});

describe("an XBackend", () => {
  it("says Accepted, ResolvedRefs, Programmed and Degraded", () => {
    const compiled = compileGood([xBackend("one"), xBackend("two", { protocol: "QUIC" })]);
    expect(conditionsOf(compiled, "XBackend", "one")).toEqual({ ...GOOD, Programmed: "True/Programmed", Degraded: "False/AsWritten" });
    expect(conditionsOf(compiled, "XBackend", "two")).toMatchObject({
      Accepted: "False/UnsupportedValue",
      Programmed: "False/Invalid",
      Degraded: "False/NotProgrammed",
    });
  });
});

/** GEP-1619 is not carried out: the standard asks for UnsupportedValue, and for nothing else to break. */
describe("sessionPersistence", () => {
  it("on the only rule: Accepted=False/UnsupportedValue", () => {
    const compiled = oneRoute(SAME, {
      rules: [{ ...rules[0], sessionPersistence: { sessionName: "s", type: "Cookie", cookieConfig: { lifetimeType: "Session" } } }],
    });
    expect(conditionsOf(compiled, "HTTPRoute", "r", "Gateway/infra/same")).toMatchObject({ Accepted: "False/UnsupportedValue" });
    expect(compiled.snapshot?.gateways[0]?.listeners[0]?.routes.rules[0]?.action.kind).toBe("rejected");
  });

  it("on an XBackendTrafficPolicy: UnsupportedValue for the policy, and its backend serves on with the broker's own budget", () => {
    const policy = {
      apiVersion: "gateway.networking.x-k8s.io/v1alpha1",
      kind: "XBackendTrafficPolicy",
      metadata: { name: "p", namespace: "team-a" },
      spec: {
        targetRefs: [{ group: "gateway.networking.x-k8s.io", kind: "XBackend", name: "one" }],
        sessionPersistence: { sessionName: "s", absoluteTimeout: "1h", type: "Header" },
      },
    };
    const compiled = compileGood([xBackend("one"), route("r"), JSON.stringify(policy)], NODE);
    expect(conditionsOf(compiled, "XBackendTrafficPolicy", "p", "XBackend/team-a/one")).toEqual({ Accepted: "False/UnsupportedValue" });
    expect(backendOf(compiled, "XBackend/team-a/one").retryBudget).toBeNull();
    expect(conditionsOf(compiled, "HTTPRoute", "r", "Gateway/infra/egress")).toMatchObject(GOOD);
  });
});

describe("events of the compiler", () => {
  it("tell of destinations that a manifest names and that get no call", () => {
    const credential = own("BackendCredentialPolicy", "key", {
      targetRefs: [{ group: "gateway.networking.x-k8s.io", kind: "XBackend", name: "one" }],
      type: "Bearer",
      bearer: { secretRef: { group: "spillway.dev", kind: "SecretSource", name: "lost" } },
    });
    const labelled = xBackend(
      "bedrock-runtime",
      { externalHostname: { hostname: "bedrock-runtime.eu-central-1.amazonaws.com" } },
      { labels: { "topology.kubernetes.io/region": "us-east-1" } },
    );
    const { events } = compileGood([xBackend("one"), route("r"), credential, labelled]);
    expect(events.map(({ type, subject, data }) => [type, subject, data["reason"]]).sort()).toEqual([
      ["config.rejected", "XBackend/team-a/bedrock-runtime", "RegionMismatch"],
      ["config.rejected", "XBackend/team-a/one", "CredentialUnavailable"],
    ]);
    expect(compileGood([xBackend("one"), route("r")]).events).toEqual([]);
  });
});

describe("a reference to a name that is not there", () => {
  it("says which one was meant", () => {
    const compiled = compileGood([xBackend("openai"), route("r", [{ backendRefs: [toXBackend("opneai")] }])]);
    const resolved = compiled.conditions.flatMap((one) => (one.kind === "HTTPRoute" ? one.conditions : [])).find(({ type }) => type === "ResolvedRefs");
    expect(resolved).toMatchObject({ reason: "BackendNotFound", message: "XBackend team-a/opneai is not among the manifests: did you mean openai?" });
  });
});
