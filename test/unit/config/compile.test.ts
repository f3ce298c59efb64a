import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compile } from "../../../src/config/compile.ts";
import { compileAll, compileGood, GATEWAY, NAMESPACES, NODE, own, route, rulesOf, toXBackend, xBackend } from "./compile-text.ts";

const PEM = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgI=\n-----END CERTIFICATE-----\n";

/** One of everything that an organisation would write. */
const ORGANISATION = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: spillway}
spec: {controllerName: spillway.dev/broker}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: egress, namespace: egress-system}
spec:
  gatewayClassName: spillway
  infrastructure: {parametersRef: {group: spillway.dev, kind: BrokerConfig, name: default}}
  listeners:
  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {egress: "yes"}}}}}
---
apiVersion: spillway.dev/v1alpha1
kind: BrokerConfig
metadata: {name: default, namespace: egress-system}
spec:
  identity:
    issuers:
    - {name: cluster, type: KubernetesServiceAccount, issuer: https://kubernetes.default.svc, audiences: [spillway], jwks: {uri: https://kubernetes.default.svc/openid/v1/jwks}}
---
apiVersion: v1
kind: Namespace
metadata: {name: team-a, labels: {egress: "yes"}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: llm, namespace: team-a}
spec:
  parentRefs: [{name: egress, namespace: egress-system, sectionName: http}]
  hostnames: [llm.egress.test]
  rules:
  - name: smart
    matches:
    - path: {type: PathPrefix, value: /v1}
      headers: [{name: X-Gateway-Model-Name, value: smart}]
    timeouts: {request: 120s, backendRequest: 60s}
    retry: {codes: [429, 503], attempts: 3, backoff: 100ms}
    backendRefs: [{group: spillway.dev, kind: BackendGroup, name: smart}]
  - name: direct
    matches: [{path: {type: PathPrefix, value: /openai}}]
    filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}]
    backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: openai-eu, port: 443}]
---
apiVersion: spillway.dev/v1alpha1
kind: BackendGroup
metadata: {name: smart, namespace: team-a}
spec:
  tiers:
  - {name: local, backends: [{backendRef: {group: "", kind: Service, name: vllm, port: 8000}}]}
  - {name: outside, backends: [{backendRef: {name: openai-eu}, weight: 9, model: gpt-5.5}, {backendRef: {name: partner}}]}
---
apiVersion: v1
kind: Service
metadata: {name: vllm, namespace: team-a, labels: {topology.kubernetes.io/region: eu-central-1}}
spec: {ports: [{port: 8000}], selector: {app: vllm}}
---
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackend
metadata: {name: openai-eu, namespace: team-a, labels: {topology.kubernetes.io/region: eu}}
spec:
  type: ExternalHostname
  externalHostname: {hostname: eu.api.openai.com}
  port: {port: 443}
  protocol: HTTP
  tls: {mode: ServerOnly, validation: {hostname: eu.api.openai.com, wellKnownCACertificates: System}}
---
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackend
metadata: {name: partner, namespace: team-a, labels: {topology.kubernetes.io/region: eu-central-1}}
spec:
  type: ExternalHostname
  externalHostname: {hostname: inference.partner.example}
  port: {port: 8443}
  protocol: HTTP2
  tls:
    mode: ClientAndServer
    clientCertificateRef: {group: spillway.dev, kind: SecretSource, name: partner-cert}
    validation: {hostname: sni.partner.example, caCertificateRefs: [{group: "", kind: ConfigMap, name: partner-ca}], subjectAltNames: [{type: Hostname, hostname: inference.partner.example}]}
---
apiVersion: spillway.dev/v1alpha1
kind: SecretSource
metadata: {name: partner-cert, namespace: team-a}
spec: {awsSecretsManager: {secretId: partner, region: eu-central-1}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: partner-ca, namespace: team-a}
data:
  ca.crt: ${JSON.stringify(PEM)}
---
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackend
metadata: {name: tools, namespace: team-a}
spec: {type: ExternalHostname, externalHostname: {hostname: mcp.tools.example}, port: {port: 443}, protocol: MCP, tls: {mode: ServerOnly}}
---
apiVersion: spillway.dev/v1alpha1
kind: SecretSource
metadata: {name: openai-key, namespace: egress-system}
spec: {googleSecretManager: {name: projects/p/secrets/openai, location: europe-west4}}
---
apiVersion: spillway.dev/v1alpha1
kind: BackendCredentialPolicy
metadata: {name: openai, namespace: team-a}
spec:
  targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: openai-eu}]
  type: Bearer
  bearer: {secretRef: {group: spillway.dev, kind: SecretSource, name: openai-key, namespace: egress-system}}
---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: keys-to-team-a, namespace: egress-system}
spec:
  from: [{group: spillway.dev, kind: BackendCredentialPolicy, namespace: team-a}]
  to: [{group: spillway.dev, kind: SecretSource, name: openai-key}]
