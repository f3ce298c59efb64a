import { describe, expect, it } from "vitest";
import { PLATFORMS } from "../../adapters/config/platforms.ts";
import { type Compiled, compile, type Platform } from "../../src/config/compile.ts";
import { writeBundle } from "../../src/config/write-bundle.ts";
import { createAuthority } from "../fakes/certificates.ts";

const pair = createAuthority().issue({ dnsNames: ["a.example.com"] });
const encoded = (text: string) => Buffer.from(text).toString("base64");
const secret = (name: string, namespace: string, crt = pair.certPem, key = pair.keyPem) =>
  `apiVersion: v1\nkind: Secret\nmetadata: {name: ${name}, namespace: ${namespace}}\ntype: kubernetes.io/tls\ndata: {tls.crt: ${encoded(crt)}, tls.key: ${encoded(key)}}`;
const grant = (from: string, name = "") =>
  `apiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\nmetadata: {name: grant, namespace: certs}\nspec:\n  from: [{group: gateway.networking.k8s.io, kind: Gateway, namespace: ${from}}]\n  to: [{group: "", kind: Secret${name === "" ? "" : `, name: ${name}`}}]`;

/** Listeners as YAML flow, in a Gateway `infra/egress`. */
function compiled(listeners: readonly string[], more: readonly string[] = [], platform: Platform = { ...PLATFORMS.knative, holdsAllSecrets: true }): Compiled {
  const text = [
    "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: spillway}\nspec: {controllerName: spillway.dev/broker}",
    `apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: egress, namespace: infra}\nspec:\n  gatewayClassName: spillway\n  listeners:\n${listeners.map((one) => `  - ${one}`).join("\n")}`,
    ...more,
  ].join("\n---\n");
  return compile([{ path: "test.yaml", text }], platform);
}

function conditions(from: Compiled, listener: string): Readonly<Record<string, string>> {
  const found = from.conditions.find((one) => one.kind === "Gateway" && one.parent === `Gateway/infra/egress/${listener}`);
  return Object.fromEntries((found?.conditions ?? []).map(({ type, status, reason }) => [type, `${status} ${reason}`]));
}
const served = (from: Compiled) => (from.snapshot?.gateways ?? []).flatMap((gateway) => gateway.listeners.map(({ name }) => name));
const https = (name: string, hostname: string, refs: string, port = 443) =>
  `{name: ${name}, port: ${port}, protocol: HTTPS, ${hostname === "" ? "" : `hostname: "${hostname}", `}tls: {mode: Terminate, certificateRefs: [${refs}]}}`;

describe("certificateRefs of an HTTPS listener", () => {
  const one = https("one", "a.example.com", "{name: cert}");
  const elsewhere = https("one", "a.example.com", "{name: cert, namespace: certs}");
  it.each([
    ["a good one", [one], [secret("cert", "infra")], "True ResolvedRefs", "True Programmed"],
    ["none at all (GatewayInvalidTLSConfiguration)", [https("one", "", "")], [], "False InvalidCertificateRef", "False Invalid"],
    ["one that is not there (GatewayInvalidTLSConfiguration)", [one], [], "False InvalidCertificateRef", "False Invalid"],
    [
      "an unknown group (GatewayInvalidTLSConfiguration)",
      [https("one", "", "{group: wrong.group, kind: Secret, name: cert}")],
      [secret("cert", "infra")],
      "False InvalidCertificateRef",
      "False Invalid",
    ],
    [
      "an unknown kind (GatewayInvalidTLSConfiguration)",
      [https("one", "", "{kind: WrongKind, name: cert}")],
      [secret("cert", "infra")],
      "False InvalidCertificateRef",
      "False Invalid",
    ],
    [
      "one without PEM in it (GatewayInvalidTLSConfiguration)",
      [one],
      [secret("cert", "infra", "Hello world", "Hello world")],
      "False InvalidCertificateRef",
      "False Invalid",
    ],
    [
      "another namespace without a grant (GatewaySecretMissingReferenceGrant)",
      [elsewhere],
      [secret("cert", "certs")],
      "False RefNotPermitted",
      "False Invalid",
    ],
    [
      "a grant for another namespace (GatewaySecretInvalidReferenceGrant)",
      [elsewhere],
      [secret("cert", "certs"), grant("other")],
      "False RefNotPermitted",
      "False Invalid",
    ],
    [
      "a grant for all (GatewaySecretReferenceGrantAllInNamespace)",
      [elsewhere],
      [secret("cert", "certs"), grant("infra")],
      "True ResolvedRefs",
      "True Programmed",
    ],
    [
      "a grant for this one (GatewaySecretReferenceGrantSpecific)",
      [elsewhere],
      [secret("cert", "certs"), grant("infra", "cert")],
      "True ResolvedRefs",
      "True Programmed",
    ],
  ])("%s", (_case, listeners, more, resolvedRefs, programmed) => {
    const found = compiled(listeners, more);
    expect(conditions(found, "one")).toMatchObject({ ResolvedRefs: resolvedRefs, Programmed: programmed });
    expect(served(found)).toEqual(programmed.startsWith("True") ? ["one"] : []);
  });

  it("one of two that is bad is told, and the listener is served with the good one", () => {
    const found = compiled([https("one", "a.example.com", "{name: none}, {name: cert}")], [secret("cert", "infra")]);
    expect(conditions(found, "one")).toMatchObject({ ResolvedRefs: "False InvalidCertificateRef", Programmed: "True Programmed" });
    expect(found.snapshot?.gateways[0]?.listeners[0]?.tls?.certificates.map(({ id }) => id)).toEqual(["Secret/infra/cert/tls"]);
  });

  it("may be mounted where the manifests need not hold all Secrets; a private key never is in a bundle", () => {
    const mounted = compiled([one], [], PLATFORMS.knative);
    expect(conditions(mounted, "one")).toMatchObject({ ResolvedRefs: "True ResolvedRefs" });
    expect(writeBundle(mounted, PLATFORMS.knative)).toContain("tls.crt+tls.key");
    expect(() => writeBundle(compiled([one], [secret("cert", "infra")], PLATFORMS.knative), PLATFORMS.knative)).toThrow("Secret");
    expect(JSON.stringify(compiled([one], [secret("cert", "infra")]))).not.toContain("BEGIN");
  });
});

