import { describe, expect, it } from "vitest";
import { OPENAI_QUIRKS } from "../../../src/config/api-presets.ts";
import { PLAIN_DNS } from "../../../src/model/backend.ts";
import { Secret } from "../../../src/model/secret.ts";
import { policyPrice } from "../../pricing/priced.ts";
import { backendOf, compileGood, conditionOf, FETCH_ONLY, grant, own, route, rulesOf, toXBackend, xBackend } from "./compile-text.ts";

const PEM = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgI=\n-----END CERTIFICATE-----\n";
const configMap = (name: string, data: unknown) => JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "team-a" }, data });
const secret = (name: string, stringData: unknown, namespace = "team-a") =>
  JSON.stringify({ apiVersion: "v1", kind: "Secret", metadata: { name, namespace }, stringData });
const service = (name: string, spec: unknown, namespace = "team-a") =>
  JSON.stringify({ apiVersion: "v1", kind: "Service", metadata: { name, namespace, labels: { "topology.kubernetes.io/region": "eu-central-1" } }, spec });
const policy = (kind: string, name: string, spec: object, target: unknown = toXBackend("one"), metadata: Readonly<Record<string, unknown>> = {}) =>
  own(kind, name, { targetRefs: [target], ...spec }, "team-a", metadata);
const KEY = "XBackend/team-a/one";
const accepted = (spec: Readonly<Record<string, unknown>>, extra: readonly string[] = [], platform?: typeof FETCH_ONLY) =>
  conditionOf(compileGood([xBackend("one", spec), ...extra], platform), "XBackend", "one", "Accepted");

