import { describe, expect, it } from "vitest";
import { findRule } from "../../../src/routing/find-rule.ts";
import { compileAll, compileGood, conditionOf, GATEWAY, grant, NAMESPACES, own, route, rulesOf, toXBackend, xBackend } from "./compile-text.ts";

const one = xBackend("one");
const filter = (type: string, member: object) => ({ type, ...member });
const gateway = (listeners: readonly object[], spec: object = {}) =>
  JSON.stringify({
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "Gateway",
    metadata: { name: "second", namespace: "infra", generation: 7 },
    spec: {
      gatewayClassName: "spillway",
      infrastructure: { parametersRef: { group: "spillway.dev", kind: "BrokerConfig", name: "default" } },
      listeners,
      ...spec,
    },
  });
const http = (name: string, more: object = {}) => ({ name, port: 80, protocol: "HTTP", ...more });
const toSecond = (more: object = {}) => ({ parentRefs: [{ name: "second", namespace: "infra", ...more }] });

describe("attachment", () => {
  const acceptedWith = (listeners: readonly object[], parent: object = {}, spec: object = {}) => {
    const compiled = compileGood([one, gateway(listeners), route("r", [{}], { ...toSecond(parent), ...spec })]);
    return conditionOf(compiled, "HTTPRoute", "r", "Accepted");
  };
  const all = { allowedRoutes: { namespaces: { from: "All" } } };

  it("follows allowedRoutes", () => {
    expect(acceptedWith([http("a", all)])).toBe("True/Accepted");
    expect(acceptedWith([http("a")])).toBe("False/NotAllowedByListeners");
    expect(acceptedWith([http("a", { allowedRoutes: { namespaces: { from: "Selector", selector: { matchLabels: { data: "personal" } } } } })])).toBe(
      "True/Accepted",
    );
    expect(
      acceptedWith([
        http("a", {
          allowedRoutes: { namespaces: { from: "Selector", selector: { matchExpressions: [{ key: "data", operator: "NotIn", values: ["personal"] }] } } },
        }),
      ]),
    ).toBe("False/NotAllowedByListeners");
    expect(
      acceptedWith([
        http("a", { allowedRoutes: { namespaces: { from: "Selector", selector: { matchLabels: { "kubernetes.io/metadata.name": "team-a" } } } } }),
      ]),
    ).toBe("True/Accepted");
    expect(acceptedWith([http("a", { allowedRoutes: { namespaces: { from: "All" }, kinds: [{ kind: "GRPCRoute" }] } })])).toBe("False/NotAllowedByListeners");
    // Its labels are not known, so not even a selector that takes everything in does.
    const anything = gateway([http("a", { allowedRoutes: { namespaces: { from: "Selector", selector: {} } } })]);
    expect(conditionOf(compileGood([anything, route("r", [{}], toSecond(), { namespace: "team-z" })]), "HTTPRoute", "r", "Accepted")).toBe(
      "False/NotAllowedByListeners",
    );
    expect(conditionOf(compileGood([anything, route("r", [{}], toSecond())]), "HTTPRoute", "r", "Accepted")).toBe("True/Accepted");
    const own = compileGood([one, gateway([http("a")]), route("r", [{}], toSecond(), { namespace: "infra" })]);
    expect(conditionOf(own, "HTTPRoute", "r", "Accepted")).toBe("True/Accepted");
  });

  it("follows sectionName and port", () => {
    const two = [http("a", { ...all, hostname: "a.test" }), http("b", { ...all, port: 8080 })];
    expect(acceptedWith(two, { sectionName: "b" })).toBe("True/Accepted");
    expect(acceptedWith(two, { sectionName: "c" })).toBe("False/NoMatchingParent");
    expect(acceptedWith(two, { port: 8080 })).toBe("True/Accepted");
    expect(acceptedWith(two, { port: 81 })).toBe("False/NoMatchingParent");
    expect(acceptedWith(two, { sectionName: "a", port: 8080 })).toBe("False/NoMatchingParent");
    expect(acceptedWith(two, { name: "third" })).toBe("False/NoMatchingParent");
  });

  it("intersects hostnames", () => {
    const hostnamesOf = (listener: string | undefined, hostnames: readonly string[] | undefined) => {
      const compiled = compileGood([
        one,
        gateway([http("a", { ...all, ...(listener === undefined ? {} : { hostname: listener }) })]),
        route("r", [{}], { ...toSecond(), ...(hostnames === undefined ? {} : { hostnames }) }),
      ]);
      const rules = compiled.snapshot.gateways.find((two) => two.name === "second")?.listeners[0]?.routes.rules ?? [];
      return rules[0]?.hostnames ?? conditionOf(compiled, "HTTPRoute", "r", "Accepted");
    };
    expect(hostnamesOf(undefined, undefined)).toEqual([]);
    expect(hostnamesOf(undefined, ["a.test"])).toEqual(["a.test"]);
    expect(hostnamesOf("*.test", undefined)).toEqual(["*.test"]);
    expect(hostnamesOf("*.test", ["a.test", "x.y.test", "test", "a.other"])).toEqual(["a.test", "x.y.test"]);
    expect(hostnamesOf("a.b.test", ["*.test"])).toEqual(["a.b.test"]);
    expect(hostnamesOf("*.b.test", ["*.test", "*.c.test"])).toEqual(["*.b.test"]);
    expect(hostnamesOf("a.test", ["b.test"])).toBe("False/NoMatchingListenerHostname");
    expect(hostnamesOf("*.test", ["test"])).toBe("False/NoMatchingListenerHostname");
  });

  it("counts attached routes, each once", () => {
    const compiled = compileGood([
      one,
      route("r", [{}], {
        parentRefs: [
          { name: "egress", namespace: "infra" },
          { name: "egress", namespace: "infra", sectionName: "http" },
        ],
      }),
      route("s"),
    ]);
    const listener = compiled.conditions.find((object) => object.parent === "Gateway/infra/egress/http");
    expect(listener?.listener).toEqual({ name: "http", attachedRoutes: 2, supportedKinds: [{ group: "gateway.networking.k8s.io", kind: "HTTPRoute" }] });
    expect(rulesOf(compiled).map((rule) => rule.id)).toEqual(["team-a/r/0", "team-a/s/0"]);
  });

  it("leaves Gateways of other classes alone", () => {
    const foreign = JSON.stringify({
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "GatewayClass",
      metadata: { name: "other" },
      spec: { controllerName: "example.com/other" },
    });
    const compiled = compileGood([one, foreign, gateway([http("a", all)], { gatewayClassName: "other" }), route("r", [{}], toSecond())]);
    expect(compiled.snapshot.gateways.map((found) => found.name)).toEqual(["egress"]);
    expect(compiled.conditions.filter((object) => object.name === "r" || object.name === "second" || object.name === "other")).toEqual([]);
  });
});