describe("what an HTTPS listener may say", () => {
  it.each([
    ["Passthrough", "{name: one, port: 443, protocol: HTTPS, tls: {mode: Passthrough}}", "False UnsupportedValue"],
    ["protocol TLS", "{name: one, port: 443, protocol: TLS, tls: {mode: Passthrough}}", "False UnsupportedProtocol"],
    ["protocol TCP", "{name: one, port: 443, protocol: TCP}", "False UnsupportedProtocol"],
    ["protocol UDP", "{name: one, port: 443, protocol: UDP}", "False UnsupportedProtocol"],
    ["tls with protocol HTTP", "{name: one, port: 443, protocol: HTTP, tls: {certificateRefs: [{name: cert}]}}", "False UnsupportedProtocol"],
  ])("%s is refused", (_case, listener, accepted) => {
    const found = compiled([listener], [secret("cert", "infra")]);
    expect(conditions(found, "one")).toMatchObject({ Accepted: accepted, Programmed: "False Invalid" });
    expect(served(found)).toEqual([]);
  });

  it("without a port for TLS it is not served", () => {
    const found = compiled([https("one", "", "{name: cert}")], [secret("cert", "infra")], { ...PLATFORMS.knative, terminatesTls: false });
    expect(conditions(found, "one")).toMatchObject({ Accepted: "False PortUnavailable", Programmed: "False Invalid" });
  });

  it.each(["workers", "lambda"] as const)("on %s the platform presents its own certificate, and certificateRefs are warned of", (name) => {
    const found = compiled([https("one", "", "{name: cert}")], [], PLATFORMS[name]);
    expect(served(found)).toEqual(["one"]);
    expect(found.snapshot?.gateways[0]?.listeners[0]?.tls).toEqual({ certificates: [] });
    expect(found.faults.map(({ severity, pointer }) => `${severity} ${pointer}`)).toContain("warning /spec/listeners/0/tls/certificateRefs");
  });

  it("HTTP and HTTPS on one port are a conflict", () => {
    const found = compiled([https("one", "", "{name: cert}", 80), "{name: two, port: 80, protocol: HTTP}"], [secret("cert", "infra")]);
    expect(conditions(found, "one")).toMatchObject({ Conflicted: "True ProtocolConflict" });
  });
});

describe("OverlappingTLSConfig", () => {
  const certs = [secret("cert", "infra"), secret("other", "infra")];
  it.each([
    ["a wildcard and a name under it", ["a.example.com", "*.example.com"], ["cert", "other"], "True OverlappingHostnames"],
    ["any host and a name", ["", "a.example.com"], ["cert", "other"], "True OverlappingHostnames"],
    ["nested wildcards", ["*.b.example.com", "*.example.com"], ["cert", "other"], "True OverlappingHostnames"],
    ["one certificate for both", ["a.example.com", "b.example.com"], ["cert", "cert"], "True OverlappingCertificates"],
    ["nothing in common", ["a.example.com", "b.example.com"], ["cert", "other"], undefined],
    ["a name and a wildcard beside it", ["example.com", "*.example.com"], ["cert", "other"], undefined],
  ])("%s", (_case, [one = "", two = ""], [first = "", second = ""], expected) => {
    const found = compiled([https("one", one, `{name: ${first}}`), https("two", two, `{name: ${second}}`)], certs);
    for (const name of ["one", "two"]) expect(conditions(found, name)["OverlappingTLSConfig"]).toBe(expected);
    expect(served(found)).toEqual(["one", "two"]);
  });

  it("does not look over ports", () => {
    const found = compiled([https("one", "", "{name: cert}"), https("two", "", "{name: cert}", 8443)], certs);
    expect(conditions(found, "one")["OverlappingTLSConfig"]).toBeUndefined();
  });
});
