import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PLATFORMS } from "../../../adapters/config/platforms.ts";
import { BundleError, type Compiled, compile, writeBundle } from "../../../src/compiler.ts";
import { FORMAT } from "../../../src/config/bundle-format.ts";
import { readBundle } from "../../../src/index.ts";
import { explain } from "../../../src/offline.ts";
import { testManifests } from "../../fakes/manifests.ts";

const clock = { now: () => 0, monotonic: () => 0, after: () => () => {} };
const RULES = `  - name: chat
    matches:
    - {path: {type: RegularExpression, value: "/v[12]/chat/.*"}, headers: [{name: x-team, type: RegularExpression, value: "a+"}]}
    backendRefs: [{group: spillway.dev, kind: BackendGroup, name: group}]
  - name: moved
    matches: [{path: {type: PathPrefix, value: /old}}]
    filters: [{type: RequestRedirect, requestRedirect: {path: {type: ReplaceFullPath, replaceFullPath: /new}, statusCode: 308}}]
  - name: rest
    matches: [{path: {type: PathPrefix, value: /}}]
    backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: us}]
`;
const LOCK = `apiVersion: spillway.dev/v1alpha1
kind: RegionPolicy
metadata: {name: eu, namespace: egress-system}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}]
  appliesTo: {namespaces: {matchLabels: {team: b}}}
  allow: {jurisdictions: [EU]}
---
apiVersion: spillway.dev/v1alpha1
kind: UsageLimitPolicy
metadata: {name: budget, namespace: egress-system}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}]
  limits:
  - {name: rpm, unit: Requests, limit: 600, per: [ServiceAccount], window: {duration: 1m}, match: {models: ["gpt-*"]}}
  - {name: usd, unit: Cost, limit: "250.10", window: {duration: 720h, type: Calendar}, costExpression: "input*price.input + max(0, output - 10)*price.output"}
  - {name: each, unit: Concurrency, limit: 8, per: [Backend], onExceeded: NextTier, onStoreFailure: Local}`;

function compiled(more = ""): Compiled {
  const text = testManifests({
    backends: [
      { name: "eu", port: 8443, region: "eu-central-1", key: "k", api: "OpenAI" },
      { name: "us", port: 8444, region: "us-east-1", key: "k", api: "OpenAI" },
    ],
    group: ["eu", "us"],
    rules: RULES,
    more: more === "" ? LOCK : `${LOCK}\n---\n${more}`,
  });
  const result = compile([{ path: "test.yaml", text }], PLATFORMS.knative);
  expect(result.faults.filter((fault) => fault.severity === "error")).toEqual([]);
  return result;
}