describe("Gateway", () => {
  const second = (documents: readonly string[]) => compileGood(documents).snapshot.gateways.find((found) => found.name === "second");

  it("without BrokerConfig knows no caller, and says so", () => {
    const compiled = compileGood([gateway([http("a")], { infrastructure: {} })]);
    const found = compiled.snapshot.gateways.find((two) => two.name === "second");
    expect(found).toMatchObject({ identity: { issuers: [], apiKeys: null, principals: [], anonymous: "Deny" }, rejected: null, scope: "CallerNamespace" });
    expect(compiled.faults).toMatchObject([{ severity: "warning", name: "second", message: expect.stringContaining("401") }]);
  });

  it("is rejected when its BrokerConfig is missing, foreign or unusable", () => {
    const ref = (more: object) => ({ infrastructure: { parametersRef: { group: "spillway.dev", kind: "BrokerConfig", name: "gone", ...more } } });
    const unusable = own(
      "BrokerConfig",
      "gone",
      { identity: { apiKeys: { secretRef: { group: "spillway.dev", kind: "SecretSource", name: "nope" } } } },
      "infra",
    );
    for (const documents of [
      [gateway([http("a")], ref({}))],
      [gateway([http("a")], ref({ group: "", kind: "ConfigMap" }))],
      [gateway([http("a")], ref({})), unusable],
    ]) {
      const compiled = compileGood(documents);
      expect(conditionOf(compiled, "Gateway", "second", "Accepted", null)).toBe("False/InvalidParameters");
      expect(compiled.snapshot.gateways.find((two) => two.name === "second")).toMatchObject({
        rejected: expect.stringContaining("BrokerConfig"),
        identity: { anonymous: "Deny" },
      });
    }
  });

  it("takes its settings from BrokerConfig", () => {
    const config = own(
      "BrokerConfig",
      "mine",
      {
        identity: {
          issuers: [
            { name: "cluster", type: "KubernetesServiceAccount", issuer: "https://kubernetes", audiences: ["spillway"], jwks: { inline: { keys: [] } } },
            {
              name: "ci",
              type: "OIDC",
              issuer: "https://ci",
              audiences: ["a"],
              jwks: { uri: "https://ci/keys" },
              claims: { namespace: "ns" },
              clockSkew: "5s",
              algorithms: ["ES256"],
            },
          ],
          apiKeys: { secretRef: { name: "keys" } },
        },
        routing: { scope: "Shared" },
        chainId: "chain-1",
        console: { mode: "Enabled" },
        bounds: { maxRequestBytes: "1Mi", replayBytes: "2Mi" },
      },
      "infra",
    );
    const found = second([
      config,
      gateway([http("a", { hostname: "A.test".toLowerCase() })], {
        infrastructure: { parametersRef: { group: "spillway.dev", kind: "BrokerConfig", name: "mine" } },
      }),
    ]);
    expect(found).toMatchObject({
      id: "infra/second",
      scope: "Shared",
      chainId: "chain-1",
      console: true,
      debug: null,
      bounds: { maxRequestBytes: 1_048_576, replayBytes: 1_048_576 },
      rejected: null,
    });
    expect(found?.identity.issuers).toEqual([
      {
        name: "cluster",
        type: "KubernetesServiceAccount",
        issuer: "https://kubernetes",
        audiences: ["spillway"],
        jwks: { kind: "inline", keys: '{"keys":[]}' },
        algorithms: ["RS256", "ES256"],
        clockSkewSeconds: 30,
        claims: null,
        namespace: null,
        speaksFor: null,
        tokenReview: null,
        requiredClaims: new Map(),
      },
      {
        name: "ci",
        type: "OIDC",
        issuer: "https://ci",
        audiences: ["a"],
        jwks: { kind: "uri", uri: "https://ci/keys" },
        algorithms: ["ES256"],
        clockSkewSeconds: 5,
        claims: { namespace: "ns", serviceAccount: null, workload: null },
        namespace: null,
        speaksFor: null,
        tokenReview: null,
        requiredClaims: new Map(),
      },
    ]);
    expect(found?.identity.apiKeys).toMatchObject({ id: "Secret/infra/keys/value", location: { provider: "kubernetesSecret", key: "value", inline: null } });
  });

  it("refuses keys over plaintext, and too much forgiveness of clocks", () => {
    const issuer = (more: object) =>
      own(
        "BrokerConfig",
        "mine",
        { identity: { issuers: [{ name: "a", type: "OIDC", namespace: "n", issuer: "i", audiences: ["x"], jwks: { uri: "https://x" }, ...more }] } },
        "infra",
      );
    const params = { infrastructure: { parametersRef: { group: "spillway.dev", kind: "BrokerConfig", name: "mine" } } };
    const rejected = (more: object) => second([issuer(more), gateway([http("a")], params)])?.rejected;
    expect(rejected({})).toBeNull();
    expect(rejected({ jwks: { uri: "http://127.0.0.1:8080/keys" } })).toBeNull();
    expect(rejected({ jwks: { uri: "http://issuer.example/keys" } })).toContain("https");
    expect(rejected({ jwks: { uri: "http://127.0.0.1@issuer.example/keys" } })).toContain("https");
    expect(rejected({ jwks: { uri: "https://user:word@issuer.example/keys" } })).toContain("without credentials");
    expect(rejected({ jwks: { inline: "{}" } })).toContain("keys");
    expect(rejected({ clockSkew: "2m" })).toContain("clockSkew");
  });

  it("refuses listeners that it cannot serve, and keeps the others", () => {
    const compiled = compileGood([
      gateway([
        http("a"),
        { name: "tls", port: 443, protocol: "TLS", tls: { certificateRefs: [{ name: "c" }] } },
        http("odd", { port: 81, allowedRoutes: { namespaces: { from: "Some" } } }),
      ]),
    ]);
    const state = (name: string, type: string) => conditionOf(compiled, "Gateway", "second", type, name === "" ? null : `Gateway/infra/second/${name}`);
    expect(state("a", "Accepted")).toBe("True/Accepted");
    expect(state("tls", "Accepted")).toBe("False/UnsupportedProtocol");
    expect(state("tls", "Programmed")).toBe("False/Invalid");
    expect(state("odd", "Accepted")).toBe("False/UnsupportedValue");
    expect(state("", "Accepted")).toBe("True/ListenersNotValid");
    expect(compiled.snapshot.gateways.find((two) => two.name === "second")?.listeners.map((listener) => listener.name)).toEqual(["a"]);
    const none = compileGood([gateway([{ name: "tls", port: 443, protocol: "TLS" }])]);
    expect(conditionOf(none, "Gateway", "second", "Accepted", null)).toBe("False/ListenersNotValid");
  });

  it("refuses listeners that conflict, both of them", () => {
    const compiled = compileGood([gateway([http("a"), http("b"), http("c", { hostname: "c.test" })])]);
    const conflicted = (name: string) => conditionOf(compiled, "Gateway", "second", "Conflicted", `Gateway/infra/second/${name}`);
    expect([conflicted("a"), conflicted("b"), conflicted("c")]).toEqual(["True/HostnameConflict", "True/HostnameConflict", "False/NoConflicts"]);
    expect(compiled.snapshot.gateways.find((two) => two.name === "second")?.listeners.map((listener) => listener.name)).toEqual(["c"]);
  });

  it("refuses fields of the standard that it does not carry out", () => {
    const reason = (spec: object) => conditionOf(compileGood([gateway([http("a")], spec)]), "Gateway", "second", "Accepted", null);
    expect(reason({ addresses: [{ value: "1.2.3.4" }] })).toBe("False/UnsupportedAddress");
    expect(reason({ tls: { backend: { clientCertificateRef: { name: "c" } } } })).toBe("False/Invalid");
    expect(reason({ defaultScope: "All" })).toBe("False/Invalid");
    expect(reason({ defaultScope: "None" })).toBe("True/Accepted");
  });

  it("carries observedGeneration and a chain id of its own", () => {
    const compiled = compileGood([gateway([http("a")])]);
    expect(
      compiled.conditions.find((object) => object.name === "second" && object.parent === null)?.conditions.map((condition) => condition.observedGeneration),
    ).toEqual([7, 7, 7]);
    const [first, next] = compiled.snapshot.gateways.map((found) => found.chainId);
    expect(first).toMatch(/^egress-[0-9a-f]{16}$/);
    expect(next).not.toBe(first);
  });

  it("without its class among the manifests is not served, with a warning", () => {
    const compiled = compileAll([GATEWAY.slice(GATEWAY.indexOf("---"))]);
    expect([compiled.ok, compiled.snapshot?.gateways]).toEqual([true, []]);
    expect(compiled.faults).toMatchObject([{ severity: "warning", kind: "Gateway", advice: expect.stringContaining("spillway.dev/broker") }]);
  });
});

