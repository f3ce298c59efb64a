import { describe, expect, it } from "vitest";
import { find } from "../../src/lib/header-list.ts";
import { install } from "../pipeline/installation.ts";

const service = "apiVersion: v1\nkind: Service\nmetadata: {name: inner, namespace: team-a}\nspec: {ports: [{port: 8080}]}";
const backends = [{ name: "outer", port: 8001 }];
const TO_SERVICE = "backendRefs: [{name: inner, port: 8080}]";
const TO_OUTER = "backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: outer}]";
const at = (path: string, rest: string) => `  - matches: [{path: {type: PathPrefix, value: ${path}}}]\n    ${rest}\n`;

describe("Host (GatewayHTTPListenerIsolation, HTTPRouteListenerHostnameMatching)", () => {
  const one = install({
    backends,
    more: service,
    rules: [
      at("/inner", TO_SERVICE),
      at("/outer", TO_OUTER),
      at("/renamed", `filters: [{type: URLRewrite, urlRewrite: {hostname: renamed.example}}]\n    ${TO_SERVICE}`),
    ].join(""),
  });

  it.each([
    ["passes unchanged to a Service", "/inner", "Asked.example:8443"],
    ["is the destination's own name outside", "/outer", "outer.provider.example:8001"],
    ["is what URLRewrite says", "/renamed", "renamed.example"],
  ])("%s", async (_, target, host) => {
    await one.call({ target, authority: "Asked.example:8443" });
    expect(find(one.transport.sent.at(-1)?.request.headers ?? [], "host")).toBe(host);
  });
});

describe("a redirect at a backendRef (HTTPRouteBackendRequestRedirect)", () => {
  const away = (path: string, weight = 1) =>
    `{name: inner, port: 8080, weight: ${weight}, filters: [{type: RequestRedirect, requestRedirect: {path: ${path}}}]}`;
  const FULL = "{type: ReplaceFullPath, replaceFullPath: /elsewhere}";
  const PREFIX = "{type: ReplacePrefixMatch, replacePrefixMatch: /elsewhere}";

  it.each([
    ["/full", FULL, "http://asked.example/elsewhere"],
    ["/prefix", PREFIX, "http://asked.example/elsewhere/deep"],
  ])("sends the caller on: %s", async (prefix, path, location) => {
    const one = install({ backends, more: service, rules: at(prefix, `backendRefs: [${away(path)}]`) });
    const caller = await one.call({ target: `${prefix}/deep`, authority: "asked.example" });
    expect(caller.received()?.status).toBe(302);
    expect(caller.header("location")).toEqual([location]);
    expect(one.transport.sent).toEqual([]);
  });

  it("does so for its share of the calls only", async () => {
    const rules = at("/", `backendRefs: [${away(FULL)}, {name: inner, port: 8080, weight: 1}]`);
    for (const [random, status] of [
      [0.49, 302],
      [0.51, 200],
    ] as const) {
      const one = install({ backends, more: service, rules }, { random: () => random });
      expect((await one.call({ target: "/" })).received()?.status).toBe(status);
    }
  });

  it("still needs a reference that is good", async () => {
    const one = install(null);
    const compiled = one.load({ backends, rules: at("/", `backendRefs: [${away(FULL)}]`) });
    expect(compiled.conditions.find((entry) => entry.kind === "HTTPRoute")?.conditions.find(({ type }) => type === "ResolvedRefs")).toMatchObject({
      status: "False",
      reason: "BackendNotFound",
    });
    expect((await one.call({ target: "/" })).received()?.status).toBe(500);
  });
});
