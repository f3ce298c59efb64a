import { describe, expect, it } from "vitest";
import { PLATFORMS } from "../../adapters/config/platforms.ts";
import { install } from "../pipeline/installation.ts";
import { compileAll, compileGood, conditionOf, GATEWAY, NODE, route, xBackend } from "../unit/config/compile-text.ts";

describe("supportedFeatures of a GatewayClass", () => {
  const featuresOn = (platform: (typeof PLATFORMS)[keyof typeof PLATFORMS]) =>
    compileAll([GATEWAY], platform).conditions.find((one) => one.kind === "GatewayClass")?.supportedFeatures ?? [];

  it.each(Object.values(PLATFORMS))("are sorted, each once, on $name", (platform) => {
    const features = featuresOn(platform);
    expect(features).toEqual([...new Set(features)].sort());
    expect(features).toEqual(expect.arrayContaining(["Gateway", "HTTPRoute", "HTTPRouteCORS", "HTTPRouteRequestPercentageMirror", "ListenerSet"]));
  });

  it("leave out what the platform cannot do", () => {
    expect(featuresOn(PLATFORMS.knative)).toEqual(expect.arrayContaining(["HTTPRouteHostRewrite", "HTTPRouteBackendProtocolH2C"]));
    for (const absent of ["HTTPRouteHostRewrite", "HTTPRouteBackendProtocolH2C"]) expect(featuresOn(PLATFORMS.workers)).not.toContain(absent);
  });

  it("name WebSockets where a caller's connection can be joined with another", () => {
    expect(featuresOn(PLATFORMS.knative)).toContain("HTTPRouteBackendProtocolWebSocket");
    for (const platform of [PLATFORMS.lambda, PLATFORMS.workers]) expect(featuresOn(platform)).not.toContain("HTTPRouteBackendProtocolWebSocket");
  });

  it("name misdirected requests where this broker terminates TLS itself", () => {
    expect(featuresOn(PLATFORMS.knative)).toContain("GatewayHTTPSListenerDetectMisdirectedRequests");
    for (const platform of [PLATFORMS.lambda, PLATFORMS.workers]) expect(featuresOn(platform)).not.toContain("GatewayHTTPSListenerDetectMisdirectedRequests");
  });

  it("never name what no platform can do", () => {
    const features = new Set(Object.values(PLATFORMS).flatMap(featuresOn));
    for (const absent of ["GRPCRoute", "TLSRoute", "HTTPRouteExternalAuthGRPC"]) expect(features).not.toContain(absent);
  });

  it("stand on this broker's classes only", () => {
    const other = GATEWAY.replaceAll("spillway.dev/broker", "example.com/other");
    expect(compileAll([other]).conditions.filter((one) => one.kind === "GatewayClass")).toEqual([]);
  });
});

/** The standard: a value from a newer version becomes a condition, never a crash and never a rule that does more than was written. */
describe("a value that is not known", () => {
  const rule = (more: object) => compileGood([xBackend("one"), route("r", [more as Readonly<Record<string, unknown>>])], NODE);

  it.each([
    ["path type", { matches: [{ path: { type: "Glob", value: "/a" } }] }],
    ["header match type", { matches: [{ headers: [{ type: "Prefix", name: "a", value: "b" }] }] }],
    ["query match type", { matches: [{ queryParams: [{ type: "Prefix", name: "a", value: "b" }] }] }],
    ["method", { matches: [{ method: "QUERY" }] }],
    ["filter type", { filters: [{ type: "RequestThrottle" }] }],
    ["path modifier", { filters: [{ type: "URLRewrite", urlRewrite: { path: { type: "ReplaceRegex" } } }] }],
    ["redirect scheme", { backendRefs: [], filters: [{ type: "RequestRedirect", requestRedirect: { scheme: "gopher" } }] }],
    ["redirect status", { backendRefs: [], filters: [{ type: "RequestRedirect", requestRedirect: { statusCode: 300 } }] }],
    ["extension", { filters: [{ type: "ExtensionRef", extensionRef: { group: "example.com", kind: "Magic", name: "m" } }] }],
  ])("%s: Accepted=False/UnsupportedValue, and the rule answers for itself", (_, more) => {
    const compiled = rule(more);
    expect(conditionOf(compiled, "HTTPRoute", "r", "Accepted", "Gateway/infra/egress")).toBe("False/UnsupportedValue");
    expect(compiled.snapshot.gateways[0]?.listeners[0]?.routes.rules[0]?.action.kind).toBe("rejected");
  });

  it("in one rule of several: the others serve, and the route is PartiallyInvalid", () => {
    const compiled = compileGood([xBackend("one"), route("r", [{}, { filters: [{ type: "RequestThrottle" }], matches: [{ path: { value: "/b" } }] }])], NODE);
    expect(conditionOf(compiled, "HTTPRoute", "r", "Accepted", "Gateway/infra/egress")).toBe("True/Accepted");
    expect(conditionOf(compiled, "HTTPRoute", "r", "PartiallyInvalid", "Gateway/infra/egress")).toBe("True/UnsupportedValue");
  });

  it("an ExtensionRef that cannot be resolved is answered 500 and never skipped", async () => {
    const rules = `  - name: open\n    backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: first}]\n  - name: guarded\n    matches: [{path: {type: PathPrefix, value: /guarded}}]\n    filters: [{type: ExtensionRef, extensionRef: {group: example.com, kind: Magic, name: m}}]\n    backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: first}]\n`;
    const one = install({ backends: [{ name: "first", port: 8001 }], rules });
    const caller = await one.call({ target: "/guarded/x" });
    expect(caller.received()?.status).toBe(500);
    expect(caller.header("x-egress-error")).toEqual(["route_rejected"]);
    expect(one.transport.sent).toEqual([]);
    expect((await one.call({ target: "/open" })).received()?.status).toBe(200);
  });
});