describe("rules", () => {
  const ruleOf = (rule: object, ...more: string[]) => {
    const compiled = compileGood([one, route("r", [rule as Readonly<Record<string, unknown>>]), ...more]);
    const [compiledRule] = rulesOf(compiled);
    if (compiledRule === undefined) throw new Error("the rule is gone");
    return {
      compiled,
      rule: compiledRule,
      accepted: conditionOf(compiled, "HTTPRoute", "r", "Accepted"),
      resolvedRefs: conditionOf(compiled, "HTTPRoute", "r", "ResolvedRefs"),
    };
  };
  const prefix = [{ path: { type: "PathPrefix", value: "/v1" } }];

  it("compile filters, timeouts and retry", () => {
    const { rule, accepted } = ruleOf({
      name: "chat",
      matches: prefix,
      filters: [
        filter("RequestHeaderModifier", {
          requestHeaderModifier: {
            set: [
              { name: "X-A", value: "1" },
              { name: "x-a", value: "2" },
            ],
            add: [{ name: "X-B", value: "b" }],
            remove: ["X-C"],
          },
        }),
        filter("ResponseHeaderModifier", { responseHeaderModifier: { remove: ["Server"] } }),
        filter("URLRewrite", { urlRewrite: { hostname: "other.example.com", path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/" } } }),
      ],
      timeouts: { request: "2m", backendRequest: "30s" },
      retry: { codes: [500, 503], attempts: 2 },
    });
    expect(accepted).toBe("True/Accepted");
    expect(rule).toMatchObject({
      id: "team-a/r/chat",
      ruleName: "chat",
      requestHeaders: { set: [{ name: "x-a", value: "1" }], add: [{ name: "x-b", value: "b" }], remove: ["x-c"] },
      responseHeaders: { set: [], add: [], remove: ["server"] },
      rewrite: { hostname: "other.example.com", path: { type: "ReplacePrefixMatch", value: "/" } },
      timeouts: { requestMs: 120_000, backendRequestMs: 30_000, upgradedMs: 120_000 },
      retry: { codes: new Set([500, 503]), attempts: 2, backoffMs: 100 },
      lock: null,
      matchesModel: false,
      limits: [],
      propagateTrace: false,
      action: { kind: "forward", targets: [{ weight: 1, target: { kind: "backend", target: { backend: { key: "XBackend/team-a/one" }, model: null } } }] },
    });
  });

  it("knows the defaults of time", () => {
    const timeouts = (authored?: object) => ruleOf(authored === undefined ? {} : { timeouts: authored }).rule.timeouts;
    expect(timeouts()).toEqual({ requestMs: 600_000, backendRequestMs: null, upgradedMs: 7_200_000 });
    expect(timeouts({ request: "0s", backendRequest: "0s" })).toEqual({ requestMs: null, backendRequestMs: null, upgradedMs: null });
    expect(timeouts({ backendRequest: "1h" })).toEqual({ requestMs: 600_000, backendRequestMs: 3_600_000, upgradedMs: 7_200_000 });
    expect(ruleOf({ timeouts: { request: "1s", backendRequest: "2s" } }).accepted).toBe("False/UnsupportedValue");
  });

  it("compile redirects", () => {
    const { rule } = ruleOf({
      backendRefs: [],
      filters: [filter("RequestRedirect", { requestRedirect: { scheme: "https", hostname: "a.test", port: 8443, statusCode: 301 } })],
    });
    expect(rule.action).toEqual({ kind: "redirect", redirect: { scheme: "https", hostname: "a.test", port: 8443, path: null, statusCode: 301 } });
    const plain = ruleOf({ backendRefs: [], filters: [filter("RequestRedirect", { requestRedirect: {} })] });
    expect(plain.rule.action).toMatchObject({ redirect: { statusCode: 302, scheme: null } });
  });

  it("keep their place when they cannot be carried out", () => {
    const backendRef = { name: "x", port: 80 };
    const cases: [object, string][] = [
      [{ filters: [filter("RequestMirror", { requestMirror: { backendRef, percent: 101 } })] }, "UnsupportedValue"],
      [{ filters: [filter("RequestMirror", { requestMirror: { backendRef, percent: 1, fraction: { numerator: 1 } } })] }, "UnsupportedValue"],
      [{ filters: [filter("RequestMirror", { requestMirror: { backendRef, fraction: { numerator: 2, denominator: 1 } } })] }, "UnsupportedValue"],
      [
        { backendRefs: [], filters: [filter("RequestRedirect", { requestRedirect: {} }), filter("RequestMirror", { requestMirror: { backendRef } })] },
        "IncompatibleFilters",
      ],
      [{ backendRefs: [{ ...toXBackend("one"), filters: [filter("RequestMirror", { requestMirror: { backendRef, percent: 101 } })] }] }, "UnsupportedValue"],
      [{ backendRefs: [{ ...toXBackend("one"), filters: [filter("CORS", { cors: { maxAge: 0 } })] }] }, "UnsupportedValue"],
      [{ filters: [filter("CORS", { cors: { allowOrigins: ["app.example"] } })] }, "UnsupportedValue"],
      [{ filters: [filter("CORS", { cors: { allowOrigins: ["https://a.*.example"] } })] }, "UnsupportedValue"],
      [{ filters: [filter("CORS", { cors: { allowOrigins: ["*", "https://a.example"] } })] }, "UnsupportedValue"],
      [{ filters: [filter("CORS", { cors: { allowMethods: ["*", "GET"] } })] }, "UnsupportedValue"],
      [{ filters: [filter("CORS", { cors: { allowHeaders: ["x a"] } })] }, "UnsupportedValue"],
      [{ filters: [filter("CORS", { cors: { maxAge: 0 } })] }, "UnsupportedValue"],
      [{ filters: [filter("ExternalAuth", { externalAuth: { protocol: "GRPC", backendRef } })] }, "UnsupportedValue"],
      [{ filters: [filter("ExtensionRef", { extensionRef: { group: "example.com", kind: "Magic", name: "m" } })] }, "UnsupportedValue"],
      [{ filters: [filter("Teleport", {})] }, "UnsupportedValue"],
      [{ filters: [filter("URLRewrite", {})] }, "UnsupportedValue"],
      [{ filters: [filter("URLRewrite", { urlRewrite: {}, cors: {} })] }, "UnsupportedValue"],
      [{ filters: [filter("URLRewrite", { urlRewrite: { path: { type: "ReplaceSuffix", replaceFullPath: "/" } } })] }, "UnsupportedValue"],
      [{ filters: [filter("URLRewrite", { urlRewrite: { path: { type: "ReplaceFullPath", replaceFullPath: "/a b" } } })] }, "UnsupportedValue"],
      [{ filters: [filter("URLRewrite", { urlRewrite: { path: { type: "ReplaceFullPath", replaceFullPath: "/a/../b" } } })] }, "UnsupportedValue"],
      [
        {
          matches: [{ path: { type: "Exact", value: "/a" } }],
          filters: [filter("URLRewrite", { urlRewrite: { path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/" } } })],
        },
        "UnsupportedValue",
      ],
      [{ filters: [filter("RequestHeaderModifier", { requestHeaderModifier: { set: [{ name: "Host", value: "a" }] } })] }, "UnsupportedValue"],
      [{ filters: [filter("RequestHeaderModifier", { requestHeaderModifier: { remove: ["CDN-Loop"] } })] }, "UnsupportedValue"],
      [
        { filters: [filter("RequestHeaderModifier", { requestHeaderModifier: { add: [{ name: "Transfer-Encoding", value: "chunked" }] } })] },
        "UnsupportedValue",
      ],
      [{ filters: [filter("URLRewrite", { urlRewrite: {} }), filter("URLRewrite", { urlRewrite: {} })] }, "IncompatibleFilters"],
      [{ backendRefs: [], filters: [filter("URLRewrite", { urlRewrite: {} }), filter("RequestRedirect", { requestRedirect: {} })] }, "IncompatibleFilters"],
      [{ filters: [filter("RequestRedirect", { requestRedirect: {} })] }, "IncompatibleFilters"],
      [{ backendRefs: [], filters: [filter("RequestRedirect", { requestRedirect: { scheme: "ftp" } })] }, "UnsupportedValue"],
      [{ backendRefs: [], filters: [filter("RequestRedirect", { requestRedirect: { statusCode: 304 } })] }, "UnsupportedValue"],
      [{ sessionPersistence: { sessionName: "a" } }, "UnsupportedValue"],
      [{ matches: [{ path: { type: "Glob", value: "/*" } }] }, "UnsupportedValue"],
      [{ matches: [{ path: { type: "RegularExpression", value: "/(" } }] }, "UnsupportedValue"],
      [{ matches: [{ headers: [{ name: "a", type: "Prefix", value: "b" }] }] }, "UnsupportedValue"],
      [{ matches: [{ method: "YELL" }] }, "UnsupportedValue"],
    ];
    for (const [authored, reason] of cases) {
      const { rule, accepted, compiled } = ruleOf(authored);
      expect([JSON.stringify(authored), rule.action.kind, accepted]).toEqual([JSON.stringify(authored), "rejected", `False/${reason}`]);
      expect(conditionOf(compiled, "HTTPRoute", "r", "Programmed")).toBe("False/Invalid");
    }
  });

  it("hold the traffic of a match that cannot be read against broader routes", () => {
    const broken = route("broken", [{ matches: [{ path: { type: "RegularExpression", value: "/v1/cha(t" } }] }]);
    const broad = route("broad", [{ matches: [{ path: { value: "/" } }] }]);
    const compiled = compileGood([one, broken, broad]);
    const table = compiled.snapshot.gateways[0]?.listeners[0]?.routes;
    if (table === undefined) throw new Error("no table");
    const idFor = (path: string) =>
      findRule(table, {
        host: "a",
        method: "POST",
        path,
        query: "",
        headers: [],
        model: null,
        callerNamespace: "team-a",
        gatewayNamespace: "infra",
        scope: "CallerNamespace",
      })?.rule.id;
    expect(idFor("/v1/chat")).toBe("team-a/broken/0");
    expect(idFor("/v2")).toBe("team-a/broad/0");
  });

  it("say PartiallyInvalid when other rules of the route are good", () => {
    const compiled = compileGood([one, route("r", [{}, { sessionPersistence: {} }])]);
    expect(conditionOf(compiled, "HTTPRoute", "r", "Accepted")).toBe("True/Accepted");
    expect(conditionOf(compiled, "HTTPRoute", "r", "PartiallyInvalid")).toBe("True/UnsupportedValue");
    expect(rulesOf(compiled).map((rule) => rule.action.kind)).toEqual(["forward", "rejected"]);
  });

  it("keep the weight of references that lead nowhere", () => {
    const reasonOf = (ref: object) =>
      ruleOf({
        backendRefs: [
          { ...toXBackend("one"), weight: 3 },
          { weight: 1, ...ref },
        ],
      });
    const foreign = reasonOf({ group: "example.com", kind: "Bucket", name: "b" });
    expect(foreign.resolvedRefs).toBe("False/InvalidKind");
    expect(foreign.accepted).toBe("True/Accepted");
    expect(foreign.rule.action).toMatchObject({
      targets: [
        { weight: 3, target: { kind: "backend" } },
        { weight: 1, target: { kind: "invalid" } },
      ],
    });
    expect(reasonOf(toXBackend("gone")).resolvedRefs).toBe("False/BackendNotFound");
    expect(reasonOf({ group: "spillway.dev", kind: "BackendGroup", name: "gone" }).resolvedRefs).toBe("False/BackendNotFound");
    expect(ruleOf({ backendRefs: [] }).rule.action).toEqual({ kind: "forward", targets: [] });
  });

  it("never reach an XBackend of another namespace, not even with a grant", () => {
    const elsewhere = xBackend("two", {}, { namespace: "team-b" });
    const permission = grant(
      "team-b",
      { group: "gateway.networking.k8s.io", kind: "HTTPRoute", namespace: "team-a" },
      { group: "gateway.networking.x-k8s.io", kind: "XBackend" },
    );
    expect(ruleOf({ backendRefs: [{ ...toXBackend("two"), namespace: "team-b" }] }, elsewhere, permission).resolvedRefs).toBe("False/RefNotPermitted");
  });

  it("apply filters at the backendRef to its backend, and to all of a group", () => {
    const filters = [filter("RequestHeaderModifier", { requestHeaderModifier: { set: [{ name: "X-Tier", value: "1" }] } })];
    const group = own("BackendGroup", "g", { tiers: [{ name: "a", backends: [{ backendRef: { name: "one" }, model: "m", weight: 5 }] }] });
    const { rule } = ruleOf(
      {
        backendRefs: [
          { ...toXBackend("one"), filters },
          { group: "spillway.dev", kind: "BackendGroup", name: "g", filters },
        ],
      },
      group,
    );
    const edits = { requestHeaders: { set: [{ name: "x-tier", value: "1" }] } };
    expect(rule.action).toMatchObject({
      targets: [
        { target: { kind: "backend", target: edits } },
        { target: { kind: "group", group: { id: "team-a/g", tiers: [{ name: "a", targets: [{ weight: 5, target: { ...edits, model: "m" } }] }] } } },
      ],
    });
  });

  it("compile groups with their failover and health", () => {
    const group = own("BackendGroup", "g", {
      tiers: [
        { name: "a", backends: [{ backendRef: { name: "one" } }, { backendRef: { name: "gone" } }] },
        { name: "b", backends: [{ backendRef: { name: "gone" } }] },
      ],
      failover: { statusCodes: [409, 500], firstByteTimeout: "5s", attemptsPerTier: 2 },
      health: { evictFor: "1m", maxEvictFor: "10s" },
    });
    const { rule, compiled } = ruleOf({ backendRefs: [{ group: "spillway.dev", kind: "BackendGroup", name: "g" }] }, group);
    expect(rule.action).toMatchObject({
      targets: [
        {
          target: {
            group: {
              tiers: [{ name: "a" }],
              failover: { statusCodes: new Set([409, 500]), firstByteMs: 5_000, attemptsPerTier: 2 },
              health: { consecutiveFailures: 3, evictForMs: 60_000, maxEvictForMs: 60_000 },
            },
          },
        },
      ],
    });
    expect(compiled.faults.filter(({ pointer }) => pointer.startsWith("/spec/failover")).map(({ severity, pointer }) => [severity, pointer])).toEqual([
      ["warning", "/spec/failover/statusCodes/0"],
    ]);
    expect(conditionOf(compiled, "BackendGroup", "g", "ResolvedRefs")).toBe("False/BackendNotFound");
    expect(conditionOf(compiled, "BackendGroup", "g", "Degraded")).toBe("True/MembersMissing");
    const empty = own("BackendGroup", "g", { tiers: [{ name: "a", backends: [{ backendRef: { name: "gone" } }] }] });
    expect(ruleOf({ backendRefs: [{ group: "spillway.dev", kind: "BackendGroup", name: "g" }] }, empty).rule.action).toMatchObject({
      targets: [{ target: { kind: "invalid" } }],
    });
  });

  it("let a group reach a Service elsewhere by a grant to the group, an XBackend elsewhere never", () => {
    const elsewhere = [
      xBackend("two", {}, { namespace: "team-b" }),
      JSON.stringify({ apiVersion: "v1", kind: "Service", metadata: { name: "two", namespace: "team-b" }, spec: { ports: [{ port: 80 }] } }),
    ];
    const everything = ["BackendGroup", "HTTPRoute"].map((kind) => ({
      group: kind === "HTTPRoute" ? "gateway.networking.k8s.io" : "spillway.dev",
      kind,
      namespace: "team-a",
    }));
    const permit = (name: string, from: object, to: object) => grant("team-b", from, to).replace('"name":"grant"', `"name":"${name}"`);
    const toAny = (from: object) => [
      permit("x", from, { group: "gateway.networking.x-k8s.io", kind: "XBackend" }),
      permit("s", from, { group: "", kind: "Service" }),
    ];
    const resolve = (backendRef: object, from: object | undefined) => {
      const group = own("BackendGroup", "g", { tiers: [{ name: "a", backends: [{ backendRef }] }] });
      const toGroup = route("r", [{ backendRefs: [{ group: "spillway.dev", kind: "BackendGroup", name: "g" }] }]);
      return conditionOf(compileGood([...elsewhere, group, toGroup, ...(from === undefined ? [] : toAny(from))]), "BackendGroup", "g", "ResolvedRefs");
    };
    const service = { group: "", kind: "Service", name: "two", namespace: "team-b", port: 80 };
    expect(resolve(service, undefined)).toBe("False/RefNotPermitted");
    expect(resolve(service, everything[0])).toBe("True/ResolvedRefs");
    expect(resolve(service, everything[1])).toBe("False/RefNotPermitted");
    expect(resolve({ name: "two", namespace: "team-b" }, everything[0])).toBe("False/RefNotPermitted");
  });

  it("do not reach the XBackends of a group elsewhere", () => {
    const documents = [
      xBackend("two", {}, { namespace: "team-b" }),
      own("BackendGroup", "g", { tiers: [{ name: "a", backends: [{ backendRef: { name: "two" } }] }] }, "team-b"),
      grant("team-b", { group: "gateway.networking.k8s.io", kind: "HTTPRoute", namespace: "team-a" }, { group: "spillway.dev", kind: "BackendGroup" }),
      route("r", [{ backendRefs: [{ group: "spillway.dev", kind: "BackendGroup", name: "g", namespace: "team-b" }] }]),
    ];
    const compiled = compileGood(documents);
    expect(rulesOf(compiled)[0]?.action).toMatchObject({ targets: [{ target: { kind: "invalid", reason: expect.stringContaining("GEP-4894") } }] });
  });

  it("read the model header and the trace annotation", () => {
    const annotated = route(
      "r",
      [{ matches: [{ headers: [{ name: "X-Gateway-Model-Name", value: "smart" }] }] }],
      {},
      { annotations: { "spillway.dev/propagate-trace": "true" } },
    );
    expect(rulesOf(compileGood([one, annotated]))[0]).toMatchObject({ matchesModel: true, propagateTrace: true });
  });

  it("obey the allowed domains of their Gateway", () => {
    const limited = (allowedDomains: readonly string[]) => {
      const compiled = compileAll([
        GATEWAY.replace("{anonymous: Allow}}", `{anonymous: Allow}, allowedDomains: ${JSON.stringify(allowedDomains)}}`),
        NAMESPACES,
        one,
        route("r"),
      ]);
      return [conditionOf(compiled, "XBackend", "one", "Accepted", "Gateway/infra/egress"), rulesOf(compiled)[0]?.action];
    };
    expect(limited(["*.example.com"])).toMatchObject([undefined, { targets: [{ target: { kind: "backend" } }] }]);
    expect(limited(["example.com", "*.one.example.com"])).toMatchObject(["False/DomainNotAllowed", { targets: [{ target: { kind: "invalid" } }] }]);
  });

  it("are compiled for each parent", () => {
    const parents = {
      parentRefs: [
        { name: "egress", namespace: "infra" },
        { name: "second", namespace: "infra" },
      ],
    };
    const compiled = compileGood([one, gateway([http("a", { allowedRoutes: { namespaces: { from: "All" } } })]), route("r", [{}], parents)]);
    expect(compiled.snapshot.gateways.map((found) => found.listeners[0]?.routes.rules.length)).toEqual([1, 1]);
    expect(compiled.conditions.filter((object) => object.kind === "HTTPRoute").map((object) => object.parent)).toEqual([
      "Gateway/infra/egress",
      "Gateway/infra/second",
    ]);
  });
});
