import { describe, expect, it } from "vitest";
import { compile } from "../../../src/compiler.ts";
import { readBundle } from "../../../src/config/read-bundle.ts";
import { writeBundle } from "../../../src/config/write-bundle.ts";
import { compileGood, conditionOf, grant, NODE, own, route, rulesOf, toXBackend, xBackend } from "./compile-text.ts";

const PARENT = "Gateway/infra/egress";
const filter = (more: object = {}) => ({ type: "ExternalAuth", externalAuth: { protocol: "HTTP", backendRef: toXBackend("auth"), http: {}, ...more } });
const compiled = (rule: object, ...more: readonly string[]) =>
  compileGood([xBackend("one"), xBackend("auth"), route("r", [rule as Readonly<Record<string, unknown>>]), ...more], NODE);
const service = (namespace: string) =>
  JSON.stringify({ apiVersion: "v1", kind: "Service", metadata: { name: "auth", namespace }, spec: { ports: [{ port: 9000 }] } });

describe("an ExternalAuth filter (GEP-1494)", () => {
  it("is compiled with what the server sees and gives", () => {
    const http = { path: "check", allowedHeaders: ["X-Tenant", "x-tenant"], allowedResponseHeaders: ["X-User"] };
    const [rule] = rulesOf(compiled({ filters: [filter({ http, forwardBody: { maxSize: 4096 } })] }));
    expect(rule?.externalAuth).toMatchObject({
      target: { backend: { key: "XBackend/team-a/auth" } },
      pathPrefix: "/check",
      requestHeaders: ["x-tenant"],
      responseHeaders: new Set(["x-user"]),
      bodyBytes: 4096,
    });
    expect(rule?.action.kind).toBe("forward");
  });

  it("survives a bundle", () => {
    const whole = compiled({ filters: [filter({ http: { allowedResponseHeaders: ["X-User"] } })] });
    const read = readBundle(writeBundle(whole, NODE), NODE);
    expect(rulesOf(read)[0]?.externalAuth).toEqual(rulesOf(whole)[0]?.externalAuth);
  });

  it("shows all of an answer, and no body, where nothing else is written", () => {
    expect(rulesOf(compiled({ filters: [filter()] }))[0]?.externalAuth).toMatchObject({
      pathPrefix: "",
      requestHeaders: [],
      responseHeaders: null,
      bodyBytes: 0,
    });
  });

  it.each([
    ["protocol GRPC", filter({ protocol: "GRPC", http: undefined, grpc: {} })],
    ["a protocol of the future", filter({ protocol: "QUIC" })],
    ["grpc beside HTTP", filter({ grpc: {} })],
    ["a path that climbs", filter({ http: { path: "/a/../b" } })],
    ["a path that climbs in disguise", filter({ http: { path: "/a/%2e%2e/b" } })],
    ["a path with a query", filter({ http: { path: "/a?b" } })],
    ["a header that is none", filter({ http: { allowedHeaders: ["a b"] } })],
  ])("is refused for %s: Accepted=False/UnsupportedValue, and the rule answers for itself", (_, one) => {
    const result = compiled({ filters: [one] });
    expect(conditionOf(result, "HTTPRoute", "r", "Accepted", PARENT)).toBe("False/UnsupportedValue");
    expect(rulesOf(result)[0]?.action.kind).toBe("rejected");
  });

  it("is refused twice on one rule, and at a backendRef", () => {
    expect(conditionOf(compiled({ filters: [filter(), filter()] }), "HTTPRoute", "r", "Accepted", PARENT)).toBe("False/IncompatibleFilters");
    const atRef = compiled({ backendRefs: [{ ...toXBackend("one"), filters: [filter()] }] });
    expect(conditionOf(atRef, "HTTPRoute", "r", "Accepted", PARENT)).toBe("False/UnsupportedValue");
    expect(rulesOf(atRef)[0]?.action.kind).toBe("rejected");
  });

  it.each([
    ["BackendNotFound", { backendRef: toXBackend("missing") }],
    ["BackendNotFound", { backendRef: { name: "auth", port: 9000 } }],
    ["RefNotPermitted", { backendRef: { name: "auth", namespace: "team-b", port: 9000 } }],
    ["InvalidKind", { backendRef: { group: "example.com", kind: "Oracle", name: "auth" } }],
    ["InvalidKind", { backendRef: { group: "spillway.dev", kind: "BackendGroup", name: "g" } }],
  ])("whose server cannot be had (%s) serves nobody: nobody could say yes", (reason, more) => {
    const group = own("BackendGroup", "g", { tiers: [{ name: "t", backends: [{ backendRef: toXBackend("one") }] }] });
    const result = compiled({ filters: [filter(more)] }, service("team-b"), group);
    expect(conditionOf(result, "HTTPRoute", "r", "ResolvedRefs", PARENT)).toBe(`False/${reason}`);
    expect(rulesOf(result)[0]?.action.kind).toBe("rejected");
  });

  it("reaches a Service of another namespace by a ReferenceGrant", () => {
    const from = { group: "gateway.networking.k8s.io", kind: "HTTPRoute", namespace: "team-a" };
    const result = compiled(
      { filters: [filter({ backendRef: { name: "auth", namespace: "team-b", port: 9000 } })] },
      service("team-b"),
      grant("team-b", from, { group: "", kind: "Service" }),
    );
    expect(rulesOf(result)[0]?.externalAuth?.target.backend.key).toBe("Service/team-b/auth:9000");
  });

  it("is a fault where the API server would not take it", () => {
    const text = route("r", [{ filters: [filter({ forwardBody: { maxSize: 65_536 } })] }]);
    expect(compile([{ path: "r.yaml", text }], NODE).faults[0]).toMatchObject({ severity: "error", pointer: expect.stringContaining("maxSize") });
  });
});
