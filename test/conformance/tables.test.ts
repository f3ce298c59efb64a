import { describe, expect, it } from "vitest";
import { find } from "../../src/lib/header-list.ts";
import { install } from "../pipeline/installation.ts";
import { compileWorld, conditionsOf, gateway, httpRoute, type Manifest, referenceGrant, SAME, service, textOf, to } from "./manifests.ts";

/** Rows of the suite's request tables in words of our own, each block named for its upstream test. */
const ALL = { allowedRoutes: { namespaces: { from: "All" } } };
const v = (number: number) => `infra-backend-v${number}`;
const SERVICES = [1, 2, 3].map((number) => service(v(number)));
const refs = (...numbers: readonly number[]) => ({ backendRefs: numbers.map((number) => to(v(number))) });

interface Answer {
  readonly status: number;
  /** Who was called; null: nobody. */
  readonly backend: string | null;
  readonly location: string | null;
  readonly sent: { readonly path: string; readonly host: string | null; header(name: string): string | null } | null;
  header(name: string): string;
}

/** A broker with these manifests, and the infra Services. */
function serve(...manifests: readonly Manifest[]) {
  const one = install(textOf(...SERVICES, ...manifests));
  return async (method: string, url: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> => {
    const slash = url.indexOf("/");
    const before = one.transport.sent.length;
    const fake = await one.call({
      method,
      authority: url.slice(0, slash) || "gateway.example",
      target: url.slice(slash),
      headers: Object.entries(headers).flat(),
    });
    const sent = one.transport.sent[before];
    return {
      status: fake.received()?.status ?? 0,
      backend: sent?.to ?? null,
      location: fake.header("location")[0] ?? null,
      sent:
        sent === undefined ? null : { path: sent.request.path, host: find(sent.request.headers, "host"), header: (name) => find(sent.request.headers, name) },
      header: (name) => fake.header(name).join(","),
    };
  };
}

/** `[url, number of the Service, or a status]`. */
type Row = readonly [url: string, expected: number | null, method?: string, headers?: Readonly<Record<string, string>>];

async function expectRows(ask: ReturnType<typeof serve>, rows: readonly Row[]): Promise<void> {
  for (const [url, expected, method = "GET", headers = {}] of rows) {
    const { status, backend } = await ask(method, url, headers);
    const wanted = expected === null ? [404, null] : expected >= 100 ? [expected, null] : [200, v(expected)];
    expect([method, url, headers, status, backend]).toEqual([method, url, headers, ...wanted]);
  }
}

describe("matching", () => {
  it("HTTPRouteSimpleSameNamespace, HTTPRouteServiceTypes: a Service is reached by its name, whatever its type and whether or not it has a cluster address", async () => {
    const headless = service("headless", "infra", { clusterIP: "None", ports: [{ port: 8080, targetPort: 3000 }] });
    const manual = service("manual", "infra", { ports: [{ name: "first", port: 8080, protocol: "TCP" }] });
    const ask = serve(
      SAME,
      headless,
      manual,
      httpRoute("r", {
        rules: ["headless", "manual"].map((name) => ({ matches: [{ path: { type: "PathPrefix", value: `/${name}` } }], backendRefs: [to(name)] })),
      }),
    );
    for (const name of ["headless", "manual"]) expect(await ask("GET", `/${name}`)).toMatchObject({ status: 200, backend: name });
  });

  it("HTTPRouteExactPathMatching", async () => {
    const at = (value: string, number: number) => ({ matches: [{ path: { type: "Exact", value } }], ...refs(number) });
    await expectRows(serve(SAME, httpRoute("r", { rules: [at("/one", 1), at("/two", 2)] })), [
      ["/one", 1],
      ["/two", 2],
      ["/", null],
      ["/one/example", null],
      ["/two/", null],
      ["/ONE", null],
    ]);
  });

  it("HTTPRouteMatching", async () => {
    const route = httpRoute("r", {
      rules: [
        { matches: [{ path: { type: "PathPrefix", value: "/" } }, { headers: [{ name: "version", value: "one" }] }], ...refs(1) },
        { matches: [{ path: { type: "PathPrefix", value: "/v2" } }, { headers: [{ name: "version", value: "two" }] }], ...refs(2) },
      ],
    });
    await expectRows(serve(SAME, route), [
      ["/", 1],
      ["/example", 1],
      ["/", 1, "GET", { Version: "one" }],
      ["/v2", 2],
      ["/v2/example", 2],
      ["/", 2, "GET", { Version: "two" }],
      ["/v2/", 2],
      ["/v2example", 1],
      ["/foo/v2/example", 1],
    ]);
  });

  it("HTTPRoutePathMatchOrder", async () => {
    const at = (type: string, value: string, number: number) => ({ matches: [{ path: { type, value } }], ...refs(number) });
    const route = httpRoute("r", {
      rules: [
        at("PathPrefix", "/match", 2),
        at("Exact", "/match/exact", 1),
        at("PathPrefix", "/match/prefix", 1),
        at("PathPrefix", "/match/prefix/one", 3),
        at("Exact", "/match/exact/one", 3),
      ],
    });
    await expectRows(serve(SAME, route), [
      ["/match/exact/one", 3],
      ["/match/exact", 1],
      ["/match", 2],
      ["/match/prefix/one/any", 3],
      ["/match/prefix/any", 1],
      ["/match/any", 2],
    ]);
  });

  it("HTTPRouteMatchingAcrossRoutes", async () => {
    const first = httpRoute("part1", {
      hostnames: ["a.example", "b.example"],
      rules: [{ matches: [{ path: { type: "PathPrefix", value: "/" } }, { headers: [{ name: "version", value: "one" }] }], ...refs(1) }],
    });
    const second = httpRoute("part2", {
      hostnames: ["a.example"],
      rules: [{ matches: [{ path: { type: "PathPrefix", value: "/v2" } }, { headers: [{ name: "version", value: "two" }] }], ...refs(2) }],
    });
    await expectRows(serve(SAME, second, first), [
      ["a.example/", 1],
      ["a.example/", 1, "GET", { version: "one" }],
      ["b.example/", 1],
      ["b.example/v2", 1],
      ["a.example/v2", 2],
      ["a.example/v2/x", 2],
      ["a.example/", 2, "GET", { version: "two" }],
      ["b.example/", 1, "GET", { version: "two" }],
    ]);
  });

  it("HTTPRouteHeaderMatching", async () => {
    const on = (number: number, ...headers: readonly (readonly [string, string])[]) => ({
      matches: [{ headers: headers.map(([name, value]) => ({ name, value })) }],
      ...refs(number),
    });
    const route = httpRoute("r", {
      rules: [
        on(1, ["version", "one"]),
        on(2, ["version", "two"]),
        on(1, ["version", "two"], ["color", "orange"]),
        on(2, ["color", "blue"]),
        on(1, ["COLOR", "green"], ["color", "red"]),
      ],
    });
    await expectRows(serve(SAME, route), [
      ["/", 1, "GET", { Version: "one" }],
      ["/", 2, "GET", { VERSION: "two" }],
      ["/", 1, "GET", { Version: "two", Color: "orange" }],
      ["/", 2, "GET", { Color: "blue" }],
      // A name that stands twice in one match counts once, by its first entry.
      ["/", 1, "GET", { Color: "green" }],
      ["/", null, "GET", { Color: "red" }],
      ["/", null, "GET", { Version: "three" }],
      ["/", null],
      ["/", null, "GET", { Version: "One" }],
    ]);
  });

  it("HTTPRouteQueryParamMatching", async () => {
    const on = (number: number, ...params: readonly (readonly [string, string])[]) => ({
      matches: [{ queryParams: params.map(([name, value]) => ({ name, value })) }],
      ...refs(number),
    });
    const route = httpRoute("r", {
      rules: [
        on(1, ["animal", "whale"]),
        on(2, ["animal", "dolphin"]),
        on(3, ["animal", "dolphin"], ["color", "blue"]),
        { matches: [{ path: { type: "PathPrefix", value: "/path" }, queryParams: [{ name: "animal", value: "shark" }] }], ...refs(3) },
      ],
    });
    await expectRows(serve(SAME, route), [
      ["/?animal=whale", 1],
      ["/?animal=dolphin", 2],
      ["/?animal=whale&otherparam=irrelevant", 1],
      ["/?animal=dolphin&color=blue", 3],
      ["/?animal=whale&animal=dolphin", 1],
      ["/path?animal=shark", 3],
      ["/?animal=shark", null],
      ["/?color=blue", null],
      ["/?animal=Whale", null],
      ["/?Animal=whale", null],
      ["/", null],
    ]);
  });

  it("HTTPRouteMethodMatching", async () => {
    const on = (number: number, match: Manifest) => ({ matches: [match], ...refs(number) });
    const route = httpRoute("r", {
      rules: [
        on(1, { method: "POST" }),
        on(2, { method: "GET" }),
        on(3, { path: { type: "PathPrefix", value: "/path1" }, method: "GET" }),
        on(1, { path: { type: "PathPrefix", value: "/path2" } }),
        on(2, { method: "PUT", headers: [{ name: "version", value: "one" }] }),
      ],
    });
    await expectRows(serve(SAME, route), [
      ["/", 1, "POST"],
      ["/", 2, "GET"],
      ["/", null, "HEAD"],
      ["/path1", 3, "GET"],
      ["/path2", 1, "PATCH"],
      // A longer prefix goes before a method.
      ["/path2", 1, "GET"],
      ["/", 2, "PUT", { version: "one" }],
      ["/", null, "PUT"],
    ]);
  });

  it("HTTPRouteNamedRule", async () => {
    const rule = (name: string, value: string, number: number) => ({ name, matches: [{ path: { type: "PathPrefix", value } }], ...refs(number) });
    await expectRows(
      serve(SAME, httpRoute("r", { rules: [rule("named", "/named", 1), { matches: [{ path: { type: "PathPrefix", value: "/unnamed" } }], ...refs(2) }] })),
      [
        ["/named", 1],
        ["/unnamed", 2],
      ],
    );
  });
});

describe("hostnames and listeners", () => {
  it("HTTPRouteHostnameIntersection", async () => {
    const listeners = gateway("same", [
      { name: "exact", hostname: "very.specific.com" },
      { name: "wild", hostname: "*.wildcard.io" },
      { name: "other-wild", hostname: "*.anotherwildcard.io" },
    ]);
    const on = (name: string, hostnames: readonly string[], value: string, number: number) =>
      httpRoute(name, { hostnames, rules: [{ matches: [{ path: { type: "PathPrefix", value } }], ...refs(number) }] });
    const ask = serve(
      listeners,
      on("specific", ["non.matching.com", "*.nonmatchingwildcard.io", "very.specific.com"], "/s1", 1),
      on("by-wild", ["non.matching.com", "wildcard.io", "foo.wildcard.io", "bar.wildcard.io", "foo.bar.wildcard.io"], "/s2", 2),
      on("wild-to-exact", ["*.specific.com"], "/s3", 3),
      on("wild-to-wild", ["*.anotherwildcard.io"], "/s4", 1),
      on("nothing", ["specific.but.wrong.com", "wildcard.io"], "/s5", 1),
    );
    await expectRows(ask, [
      ["very.specific.com/s1", 1],
      ["non.matching.com/s1", null],
      ["foo.nonmatchingwildcard.io/s1", null],
      ["very.specific.com/non-matching-prefix", null],
      ["foo.wildcard.io/s2", 2],
      ["foo.bar.wildcard.io/s2", 2],
      ["wildcard.io/s2", null],
      ["boo.wildcard.io/s2", null],
      ["very.specific.com:1234/s3", 3],
      ["foo.specific.com/s3", null],
      ["one.anotherwildcard.io/s4", 1],
      ["one.two.anotherwildcard.io/s4", 1],
      ["anotherwildcard.io/s4", null],
      ["specific.but.wrong.com/s5", null],
    ]);
    const compiled = compileWorld(listeners, ...SERVICES, on("nothing", ["specific.but.wrong.com", "wildcard.io"], "/s5", 1));
    expect(conditionsOf(compiled, "HTTPRoute", "nothing", "Gateway/infra/same")).toEqual({ Accepted: "False/NoMatchingListenerHostname" });
  });

  it("HTTPRouteListenerHostnameMatching, GatewayHTTPListenerIsolation: one listener takes a call, the most specific one, and no other helps out", async () => {
    const listeners = gateway("same", [
      { name: "any" },
      { name: "wide", hostname: "*.example.com" },
      { name: "narrow", hostname: "*.foo.example.com" },
      { name: "exact", hostname: "abc.foo.example.com" },
    ]);
    const on = (section: string, number: number) =>
      httpRoute(section, {
        parentRefs: [{ name: "same", sectionName: section }],
        rules: [{ matches: [{ path: { type: "PathPrefix", value: `/${section}` } }], ...refs(number) }],
      });
    await expectRows(serve(listeners, on("any", 1), on("wide", 2), on("narrow", 3), on("exact", 1)), [
      ["bar.com/any", 1],
      ["bar.com/wide", null],
      ["bar.example.com/wide", 2],
      ["bar.example.com/any", null],
      ["bar.foo.example.com/narrow", 3],
      ["bar.foo.example.com/wide", null],
      ["abc.foo.example.com/exact", 1],
      ["abc.foo.example.com/narrow", null],
    ]);
  });

  it("HTTPRouteCrossNamespace", async () => {
    const route = httpRoute("r", { rules: [{ backendRefs: [to("web-backend")] }] }, { namespace: "web" });
    expect(await serve(gateway("same", [{ name: "http", ...ALL }]), service("web-backend", "web"), route)("GET", "/")).toMatchObject({
      status: 200,
      backend: "web-backend",
    });
  });

  it("HTTPRouteMultipleGateways: a route serves on every Gateway that it names, and a shared one stays apart", () => {
    const compiled = compileWorld(
      gateway("a", [{ name: "http" }]),
      gateway("b", [{ name: "http" }]),
      ...SERVICES,
      httpRoute("both", { parentRefs: [{ name: "a" }, { name: "b" }], rules: [refs(1)] }),
      httpRoute("one", { parentRefs: [{ name: "b" }], rules: [refs(2)] }),
    );
    const rules = Object.fromEntries(
      (compiled.snapshot?.gateways ?? []).map((one) => [one.name, one.listeners.flatMap((listener) => listener.routes.rules.map((rule) => rule.route.name))]),
    );
    expect(rules).toEqual({ a: ["both"], b: ["both", "one"] });
  });
});

describe("references", () => {
  const open = gateway("same", [{ name: "http", ...ALL }]);
  const FROM = { group: "gateway.networking.k8s.io", kind: "HTTPRoute", namespace: "infra" };
  const far = service("web-backend", "web");
  const farRoute = httpRoute("r", { rules: [{ backendRefs: [to("web-backend", { namespace: "web" })] }] });

  it.each([
    ["HTTPRouteReferenceGrant", referenceGrant("web", FROM, { group: "", kind: "Service", name: "web-backend" }), 200],
    ["HTTPRouteInvalidCrossNamespaceBackendRef (no grant)", service("unrelated"), 500],
    ["HTTPRouteInvalidReferenceGrant (another name)", referenceGrant("web", FROM, { group: "", kind: "Service", name: "other" }), 500],
    ["HTTPRouteInvalidReferenceGrant (another kind)", referenceGrant("web", FROM, { group: "", kind: "Secret" }), 500],
    ["HTTPRouteInvalidReferenceGrant (from another namespace)", referenceGrant("web", { ...FROM, namespace: "backend" }, { group: "", kind: "Service" }), 500],
    ["HTTPRouteInvalidReferenceGrant (in another namespace)", referenceGrant("backend", FROM, { group: "", kind: "Service" }), 500],
  ])("%s", async (_, given, status) => {
    expect((await serve(open, far, given, farRoute)("GET", "/")).status).toBe(status);
    const resolved = status === 200 ? "True/ResolvedRefs" : "False/RefNotPermitted";
    expect(conditionsOf(compileWorld(open, far, given, farRoute), "HTTPRoute", "r", "Gateway/infra/same")).toMatchObject({
      Accepted: "True/Accepted",
      ResolvedRefs: resolved,
    });
  });

  it("HTTPRoutePartiallyInvalidViaInvalidReferenceGrant: the good rule serves, the other answers 500", async () => {
    const route = httpRoute("r", {
      rules: [
        { matches: [{ path: { type: "PathPrefix", value: "/v1" } }], ...refs(1) },
        { matches: [{ path: { type: "PathPrefix", value: "/v2" } }], backendRefs: [to("web-backend", { namespace: "web" })] },
      ],
    });
    await expectRows(serve(open, far, route), [
      ["/v1", 1],
      ["/v2", 500],
    ]);
  });

  it("HTTPRouteInvalidBackendRefUnknownKind, HTTPRouteInvalidNonExistentBackendRef, HTTPRouteNoBackendRefs: 500", async () => {
    const at = (value: string, rule: Manifest) => ({ matches: [{ path: { type: "PathPrefix", value } }], ...rule });
    const rules = [
      at("/kind", { backendRefs: [{ group: "unknownkind.example.com", kind: "NonExistent", name: v(1), port: 8080 }] }),
      at("/lost", { backendRefs: [to("does-not-exist")] }),
      at("/none", {}),
      at("/empty", { backendRefs: [] }),
      at("/weightless", { backendRefs: [to(v(1), { weight: 0 })] }),
    ];
    await expectRows(
      serve(SAME, httpRoute("r", { rules })),
      ["/kind", "/lost", "/none", "/empty", "/weightless"].map((url): Row => [url, 500]),
    );
    const of = (rule: Manifest | undefined) =>
      conditionsOf(compileWorld(SAME, ...SERVICES, httpRoute("r", { rules: [rule] })), "HTTPRoute", "r", "Gateway/infra/same")["ResolvedRefs"];
    expect(rules.slice(0, 3).map(of)).toEqual(["False/InvalidKind", "False/BackendNotFound", "True/ResolvedRefs"]);
  });
});

describe("filters", () => {
  const filter = (type: string, member: string, value: Manifest) => ({ type, [member]: value });
  const requestHeaders = { set: [{ name: "X-Set", value: "set-value" }], add: [{ name: "X-Add", value: "add-value" }], remove: ["X-Remove"] };

  it.each([
    ["HTTPRouteRequestHeaderModifier", (edits: Manifest) => ({ filters: [filter("RequestHeaderModifier", "requestHeaderModifier", edits)], ...refs(1) })],
    [
      "HTTPRouteBackendRequestHeaderModifier",
      (edits: Manifest) => ({ backendRefs: [to(v(1), { filters: [filter("RequestHeaderModifier", "requestHeaderModifier", edits)] })] }),
    ],
  ])("%s", async (_, rule) => {
    const ask = serve(SAME, httpRoute("r", { rules: [rule(requestHeaders)] }));
    const plain = (await ask("GET", "/")).sent;
    expect([plain?.header("x-set"), plain?.header("x-add")]).toEqual(["set-value", "add-value"]);
    const { sent } = await ask("GET", "/", { "x-sEt": "theirs", "X-Add": "theirs", "x-REMOVE": "gone", Other: "kept" });
    expect(["x-set", "x-add", "x-remove", "other"].map((name) => sent?.header(name) ?? null)).toEqual(["set-value", "theirs,add-value", null, "kept"]);
  });

  it("HTTPRouteRequestHeaderModifierBackendWeights: each backend gets its own edits", async () => {
    const ref = (number: number) =>
      to(v(number), { filters: [filter("RequestHeaderModifier", "requestHeaderModifier", { set: [{ name: "backend", value: v(number) }] })] });
    const ask = serve(
      SAME,
      httpRoute("r", {
        rules: [
          { backendRefs: [ref(1)] },
          { matches: [{ path: { type: "PathPrefix", value: "/2" } }], backendRefs: [ref(1), ref(2)].map((one, at) => ({ ...one, weight: at })) },
        ],
      }),
    );
    for (const url of ["/", "/2"]) {
      const { sent, backend } = await ask("GET", url);
      expect(sent?.header("backend")).toBe(backend);
    }
  });

  it("HTTPRouteResponseHeaderModifier", async () => {
    const one = install(
      textOf(
        ...SERVICES,
        SAME,
        httpRoute("r", { rules: [{ filters: [filter("ResponseHeaderModifier", "responseHeaderModifier", requestHeaders)], ...refs(1) }] }),
      ),
    );
    one.transport.script(v(1), { status: 200, headers: ["x-set", "theirs", "X-Add", "theirs", "x-remove", "gone", "other", "kept"], body: "x" });
    const fake = await one.call({ headers: [] });
    expect(["x-set", "x-add", "x-remove", "other"].map((name) => fake.header(name).join(","))).toEqual(["set-value", "theirs,add-value", "", "kept"]);
  });

  const redirect = (value: Manifest, path = "/from") =>
    httpRoute("r", {
      hostnames: ["asked.example"],
      rules: [{ matches: [{ path: { type: "PathPrefix", value: path } }], filters: [filter("RequestRedirect", "requestRedirect", value)] }],
    });
  const full = (value: string) => ({ path: { type: "ReplaceFullPath", replaceFullPath: value } });
  const prefix = (value: string) => ({ path: { type: "ReplacePrefixMatch", replacePrefixMatch: value } });
  it.each([
    ["HTTPRouteRedirectHostAndStatus", { hostname: "other.example" }, 302, "http://other.example/from/x?q=1"],
    ["HTTPRouteRedirectHostAndStatus", { hostname: "other.example", statusCode: 301 }, 301, "http://other.example/from/x?q=1"],
    ["HTTPRoute303Redirect", { statusCode: 303, hostname: "other.example" }, 303, "http://other.example/from/x?q=1"],
    ["HTTPRoute307Redirect", { statusCode: 307, hostname: "other.example" }, 307, "http://other.example/from/x?q=1"],
    ["HTTPRoute308Redirect", { statusCode: 308, hostname: "other.example" }, 308, "http://other.example/from/x?q=1"],
    ["HTTPRouteRedirectPath", full("/full"), 302, "http://asked.example/full?q=1"],
    ["HTTPRouteRedirectPath", prefix("/to"), 302, "http://asked.example/to/x?q=1"],
    ["HTTPRouteRedirectPath", prefix("/"), 302, "http://asked.example/x?q=1"],
    ["HTTPRouteRedirectPort", { port: 8083 }, 302, "http://asked.example:8083/from/x?q=1"],
    ["HTTPRouteRedirectPort", { port: 80 }, 302, "http://asked.example/from/x?q=1"],
    ["HTTPRouteRedirectScheme", { scheme: "https" }, 302, "https://asked.example/from/x?q=1"],
    ["HTTPRouteRedirectPortAndScheme", { scheme: "https", port: 443 }, 302, "https://asked.example/from/x?q=1"],
    ["HTTPRouteRedirectPortAndScheme", { scheme: "https", port: 80 }, 302, "https://asked.example:80/from/x?q=1"],
    ["HTTPRouteRedirectPortAndScheme", { scheme: "http", port: 443 }, 302, "http://asked.example:443/from/x?q=1"],
  ])("%s %j: %i %s", async (_, value, status, location) => {
    expect(await serve(SAME, redirect(value))("GET", "asked.example/from/x?q=1")).toMatchObject({ status, location, backend: null });
  });

  const rewrite = (value: Manifest, atRef: boolean) => {
    const filters = [filter("URLRewrite", "urlRewrite", value)];
    return httpRoute("r", {
      rules: [
        { matches: [{ path: { type: "PathPrefix", value: "/prefix/one" } }], ...(atRef ? { backendRefs: [to(v(1), { filters })] } : { filters, ...refs(1) }) },
      ],
    });
  };
  it.each([
    ["HTTPRouteRewriteHost", { hostname: "one.example.org" }, false, "/prefix/one/two?q=1", "one.example.org"],
    ["HTTPRouteRewritePath", prefix("/one"), false, "/one/two?q=1", "asked.example"],
    ["HTTPRouteRewritePath", prefix("/"), false, "/two?q=1", "asked.example"],
    ["HTTPRouteRewritePath", full("/full/path"), false, "/full/path?q=1", "asked.example"],
    ["HTTPRouteBackendURLRewrite", { hostname: "one.example.org", ...full("/at-ref") }, true, "/at-ref?q=1", "one.example.org"],
  ])("%s %j", async (_, value, atRef, path, host) => {
    expect((await serve(SAME, rewrite(value, atRef))("GET", "asked.example/prefix/one/two?q=1")).sent).toMatchObject({ path, host });
  });
});