---
apiVersion: spillway.dev/v1alpha1
kind: RegionPolicy
metadata: {name: eu-only, namespace: egress-system}
spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}], allow: {regions: [eu], jurisdictions: [EU]}}
`;

describe("compile", () => {
  it("takes a whole organisation's manifests, with every condition good", () => {
    const compiled = compile([{ path: "organisation.yaml", text: ORGANISATION }], NODE);
    expect(compiled.faults).toEqual([]);
    const bad = compiled.conditions.flatMap((object) =>
      object.conditions.filter((one) => one.status !== (["Degraded", "Conflicted"].includes(one.type) ? "False" : "True")).map((one) => [object.name, one]),
    );
    expect(bad).toEqual([]);
    expect([...(compiled.snapshot?.backends.keys() ?? [])].sort()).toEqual([
      "Service/team-a/vllm:8000",
      "XBackend/team-a/openai-eu",
      "XBackend/team-a/partner",
      "XBackend/team-a/tools",
    ]);
    expect(rulesOf(compiled).map((rule) => [rule.id, rule.hostnames, rule.action.kind])).toEqual([
      ["team-a/llm/smart", ["llm.egress.test"], "forward"],
      ["team-a/llm/direct", ["llm.egress.test"], "forward"],
    ]);
  });

  it("gives one id to one set of manifests, whatever their order, files and comments", () => {
    const parts = ORGANISATION.split("\n---\n");
    const id = compile([{ path: "a", text: ORGANISATION }], NODE).snapshot?.id;
    const shuffled = [...parts].reverse().map((text, index) => ({ path: `${index}`, text: `# a comment\n${text}\n` }));
    expect(compile(shuffled, NODE).snapshot?.id).toBe(id);
    expect(id).toMatch(/^[0-9a-f]{16}$/);
    expect(compile([{ path: "a", text: ORGANISATION.replace("120s", "121s") }], NODE).snapshot?.id).not.toBe(id);
  });

  it("is empty for nothing", () => {
    const compiled = compile([], NODE);
    expect([compiled.ok, compiled.snapshot?.gateways, compiled.faults]).toEqual([true, [], []]);
  });

  it("never throws, whatever part of a manifest is cut or overwritten", () => {
    const texts = fc.tuple(
      fc.nat(ORGANISATION.length),
      fc.nat(60),
      fc.constantFrom("", "\n", "{", "]", "a", ": ", "- ", "&a ", "*a", "0", "null", '"', "\t", "é"),
    );
    fc.assert(
      fc.property(texts, ([at, length, insert]) => {
        const compiled = compile([{ path: "cut.yaml", text: ORGANISATION.slice(0, at) + insert + ORGANISATION.slice(at + length) }], NODE);
        expect(compiled.ok).toBe(compiled.snapshot !== null);
        expect(compiled.ok).toBe(!compiled.faults.some((fault) => fault.severity === "error"));
      }),
      { numRuns: 60 },
    );
  });

  it("never throws for values of a wrong kind in any field of an own kind", () => {
    const kinds = ["BrokerConfig", "SecretSource", "BackendCredentialPolicy", "BackendConnectionPolicy", "BackendGroup", "RegionPolicy", "AIBackendPolicy"];
    fc.assert(
      fc.property(fc.constantFrom(...kinds), fc.jsonValue({ maxDepth: 4 }), (kind, spec) => {
        expect(typeof compileAll([own(kind, "x", spec)]).ok).toBe("boolean");
      }),
      { numRuns: 200 },
    );
  });

  it("compiles hundreds of routes in one go", () => {
    const routes = Array.from({ length: 300 }, (_, index) => route(`r${index}`, [{ matches: [{ path: { value: `/p${index}` } }] }]));
    const compiled = compile([{ path: "many.yaml", text: [GATEWAY, NAMESPACES, xBackend("one"), ...routes].join("\n---\n") }], NODE);
    expect(rulesOf(compiled)).toHaveLength(300);
  });

  it("orders faults by file and line", () => {
    const compiled = compileAll(["kind: a\nkind: b\n", "apiVersion: v1\nkind: Namespace\nmetadata: {}\nx: 1\ny: 2\n"]);
    const places = compiled.faults.map((fault) => `${fault.file}:${fault.line}`);
    expect(places).toEqual(["0.yaml:2", "1.yaml:3", "1.yaml:4", "1.yaml:5"]);
  });

  it("shares no state between two runs", () => {
    const first = compileGood([xBackend("one"), route("r", [{ backendRefs: [toXBackend("gone")] }])]);
    const second = compileGood([xBackend("one"), route("r")]);
    expect(first.conditions).not.toEqual(second.conditions);
    expect(compileGood([xBackend("one"), route("r")]).conditions).toEqual(second.conditions);
  });
});
