import { describe, expect, it } from "vitest";
import { compileAll, GATEWAY, own, xBackend } from "./compile-text.ts";

const faultsOf = (...texts: string[]) => compileAll(texts).faults;

describe("validation", () => {
  it("reports all faults of all files at once, each with its exact place", () => {
    const faults = faultsOf(
      "apiVersion: spillway.dev/v1alpha1\nkind: SecretSource\nmetadata:\n  name: key\n  namesapce: a\nspec:\n  env: {nmae: KEY}\n  refersh: {}\n",
      "apiVersion: spillway.dev/v1alpha1\nkind: AIBackendPolicy\nmetadata: {name: ai}\nspec:\n  targetRefs: []\n  schema:\n    name: OpenIA\n",
    );
    expect(faults.map(({ file, line, column, pointer, message, advice }) => ({ file, line, column, pointer, message, advice }))).toEqual([
      { file: "0.yaml", line: 5, column: 3, pointer: "/metadata/namesapce", message: "unknown field namesapce", advice: "did you mean namespace?" },
      { file: "0.yaml", line: 7, column: 8, pointer: "/spec/env/name", message: "name is required", advice: "Name of the variable." },
      { file: "0.yaml", line: 7, column: 9, pointer: "/spec/env/nmae", message: "unknown field nmae", advice: "did you mean name?" },
      { file: "0.yaml", line: 8, column: 3, pointer: "/spec/refersh", message: "unknown field refersh", advice: "did you mean refresh?" },
      { file: "1.yaml", line: 5, column: 15, pointer: "/spec/targetRefs", message: "targetRefs: must name at least one backend", advice: null },
      {
        file: "1.yaml",
        line: 7,
        column: 11,
        pointer: "/spec/schema/name",
        message:
          'name has an unknown value "OpenIA": it must be OpenAI, OpenAIResponses, AzureOpenAI, Anthropic, AWSAnthropic, GCPAnthropic, AWSBedrock, Gemini, GCPVertexAI',
        advice: "did you mean OpenAI?",
      },
    ]);
    expect(faults[0]).toMatchObject({ severity: "error", kind: "SecretSource", namespace: null, name: "key", excerpt: "  namesapce: a" });
  });

  it("says what type was expected", () => {
    const spec = (text: string) =>
      faultsOf(
        `apiVersion: spillway.dev/v1alpha1\nkind: BackendGroup\nmetadata: {name: g}\nspec: {tiers: [{name: a, backends: [{backendRef: {name: b}, ${text}}]}]}\n`,
      )[0]?.message;
    expect(spec('weight: "1"')).toBe("weight must be a number, not a string");
    expect(spec("weight: 1.5")).toBe("weight must be a whole number, not a number");
    expect(spec("weight: -1")).toBe("weight must be at least 0");
    expect(spec("model: [x]")).toBe("model must be a string, not a list");
  });

  it("escapes JSON pointers", () => {
    const faults = faultsOf('apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: {"a/b~c": 1}}\n');
    expect(faults).toMatchObject([{ pointer: "/metadata/labels/a~1b~0c", line: 3, column: 39 }]);
  });

  it("passes over kinds of other groups with a warning", () => {
    const compiled = compileAll([
      "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nwhatever: 1\n",
      "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
    ]);
    expect(compiled.ok).toBe(true);
    expect(compiled.faults.map((fault) => [fault.severity, fault.message])).toEqual([
      ["warning", "Deployment (apps/v1) is not a kind that this broker reads; it is left out"],
      ["warning", "Pod (v1) is not a kind that this broker reads; it is left out"],
    ]);
  });

  it("refuses unknown kinds of its own groups: to pass over an access or limit policy would open what it closes", () => {
    const kinds = [
      "spillway.dev/v1alpha1 UsageLimitPolicy",
      "gateway.networking.x-k8s.io/v1alpha1 XMesh",
      "agentic.networking.x-k8s.io/v1alpha1 XAccessPolicy",
      "gateway.networking.k8s.io/v1 GRPCRoute",
    ];
    for (const one of kinds) {
      const [apiVersion, kind] = one.split(" ");
      const compiled = compileAll([JSON.stringify({ apiVersion, kind, metadata: { name: "a" }, spec: {} })]);
      expect([one, compiled.ok, compiled.faults[0]?.severity]).toEqual([one, false, "error"]);
    }
  });

  it("helps with a kind or version that is nearly right", () => {
    expect(faultsOf("apiVersion: spillway.dev/v1alpha1\nkind: BackendGruop\nmetadata: {name: a}\n")[0]?.advice).toBe(
      "did you mean BackendGroup (spillway.dev/v1alpha1)?",
    );
    expect(faultsOf("apiVersion: gateway.networking.k8s.io/v1\nkind: XBackend\nmetadata: {name: a}\n")[0]?.advice).toBe(
      "did you mean XBackend (gateway.networking.x-k8s.io/v1alpha1)?",
    );
    expect(faultsOf("apiVersion: gateway.networking.k8s.io/v2\nkind: HTTPRoute\nmetadata: {name: a}\n")[0]?.advice).toBe("write gateway.networking.k8s.io/v1");
    expect(faultsOf("kind: HTTPRoute\n")[0]?.message).toBe("apiVersion is required and must be a string");
  });

  it("refuses an object that stands twice and says where the first one is", () => {
    const faults = faultsOf(xBackend("one"), xBackend("one"));
    expect(faults).toMatchObject([{ file: "1.yaml", message: "XBackend team-a/one stands twice: first in 0.yaml:1" }]);
  });

  it("takes what the API server adds", () => {
    const meta = {
      creationTimestamp: "2026-01-01T00:00:00Z",
      generation: 3,
      uid: "u",
      resourceVersion: "9",
      managedFields: [{ manager: "kubectl" }],
      annotations: { a: "b" },
      finalizers: ["x"],
      ownerReferences: [{}],
    };
    const text = JSON.parse(xBackend("one", {}, meta)) as Record<string, unknown>;
    expect(compileAll([JSON.stringify({ ...text, status: { anything: [1] } })]).faults).toEqual([]);
  });

  it("checks the rules between fields of own kinds", () => {
    const target = [{ group: "gateway.networking.x-k8s.io", kind: "XBackend", name: "one" }];
    const secretRef = { name: "s" };
    const cases: [string, unknown, RegExp][] = [
      ["SecretSource", {}, /exactly one provider/],
      ["SecretSource", { env: { name: "A" }, binding: { name: "B" } }, /exactly one provider/],
      ["SecretSource", { file: { path: "relative" } }, /absolute path/],
      ["SecretSource", { file: { path: "/a/../etc/shadow" } }, /must not contain \.\./],
      ["SecretSource", { file: { path: "/../etc/shadow" } }, /must not contain \.\./],
      ["BackendCredentialPolicy", { targetRefs: target, type: "Bearer" }, /member that `type` names is missing/],
      ["BackendCredentialPolicy", { targetRefs: target, type: "Passthrough", bearer: { secretRef } }, /only the member that `type` names/],
      ["BackendCredentialPolicy", { targetRefs: target, type: "Kerberos" }, /unknown value "Kerberos"/],
      ["BackendCredentialPolicy", { targetRefs: target, type: "APIKey", apiKey: { secretRef, in: "Header", name: "Host" } }, /belongs to the broker/],
      [
        "BackendCredentialPolicy",
        { targetRefs: target, type: "APIKey", apiKey: { secretRef, in: "Query", name: "key", prefix: "x" } },
        /prefix is for a key in a header/,
      ],
      [
        "BackendCredentialPolicy",
        { targetRefs: target, type: "Bearer", bearer: { secretRef: { kind: "SecretSource", name: "s" } } },
        /group and kind do not belong together/,
      ],
      ["BackendConnectionPolicy", { targetRefs: target, dns: { addresses: ["localhost"] } }, /must be an IP address/],
      ["BackendConnectionPolicy", { targetRefs: target, dns: { allowCIDRs: ["10.0.0.0/33"] } }, /must be a range/],
      ["BackendConnectionPolicy", { targetRefs: target, timeouts: { connect: "0s" } }, /cannot be switched off/],
      ["BackendConnectionPolicy", { targetRefs: target, timeouts: { firstByte: "20" } }, /must be a duration/],
      ["BackendConnectionPolicy", { targetRefs: target, mode: "Child" }, /unknown value "Child"/],
      ["BackendConnectionPolicy", { targetRefs: target, mode: "Parent" }, /belong together/],
      ["BackendConnectionPolicy", { targetRefs: target, parent: { region: "Ignore" } }, /belong together/],
      ["BackendConnectionPolicy", { targetRefs: target, mode: "Parent", parent: {} }, /add forwardIdentity, or write region: Ignore/],
      ["BackendConnectionPolicy", { targetRefs: target, mode: "Parent", parent: { region: "Ignore", maxHops: 17 } }, /16/],
      [
        "BackendConnectionPolicy",
        { targetRefs: target, mode: "Parent", parent: { forwardIdentity: { signingKeyRef: { name: "key" }, audience: "up", ttl: "11m" } } },
        /from 10s to 10m/,
      ],
      [
        "BackendCredentialPolicy",
        { targetRefs: target, type: "APIKey", apiKey: { secretRef: { name: "k" }, in: "Header", name: "Egress-Chain" } },
        /belongs to the broker/,
      ],
      ["BackendConnectionPolicy", { targetRefs: [{ group: "", kind: "XBackend", name: "one" }] }, /do not belong together/],
      ["BackendGroup", { tiers: [] }, /a group needs a tier/],
      ["BackendGroup", { tiers: [{ name: "a", backends: [{ backendRef: { group: "", kind: "Service", name: "s" } }] }] }, /a Service needs a port/],
      ["RegionPolicy", { targetRefs: [{ group: "", kind: "Namespace", name: "a" }], allow: {} }, /at least one region/],
      ["RegionPolicy", { targetRefs: [{ group: "", kind: "Namespace", name: "a" }], allow: { countries: ["Germany"] } }, /ISO 3166-1/],
      ["RegionPolicy", { targetRefs: [{ group: "", kind: "Gateway", name: "a" }], allow: { regions: ["eu"] } }, /do not belong together/],
      ["AIBackendPolicy", { targetRefs: target, schema: { name: "OpenAI" }, models: [{ name: "a*b" }] }, /one \* at the beginning or at the end/],
      ["AIBackendPolicy", { targetRefs: target, schema: { name: "OpenAI" }, models: [{ name: "a", price: { inputPerMTok: 1.25 } }] }, /quoted/],
      [
        "BrokerConfig",
        { identity: { issuers: [{ name: "a", type: "OIDC", issuer: "i", audiences: ["x"], jwks: { uri: "https://x" } }] } },
        /either claims or a fixed namespace/,
      ],
      [
        "BrokerConfig",
        { identity: { issuers: [{ name: "a", type: "KubernetesServiceAccount", issuer: "i", audiences: [], jwks: { uri: "https://x" } }] } },
        /an audience is needed/,
      ],
      [
        "BrokerConfig",
        { identity: { issuers: [{ name: "a", type: "OIDC", namespace: "n", issuer: "i", audiences: ["x"], jwks: {} }] } },
        /exactly one place of the keys/,
      ],
      [
        "BrokerConfig",
        {
          identity: {
            issuers: [{ name: "a", type: "OIDC", namespace: "n", issuer: "https://accounts.google.com", audiences: ["x"], jwks: { uri: "https://x" } }],
          },
        },
        /requiredClaims/,
      ],
      ["BrokerConfig", { identity: { issuers: [{ name: "a", type: "Broker", issuer: "i", audiences: ["x"], jwks: { uri: "https://x" } }] } }, /whose callers/],
      [
        "BrokerConfig",
        { identity: { issuers: [{ name: "a", type: "Broker", issuer: "i", audiences: ["x"], namespaces: ["*", "b"], jwks: { uri: "https://x" } }] } },
        /the only one/,
      ],
      [
        "BrokerConfig",
        { identity: { issuers: [{ name: "a", type: "OIDC", namespace: "n", issuer: "i", audiences: ["x"], namespaces: ["b"], jwks: { uri: "https://x" } }] } },
        /issuers of type Broker/,
      ],
      ["BrokerConfig", { identity: { principals: [{ type: "AWSIAM", name: "*", namespace: "n" }] } }, /must name an account/],
      ["BrokerConfig", { identity: { principals: [{ type: "AWSIAM", name: "arn:*:x", namespace: "n" }] } }, /at the end only/],
      ["BrokerConfig", { bounds: { maxRequestBytes: "32MB" } }, /such as 32Mi/],
      ["BrokerConfig", { chainId: "a b" }, /must be a token/],
      // What kubectl makes of a bare `On`.
      ["BrokerConfig", { console: { mode: true } }, /Enabled/],
      ["BrokerConfig", { limits: { store: {} } }, /exactly one store/],
    ];
    for (const [kind, spec, message] of cases) {
      const faults = faultsOf(own(kind, "x", spec)).filter((fault) => fault.severity === "error");
      expect([kind, JSON.stringify(spec), faults.some((fault) => message.test(fault.message))], faults.map((fault) => fault.message).join("; ")).toEqual([
        kind,
        JSON.stringify(spec),
        true,
      ]);
    }
  });

  it("nothing is applied when one manifest of many is broken", () => {
    const compiled = compileAll([GATEWAY, xBackend("one"), "kind: [\n"]);
    expect([compiled.ok, compiled.snapshot, compiled.conditions]).toEqual([false, null, []]);
  });
});