describe("XBackend", () => {
  it("compiles with the defaults of the contract", () => {
    const backend = backendOf(compileGood([xBackend("one", {}, { labels: { "topology.kubernetes.io/region": "eu" } })]), KEY);
    expect(backend).toMatchObject({
      key: KEY,
      origin: { scheme: "https", hostname: "one.example.com", port: 443 },
      authority: "one.example.com",
      protocol: "http1",
      tls: {
        serverName: "one.example.com",
        ca: null,
        subjectAltNames: [],
        clientCertificate: null,
        clientCertificateBinding: null,
        minVersion: "TLSv1.2",
        pins: [],
        crl: null,
      },
      dns: PLAIN_DNS,
      timeouts: { connectMs: 3_000, firstByteMs: 20_000, streamIdleMs: 30_000 },
      credential: null,
      api: null,
      region: { declared: "eu", fromHost: null },
    });
    expect(backendOf(compileGood([xBackend("one", { port: { port: 8443 } })]), KEY).authority).toBe("one.example.com:8443");
  });

  it("refuses every name that is no outside service, and its calls", () => {
    const names = [
      "localhost",
      "a.localhost",
      "127.0.0.1",
      "2130706433",
      "0x7f000001",
      "0x7f.0.0.1",
      "0177.0.0.1",
      "127.1",
      "[::1]",
      "::1",
      "fe80::1",
      "169.254.169.254",
      "db.prod.svc.cluster.local",
      "intranet",
      "Upper.example.com",
      "a..b",
      "a.example.com.",
      "-a.example.com",
      "a_b.example.com",
      "999.1",
    ];
    for (const hostname of names) {
      const compiled = compileGood([xBackend("one", { externalHostname: { hostname } }), route("r")]);
      expect([hostname, conditionOf(compiled, "XBackend", "one", "Accepted")]).toEqual([hostname, "False/Invalid"]);
      expect(rulesOf(compiled)[0]?.action).toMatchObject({ kind: "forward", targets: [{ weight: 1, target: { kind: "invalid" } }] });
      expect(compiled.snapshot.backends.size).toBe(0);
    }
    for (const hostname of ["api.openai.com", "0x.example.com", "1.example", "xn--bcher-kva.example"])
      expect([hostname, accepted({ externalHostname: { hostname } })]).toEqual([hostname, "True/Accepted"]);
  });

  it("refuses plaintext that nobody asked for, with the advice", () => {
    const text = JSON.parse(xBackend("one")) as { spec: Record<string, unknown> };
    delete text.spec["tls"];
    const compiled = compileGood([JSON.stringify(text)]);
    const message = compiled.conditions.find((object) => object.kind === "XBackend")?.conditions.find((one) => one.type === "Accepted")?.message;
    expect(message).toContain("tls: {mode: None}");
    expect(message).toContain("tls: {mode: ServerOnly}");
    const plain = backendOf(compileGood([xBackend("one", { tls: { mode: "None" }, port: { port: 80 } })]), KEY);
    expect([plain.tls, plain.origin.scheme, plain.authority]).toEqual([null, "http", "one.example.com"]);
  });

  it("reads certificate authorities, names and client certificates", () => {
    const backend = backendOf(
      compileGood([
        xBackend("one", {
          tls: {
            mode: "ClientAndServer",
            clientCertificateRef: { name: "client" },
            validation: {
              hostname: "sni.example.com",
              caCertificateRefs: [
                { group: "", kind: "ConfigMap", name: "ca" },
                { group: "", kind: "Secret", name: "ca2" },
              ],
              subjectAltNames: [
                { type: "Hostname", hostname: "*.example.com" },
                { type: "URI", uri: "spiffe://example.com/ns/a/sa/b" },
              ],
            },
          },
        }),
        configMap("ca", { "ca.crt": PEM }),
        secret("ca2", { "ca.crt": PEM }),
        secret("client", { "tls.crt": "CERT\n", "tls.key": "KEY\n" }),
      ]),
      KEY,
    );
    expect(backend.tls).toMatchObject({
      serverName: "sni.example.com",
      ca: PEM + PEM,
      subjectAltNames: [
        { type: "Hostname", value: "*.example.com" },
        { type: "URI", value: "spiffe://example.com/ns/a/sa/b" },
      ],
    });
    const location = backend.tls?.clientCertificate?.location;
    expect(location?.provider === "kubernetesSecret" && location.inline?.reveal()).toBe("CERT\nKEY\n");
  });

  it("refuses TLS settings that are incomplete, contradictory or unknown", () => {
    const validation = (more: object) => ({ tls: { mode: "ServerOnly", validation: { hostname: "one.example.com", ...more } } });
    const ca = { group: "", kind: "ConfigMap", name: "ca" };
    expect(accepted(validation({}))).toBe("False/Invalid");
    expect(accepted(validation({ caCertificateRefs: [ca], wellKnownCACertificates: "System" }), [configMap("ca", { "ca.crt": PEM })])).toBe("False/Invalid");
    expect(accepted(validation({ wellKnownCACertificates: "Mozilla" }))).toBe("False/UnsupportedValue");
    expect(accepted(validation({ caCertificateRefs: [ca] }))).toBe("False/NoValidCACertificate");
    expect(accepted(validation({ caCertificateRefs: [ca] }), [configMap("ca", { "ca.crt": "not a certificate" })])).toBe("False/NoValidCACertificate");
    expect(accepted(validation({ wellKnownCACertificates: "System", subjectAltNames: [{ type: "Email", hostname: "a" }] }))).toBe("False/UnsupportedValue");
    expect(accepted(validation({ wellKnownCACertificates: "System", subjectAltNames: [{ type: "URI", hostname: "a.example.com" }] }))).toBe("False/Invalid");
    expect(accepted({ tls: { mode: "Optional" } })).toBe("False/UnsupportedValue");
    expect(accepted({ tls: { mode: "ClientAndServer" } })).toBe("False/Invalid");
    expect(accepted({ tls: { mode: "ServerOnly", clientCertificateRef: { name: "x" } } })).toBe("False/Invalid");
    expect(accepted({ type: "EndpointSelector" })).toBe("False/UnsupportedValue");
    const missing = compileGood([xBackend("one", { tls: { mode: "ClientAndServer", clientCertificateRef: { name: "x" } } })]);
    expect(conditionOf(missing, "XBackend", "one", "ResolvedRefs")).toBe("False/InvalidClientCertificateRef");
    expect(missing.snapshot.backends.size).toBe(0);
  });

  it("goes on with the good certificate authorities and tells of the bad one", () => {
    const refs = ["ca", "gone"].map((name) => ({ group: "", kind: "ConfigMap", name }));
    const compiled = compileGood([
      xBackend("one", { tls: { mode: "ServerOnly", validation: { hostname: "one.example.com", caCertificateRefs: refs } } }),
      configMap("ca", { "ca.crt": PEM }),
    ]);
    expect(conditionOf(compiled, "XBackend", "one", "ResolvedRefs")).toBe("False/InvalidCACertificateRef");
    expect(backendOf(compiled, KEY).tls?.ca).toBe(PEM);
  });

  it("maps protocols, and refuses those that do not fit", () => {
    const protocolOf = (protocol: string, more: object = {}) => backendOf(compileGood([xBackend("one", { protocol, ...more })]), KEY).protocol;
    const plain = { tls: { mode: "None" } };
    expect(["HTTP", "HTTP11", "MCP", "HTTP2"].map((protocol) => protocolOf(protocol))).toEqual(["http1", "http1", "http1", "h2"]);
    expect(protocolOf("H2C", plain)).toBe("h2c");
    expect(accepted({ protocol: "TCP" })).toBe("False/UnsupportedValue");
    expect(accepted({ protocol: "GRPC" })).toBe("False/UnsupportedValue");
    expect(accepted({ protocol: "HTTP2", ...plain })).toBe("False/Invalid");
    expect(accepted({ protocol: "H2C" })).toBe("False/Invalid");
  });

  it("refuses what the platform cannot do, never drops it", () => {
    const ca = [{ group: "", kind: "ConfigMap", name: "ca" }];
    const validation = { hostname: "one.example.com", caCertificateRefs: ca };
    expect(accepted({}, [], FETCH_ONLY)).toBe("True/Accepted");
    expect(accepted({ tls: { mode: "ServerOnly", validation } }, [configMap("ca", { "ca.crt": PEM })], FETCH_ONLY)).toBe("False/UnsupportedValue");
    expect(accepted({ tls: { mode: "ServerOnly", validation: { hostname: "other.example.com", wellKnownCACertificates: "System" } } }, [], FETCH_ONLY)).toBe(
      "False/UnsupportedValue",
    );
    const named = { hostname: "one.example.com", wellKnownCACertificates: "System", subjectAltNames: [{ type: "Hostname", hostname: "a.example.com" }] };
    expect(accepted({ tls: { mode: "ServerOnly", validation: named } }, [], FETCH_ONLY)).toBe("False/UnsupportedValue");
    expect(accepted({ protocol: "HTTP2" }, [], FETCH_ONLY)).toBe("False/UnsupportedValue");
    const renamed = route("r", [{ filters: [{ type: "URLRewrite", urlRewrite: { hostname: "other.example.com" } }], backendRefs: [toXBackend("one")] }]);
    expect(rulesOf(compileGood([xBackend("one"), renamed], FETCH_ONLY)).map((rule) => rule.action.kind)).toEqual(["rejected"]);
    expect(rulesOf(compileGood([xBackend("one"), renamed])).map((rule) => rule.action.kind)).toEqual(["forward"]);
    const pinned = compileGood([xBackend("one"), policy("BackendConnectionPolicy", "p", { dns: { addresses: ["127.0.0.1"] } }), route("r")], FETCH_ONLY);
    expect(conditionOf(pinned, "XBackend", "one", "Accepted")).toBe("False/UnsupportedValue");
    expect(conditionOf(pinned, "BackendConnectionPolicy", "p", "Accepted")).toBe("False/UnsupportedValue");
    expect(rulesOf(pinned)[0]?.action).toMatchObject({ targets: [{ target: { kind: "invalid" } }] });
  });

  it("compares the region of the label with that of the hostname", () => {
    const at = (region: string, hostname: string) =>
      compileGood([xBackend("one", { externalHostname: { hostname } }, { labels: { "topology.kubernetes.io/region": region } })]);
    expect(conditionOf(at("us-east-1", "bedrock-runtime.eu-central-1.amazonaws.com"), "XBackend", "one", "Accepted")).toBe("False/RegionMismatch");
    expect(backendOf(at("eu", "eu.api.openai.com"), KEY).region).toMatchObject({ declared: "eu", fromHost: "eu" });
  });
});