describe("a bundle", () => {
  const original = compiled();
  const text = writeBundle(original, PLATFORMS.knative);
  const read = readBundle(text, PLATFORMS.knative);

  it("gives back the whole snapshot, sets, maps and expressions included", () => {
    expect(read.ok).toBe(true);
    const plain = (value: unknown) => JSON.parse(JSON.stringify(value, (_, part) => (part instanceof Map || part instanceof Set ? [...part] : part)));
    expect(plain(read.snapshot)).toEqual(plain(original.snapshot));
    expect(read.conditions).toEqual(original.conditions);
  });

  it("carries the limits of rules and destinations, one object each", () => {
    const [chat, , rest] = read.snapshot?.gateways[0]?.listeners[0]?.routes.rules ?? [];
    expect(chat?.limits.map(({ id }) => id)).toEqual(["egress-system/budget/rpm", "egress-system/budget/usd"]);
    expect(chat?.limits[0]).toBe(rest?.limits[0]);
    const [target] = chat?.action.kind === "forward" ? chat.action.targets : [];
    expect(target?.target.kind === "group" && target.target.group.tiers[1]?.targets[0]?.target.limits).toMatchObject([
      { id: "egress-system/budget/each", scope: "attempt", onStoreFailure: { kind: "local", share: 0.1 } },
    ]);
  });

  it("keeps one object for what was one object: a backend of many rules is not many", () => {
    const backends = new Set(read.snapshot?.backends.values());
    const rest = read.snapshot?.gateways[0]?.listeners[0]?.routes.rules.find((rule) => rule.ruleName === "rest");
    const target = rest?.action.kind === "forward" ? rest.action.targets[0]?.target : null;
    expect(target?.kind === "backend" && backends.has(target.target.backend)).toBe(true);
  });

  it("decides every call as the manifests do", () => {
    const path = fc.constantFrom("/v1/chat/completions", "/v2/chat/", "/v3/chat/x", "/old/thing", "/", "/v1/embeddings");
    const team = fc.constantFrom("", "a", "aaa", "ab");
    fc.assert(
      fc.property(path, team, fc.constantFrom("team-a", "team-b", "team-c"), (target, header, namespace) => {
        const call = {
          caller: { namespace, serviceAccount: null },
          method: "GET",
          authority: "egress",
          target,
          headers: header === "" ? [] : ["x-team", header],
          body: null,
        };
        if (original.snapshot === null || read.snapshot === null) throw new Error("not compiled");
        expect(explain(read.snapshot, call, clock, () => 0)).toEqual(explain(original.snapshot, call, clock, () => 0));
      }),
    );
  });

  it("is refused with the value of a Secret in it", () => {
    const secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: team-a}\nstringData: {value: canary-secret}";
    const source = "apiVersion: spillway.dev/v1alpha1\nkind: SecretSource\nmetadata: {name: held, namespace: team-a}\nspec: {kubernetesSecret: {name: s}}";
    const backend = `apiVersion: gateway.networking.x-k8s.io/v1alpha1\nkind: XBackend\nmetadata: {name: held, namespace: team-a}\nspec:\n  type: ExternalHostname\n  externalHostname: {hostname: held.example}\n  port: {port: 443}\n  protocol: HTTP\n  tls: {mode: None}`;
    const policy =
      "apiVersion: spillway.dev/v1alpha1\nkind: BackendCredentialPolicy\nmetadata: {name: held, namespace: team-a}\nspec:\n  targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: held}]\n  type: Bearer\n  bearer: {secretRef: {group: spillway.dev, kind: SecretSource, name: held}}";
    const result = compiled([secret, source, backend, policy].join("\n---\n"));
    expect(() => writeBundle(result, PLATFORMS.knative)).toThrow(BundleError);
    expect(() => writeBundle(result, PLATFORMS.knative)).not.toThrow(/canary/);
  });

  it.each([
    ["another platform", text, "workers", /compiled for knative/],
    ["another format", text.replace(`"spillwayBundle":${FORMAT}`, '"spillwayBundle":99'), "knative", /format 99/],
    ["half a file", text.slice(0, text.length / 2), "knative", /only a part/],
    ["manifests", readFileSync(join(import.meta.dirname, "../../../examples/quickstart/01-gateway.yaml"), "utf8"), "knative", /not a bundle/],
    ["something else in JSON", "[1]", "knative", /not a bundle/],
    ["a payload of nonsense", text.replace(/"payload":.*/, '"payload":[7]}'), "knative", /not a bundle/],
    ["nothing", "", "knative", /not a bundle/],
  ] as const)("of %s is a fault with advice, not an exception", (_, wrong, platform, message) => {
    const result = readBundle(wrong, PLATFORMS[platform], "b.json");
    expect(result.ok).toBe(false);
    expect(result.snapshot).toBeNull();
    expect(result.faults[0]).toMatchObject({ file: "b.json", severity: "error", message: expect.stringMatching(message) });
    expect(result.faults[0]?.advice).toMatch(/spillway compile/);
  });

  it("that takes a check for granted which the platform cannot make is refused", () => {
    const weaker = { name: "knative" as const, features: new Set([...PLATFORMS.knative.features].filter((feature) => feature !== "custom-ca")) };
    expect(readBundle(text, weaker).faults[0]?.message).toContain("custom-ca");
  });
});