describe("Service", () => {
  const ref = { name: "vllm", port: 8000 };
  const ports = [{ port: 8000 }, { port: 80, appProtocol: "kubernetes.io/h2c" }, { port: 443, appProtocol: "https" }, { port: 53, protocol: "UDP" }];

  it("is reached by its name in plaintext", () => {
    const compiled = compileGood([service("vllm", { ports }), route("r", [{ backendRefs: [ref, { ...ref, port: 80 }] }])]);
    expect(backendOf(compiled, "Service/team-a/vllm:8000")).toMatchObject({
      kind: "Service",
      origin: { scheme: "http", hostname: "vllm.team-a.svc", port: 8000 },
      authority: "vllm.team-a.svc:8000",
      protocol: "http1",
      tls: null,
      dns: { allowCIDRs: ["0.0.0.0/0", "::/0"] },
      region: { declared: "eu-central-1" },
    });
    expect(backendOf(compiled, "Service/team-a/vllm:80")).toMatchObject({ authority: "vllm.team-a.svc", protocol: "h2c" });
  });

  it("is invalid without a port, with a foreign port or protocol, as ExternalName, unknown, or where the platform has no cluster", () => {
    const reasonOf = (backendRef: object, spec: unknown = { ports }, platform?: typeof FETCH_ONLY) =>
      conditionOf(compileGood([service("vllm", spec), route("r", [{ backendRefs: [backendRef] }])], platform), "HTTPRoute", "r", "ResolvedRefs");
    expect(reasonOf(ref)).toBe("True/ResolvedRefs");
    expect(reasonOf({ name: "vllm" })).toBe("False/BackendNotFound");
    expect(reasonOf({ name: "vllm", port: 9 })).toBe("False/BackendNotFound");
    expect(reasonOf({ name: "vllm", port: 53 })).toBe("False/BackendNotFound");
    expect(reasonOf({ name: "vllm", port: 443 })).toBe("False/UnsupportedProtocol");
    expect(reasonOf({ name: "gone", port: 80 })).toBe("False/BackendNotFound");
    expect(reasonOf(ref, { type: "ExternalName", externalName: "evil.example", ports })).toBe("False/UnsupportedValue");
    expect(reasonOf(ref, { ports }, FETCH_ONLY)).toBe("False/UnsupportedValue");
  });

  it("needs a ReferenceGrant in another namespace, which also can be taken back", () => {
    const documents = [service("vllm", { ports }, "team-b"), route("r", [{ backendRefs: [{ ...ref, namespace: "team-b" }] }])];
    const from = { group: "gateway.networking.k8s.io", kind: "HTTPRoute", namespace: "team-a" };
    const resolve = (...grants: string[]) => conditionOf(compileGood([...documents, ...grants]), "HTTPRoute", "r", "ResolvedRefs");
    expect(resolve()).toBe("False/RefNotPermitted");
    expect(resolve(grant("team-b", from, { group: "", kind: "Service" }))).toBe("True/ResolvedRefs");
    expect(resolve(grant("team-b", from, { group: "", kind: "Service", name: "vllm" }))).toBe("True/ResolvedRefs");
    expect(resolve(grant("team-b", from, { group: "", kind: "Service", name: "other" }))).toBe("False/RefNotPermitted");
    expect(resolve(grant("team-b", { ...from, kind: "GRPCRoute" }, { group: "", kind: "Service" }))).toBe("False/RefNotPermitted");
    expect(resolve(grant("team-b", { ...from, group: "example.com" }, { group: "", kind: "Service" }))).toBe("False/RefNotPermitted");
    expect(resolve(grant("team-b", from, { group: "", kind: "Secret" }))).toBe("False/RefNotPermitted");
    expect(resolve(grant("team-b", { ...from, namespace: "team-c" }, { group: "", kind: "Service" }))).toBe("False/RefNotPermitted");
    expect(resolve(grant("team-a", from, { group: "", kind: "Service" }))).toBe("False/RefNotPermitted");
  });
});

describe("policies on backends", () => {
  const sourceRef = (namespace?: string) => ({ group: "spillway.dev", kind: "SecretSource", name: "key", ...(namespace === undefined ? {} : { namespace }) });
  const source = (namespace = "team-a", spec: unknown = { env: { name: "KEY" } }) => own("SecretSource", "key", spec, namespace);
  const bearer = (ref: unknown) => policy("BackendCredentialPolicy", "p", { type: "Bearer", bearer: { secretRef: ref } });

  it("links every kind of secret", () => {
    const locationOf = (spec: unknown, ...more: string[]) => {
      const plan = backendOf(compileGood([xBackend("one"), source("team-a", spec), bearer(sourceRef()), ...more]), KEY).credential;
      return plan?.type === "bearer" ? plan.secret.location : null;
    };
    expect(locationOf({ env: { name: "KEY" } })).toEqual({ provider: "env", name: "KEY" });
    expect(locationOf({ file: { path: "/run/key" } })).toEqual({ provider: "file", path: "/run/key", jsonKey: null });
    expect(locationOf({ awsSecretsManager: { secretId: "a", region: "eu-central-1", jsonKey: "k" } })).toEqual({
      provider: "awsSecretsManager",
      secretId: "a",
      region: "eu-central-1",
      versionStage: "AWSCURRENT",
      jsonKey: "k",
    });
    expect(locationOf({ googleSecretManager: { name: "projects/p/secrets/s" } })).toEqual({
      provider: "googleSecretManager",
      name: "projects/p/secrets/s/versions/latest",
      location: null,
      jsonKey: null,
    });
    expect(locationOf({ kubernetesSecret: { name: "s", key: "k" } })).toEqual({
      provider: "kubernetesSecret",
      namespace: "team-a",
      name: "s",
      key: "k",
      inline: null,
    });
    expect(locationOf({ kubernetesSecret: { name: "s" } }, secret("s", { token: "t", other: "o" }))).toEqual({
      provider: "kubernetesSecret",
      namespace: "team-a",
      name: "s",
      key: "token",
      inline: new Secret("t", null),
    });
  });

  it("reads a core Secret, with its default key, out of base64", () => {
    const plan = (data: unknown, ref: object = {}) => {
      const core = JSON.stringify({ apiVersion: "v1", kind: "Secret", metadata: { name: "s", namespace: "team-a" }, data });
      return compileGood([xBackend("one"), core, bearer({ name: "s", ...ref })]);
    };
    const inlineValue = (compiled: ReturnType<typeof plan>) => {
      const credential = compiled.snapshot.backends.get(KEY)?.credential;
      return credential?.type === "bearer" && credential.secret.location.provider === "kubernetesSecret" ? credential.secret.location.inline?.reveal() : null;
    };
    expect(inlineValue(plan({ anything: btoa("v") }))).toBe("v");
    expect(inlineValue(plan({ value: btoa("v"), token: btoa("t") }))).toBe("v");
    expect(inlineValue(plan({ a: btoa("1"), b: btoa("2") }, { key: "b" }))).toBe("2");
    expect(conditionOf(plan({ a: btoa("1"), b: btoa("2") }), "BackendCredentialPolicy", "p", "ResolvedRefs")).toBe("False/SecretMalformed");
    expect(conditionOf(plan({ value: "%%%" }), "BackendCredentialPolicy", "p", "ResolvedRefs")).toBe("False/SecretMalformed");
    expect(JSON.stringify(plan({ value: btoa("hunter2") }))).not.toContain("hunter2");
  });

  it("takes the defaults of a SecretSource and its own refresh", () => {
    const refreshOf = (spec: unknown) => {
      const plan = backendOf(compileGood([xBackend("one"), source("team-a", spec), bearer(sourceRef())]), KEY).credential;
      return plan?.type === "bearer" ? plan.secret.refresh : null;
    };
    expect(refreshOf({ env: { name: "A" } })).toEqual({ intervalMs: 300_000, jitterPercent: 10, staleForMs: 3_600_000 });
    expect(refreshOf({ env: { name: "A" }, refresh: { interval: "1m30s", jitterPercent: 0, staleFor: "0s" } })).toEqual({
      intervalMs: 90_000,
      jitterPercent: 0,
      staleForMs: 0,
    });
  });

  it("never calls a backend whose credential cannot be resolved", () => {
    const compiled = compileGood([xBackend("one"), bearer(sourceRef()), route("r")]);
    expect(conditionOf(compiled, "BackendCredentialPolicy", "p", "ResolvedRefs")).toBe("False/SecretNotFound");
    expect(conditionOf(compiled, "XBackend", "one", "ResolvedRefs")).toBe("False/SecretNotFound");
    expect(rulesOf(compiled)[0]?.action).toMatchObject({ targets: [{ target: { kind: "invalid" } }] });
  });

  it("needs a ReferenceGrant for a SecretSource elsewhere", () => {
    const from = { group: "spillway.dev", kind: "BackendCredentialPolicy", namespace: "team-a" };
    const to = { group: "spillway.dev", kind: "SecretSource", name: "key" };
    const documents = [xBackend("one"), source("infra"), bearer(sourceRef("infra"))];
    expect(conditionOf(compileGood(documents), "BackendCredentialPolicy", "p", "ResolvedRefs")).toBe("False/RefNotPermitted");
    expect(conditionOf(compileGood([...documents, grant("infra", from, to)]), "BackendCredentialPolicy", "p", "ResolvedRefs")).toBe("True/ResolvedRefs");
  });

  it("knows which platform can read which secret", () => {
    const reason = (spec: unknown, platform?: typeof FETCH_ONLY) =>
      conditionOf(compileGood([source("team-a", spec)], platform), "SecretSource", "key", "Accepted");
    expect(reason({ file: { path: "/a" } }, FETCH_ONLY)).toBe("False/UnsupportedOnPlatform");
    expect(reason({ binding: { name: "A" } }, FETCH_ONLY)).toBe("True/Accepted");
    expect(reason({ awsSecretsManager: { secretId: "a", region: "eu-central-1" } }, FETCH_ONLY)).toBe("True/Accepted");
    expect(reason({ googleSecretManager: { name: "projects/p/secrets/a" } }, FETCH_ONLY)).toBe("True/Accepted");
    expect(reason({ binding: { name: "A" } })).toBe("False/UnsupportedOnPlatform");
  });

  it("compiles the credential types", () => {
    const planOf = (spec: object) => backendOf(compileGood([xBackend("one"), source(), policy("BackendCredentialPolicy", "p", spec)]), KEY).credential;
    const secretRef = sourceRef();
    expect(planOf({ type: "APIKey", apiKey: { secretRef, in: "Header", name: "X-Api-Key" } })).toMatchObject({
      type: "apiKey",
      in: "header",
      name: "x-api-key",
      prefix: "",
      stripClientCredentials: true,
    });
    expect(planOf({ type: "APIKey", apiKey: { secretRef, in: "Query", name: "Key" }, stripClientCredentials: false })).toMatchObject({
      type: "apiKey",
      in: "query",
      name: "Key",
      stripClientCredentials: false,
    });
    expect(planOf({ type: "Passthrough", passthrough: {} })).toEqual({ type: "passthrough", stripClientCredentials: false });
  });

  it("compiles connection and API policies", () => {
    const backend = backendOf(
      compileGood([
        xBackend("one"),
        policy("BackendConnectionPolicy", "c", {
          timeouts: { connect: "1s", firstByte: "0s" },
          dns: { addresses: ["::1"], allowCIDRs: ["fd00::/8"] },
          tls: { minVersion: "1.3" },
        }),
        policy("AIBackendPolicy", "a", {
          schema: { name: "Anthropic", prefix: "/v1/" },
          models: [{ name: "smart", upstream: "claude", price: { inputPerMTok: "1.25", outputPerMTok: 10 } }, { name: "*-mini" }],
        }),
      ]),
      KEY,
    );
    expect(backend).toMatchObject({
      timeouts: { connectMs: 1_000, firstByteMs: null, streamIdleMs: 30_000 },
      dns: { addresses: ["::1"], allowCIDRs: ["fd00::/8"] },
      tls: { minVersion: "TLSv1.3" },
    });
    expect(backend.api).toEqual({
      schema: "Anthropic",
      provider: "anthropic",
      quirks: OPENAI_QUIRKS,
      apiVersion: null,
      project: null,
      location: null,
      maxOutputTokens: 4_096,
      prefix: "/v1",
      models: [
        { name: "smart", upstream: "claude", price: policyPrice({ inputPerMTok: 1.25, outputPerMTok: 10 }) },
        { name: "*-mini", upstream: null, price: null },
      ],
      onUnknownModel: "Reject",
    });
    const open = backendOf(compileGood([xBackend("one"), policy("AIBackendPolicy", "a", { schema: { name: "OpenAI" } })]), KEY).api;
    expect([open?.prefix, open?.onUnknownModel]).toEqual([null, "Pass"]);
  });

  it("lets the older of two policies win, else the first by name, and tells", () => {
    const api = (name: string, schema: string, createdAt?: string) =>
      policy("AIBackendPolicy", name, { schema: { name: schema } }, toXBackend("one"), createdAt === undefined ? {} : { creationTimestamp: createdAt });
    const byName = compileGood([xBackend("one"), api("b", "OpenAI"), api("a", "Anthropic")]);
    expect(backendOf(byName, KEY).api?.schema).toBe("Anthropic");
    expect(conditionOf(byName, "AIBackendPolicy", "b", "Accepted")).toBe("False/Conflicted");
    expect(conditionOf(byName, "AIBackendPolicy", "a", "Accepted")).toBe("True/Accepted");
    expect(byName.faults).toMatchObject([{ severity: "warning", pointer: "/spec/targetRefs/0", name: "b" }]);
    const byAge = compileGood([xBackend("one"), api("b", "OpenAI", "2025-01-01T00:00:00Z"), api("a", "Anthropic", "2026-01-01T00:00:00Z")]);
    expect(backendOf(byAge, KEY).api?.schema).toBe("OpenAI");
    expect(conditionOf(byAge, "AIBackendPolicy", "a", "Accepted")).toBe("False/Conflicted");
  });

  it("says when a target is missing", () => {
    expect(conditionOf(compileGood([policy("AIBackendPolicy", "a", { schema: { name: "OpenAI" } })]), "AIBackendPolicy", "a", "Accepted")).toBe(
      "False/TargetNotFound",
    );
  });

  it("warns of a credential in plaintext", () => {
    const compiled = compileGood([xBackend("one", { tls: { mode: "None" } }), source(), bearer(sourceRef())]);
    expect(compiled.faults).toMatchObject([{ severity: "warning", pointer: "/spec/tls/mode" }]);
  });
});
