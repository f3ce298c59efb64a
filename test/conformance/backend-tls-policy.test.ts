import { describe, expect, it } from "vitest";
import { createUndiciTransport } from "../../adapters/transport/undici-transport.ts";
import type { OutboundRequest } from "../../src/index.ts";
import { createAuthority } from "../fakes/certificates.ts";
import { reply, startUpstream } from "../fakes/upstream.ts";
import { backendOf, compileGood, conditionOf, FETCH_ONLY, NODE, own, route } from "../unit/config/compile-text.ts";

/** BackendTLSPolicy toward Services (upstream: BackendTLSPolicy and its six siblings). */
const authority = createAuthority();
const ca = (name: string, pem = authority.caPem) =>
  JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "team-a" }, data: { "ca.crt": pem } });
const service = (
  ports: readonly object[] = [
    { name: "https", port: 8443 },
    { name: "other", port: 8444 },
  ],
) => JSON.stringify({ apiVersion: "v1", kind: "Service", metadata: { name: "inner", namespace: "team-a" }, spec: { ports } });
const VALIDATION = { hostname: "inner.example", caCertificateRefs: [{ group: "", kind: "ConfigMap", name: "ca" }] };
const policy = (name: string, validation: object = {}, target: object = {}, metadata: object = {}) =>
  JSON.stringify({
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "BackendTLSPolicy",
    metadata: { name, namespace: "team-a", ...metadata },
    spec: { targetRefs: [{ group: "", kind: "Service", name: "inner", ...target }], validation: { ...VALIDATION, ...validation } },
  });
const toInner = (port = 8443) => route("r", [{ backendRefs: [{ name: "inner", port }] }]);
const world = (documents: readonly string[], port = 8443, platform = NODE) => compileGood([ca("ca"), toInner(port), ...documents], platform);
const KEY = "Service/team-a/inner:8443";
const accepted = (compiled: ReturnType<typeof world>, name: string) => conditionOf(compiled, "BackendTLSPolicy", name, "Accepted");

describe("a BackendTLSPolicy", () => {
  it("turns a Service into one that is called by TLS", () => {
    const compiled = world([service(), policy("p", { subjectAltNames: [{ type: "URI", uri: "spiffe://a/b" }] })]);
    expect(backendOf(compiled, KEY)).toMatchObject({
      origin: { scheme: "https", hostname: "inner.team-a.svc", port: 8443 },
      authority: "inner.team-a.svc:8443",
      tls: { serverName: "inner.example", ca: expect.stringContaining("BEGIN CERTIFICATE"), subjectAltNames: [{ type: "URI", value: "spiffe://a/b" }] },
    });
    expect(accepted(compiled, "p")).toBe("True/Accepted");
    expect(backendOf(world([service()]), KEY)).toMatchObject({ origin: { scheme: "http" }, tls: null });
  });

  it("for one port leaves the others alone, and goes before one for the whole Service", () => {
    const one = policy("one", { hostname: "one.example" }, { sectionName: "https" });
    expect(backendOf(world([service(), one], 8444), "Service/team-a/inner:8444").tls).toBeNull();
    expect(backendOf(world([service(), one, policy("all")]), KEY).tls?.serverName).toBe("one.example");
    expect(backendOf(world([service(), one, policy("all")], 8444), "Service/team-a/inner:8444").tls?.serverName).toBe("inner.example");
  });

  it("gives way to an older one, else to the first by name (BackendTLSPolicyConflictResolution)", () => {
    const byName = world([service(), policy("b", { hostname: "b.example" }), policy("a", { hostname: "a.example" })]);
    expect([backendOf(byName, KEY).tls?.serverName, accepted(byName, "a"), accepted(byName, "b")]).toEqual(["a.example", "True/Accepted", "False/Conflicted"]);
    const byAge = world([
      service(),
      policy("a", { hostname: "a.example" }, {}, { creationTimestamp: "2026-02-01T00:00:00Z" }),
      policy("b", { hostname: "b.example" }, {}, { creationTimestamp: "2026-01-01T00:00:00Z" }),
    ]);
    expect([backendOf(byAge, KEY).tls?.serverName, accepted(byAge, "a")]).toEqual(["b.example", "False/Conflicted"]);
  });

  it.each([
    [
      "no such ConfigMap",
      { caCertificateRefs: [{ group: "", kind: "ConfigMap", name: "forgotten" }] },
      "False/NoValidCACertificate",
      "False/InvalidCACertificateRef",
    ],
    ["another kind", { caCertificateRefs: [{ group: "", kind: "Service", name: "ca" }] }, "False/NoValidCACertificate", "False/InvalidKind"],
    ["no authority", { caCertificateRefs: [] }, "False/Invalid", "True/ResolvedRefs"],
    ["two kinds of authority", { wellKnownCACertificates: "System" }, "False/Invalid", "True/ResolvedRefs"],
    ["a well-known set that is not known", { caCertificateRefs: [], wellKnownCACertificates: "Mine" }, "False/UnsupportedValue", "True/ResolvedRefs"],
    ["a wildcard", { hostname: "*.example" }, "False/Invalid", "True/ResolvedRefs"],
    ["a name of a kind that is not known", { subjectAltNames: [{ type: "Email", hostname: "a" }] }, "False/UnsupportedValue", "True/ResolvedRefs"],
  ])("with %s never falls back to plaintext: its calls get 500 (BackendTLSPolicyInvalidCACertificateRef and -Kind)", (_, validation, reason, refs) => {
    const compiled = world([service(), policy("p", validation)]);
    expect([accepted(compiled, "p"), conditionOf(compiled, "BackendTLSPolicy", "p", "ResolvedRefs")]).toEqual([reason, refs]);
    expect(compiled.snapshot.backends.has(KEY)).toBe(false);
    expect(compiled.snapshot.gateways[0]?.listeners[0]?.routes.rules[0]?.action).toMatchObject({ targets: [{ target: { kind: "invalid" } }] });
  });

  it("needs a Service and a port that exist, and is not for an XBackend", () => {
    expect(accepted(world([service(), policy("p", {}, { name: "forgotten" })]), "p")).toBe("False/TargetNotFound");
    expect(accepted(world([service(), policy("p", {}, { sectionName: "forgotten" })]), "p")).toBe("False/TargetNotFound");
    expect(accepted(world([service(), policy("p", {}, { group: "gateway.networking.x-k8s.io", kind: "XBackend" })]), "p")).toBe("False/Invalid");
  });

  it("does not go with h2c", () => {
    const compiled = world([service([{ name: "https", port: 8443, appProtocol: "kubernetes.io/h2c" }]), policy("p")]);
    expect(conditionOf(compiled, "HTTPRoute", "r", "ResolvedRefs")).toBe("False/UnsupportedProtocol");
  });

  it("is refused where the platform cannot carry it out, and the port with it", () => {
    const compiled = world([service(), policy("p")], 8443, FETCH_ONLY);
    expect(accepted(compiled, "p")).toBe("False/UnsupportedValue");
    expect(compiled.snapshot.backends.has(KEY)).toBe(false);
  });
});

describe("on the wire", () => {
  it.each([
    ["the right name", ["inner.example"], {}, "answer"],
    ["another name", ["other.example"], {}, "untrusted"],
    ["the right alternative name", ["other.example"], { subjectAltNames: [{ type: "Hostname", hostname: "other.example" }] }, "answer"],
    ["another alternative name", ["inner.example"], { subjectAltNames: [{ type: "Hostname", hostname: "other.example" }] }, "untrusted"],
  ])("a server with %s gives: %s %j %s", async (_, dnsNames, validation, outcome) => {
    const { certPem, keyPem } = authority.issue({ dnsNames });
    const upstream = await startUpstream((socket) => void socket.end(reply("well")), { cert: certPem, key: keyPem });
    const transport = createUndiciTransport({});
    const { port } = upstream;
    const pin = own("BackendConnectionPolicy", "pin", { targetRefs: [{ group: "", kind: "Service", name: "inner" }], dns: { addresses: ["127.0.0.1"] } });
    const compiled = world([service([{ name: "https", port }]), policy("p", validation), pin], port);
    const backend = backendOf(compiled, `Service/team-a/inner:${port}`);
    const request: OutboundRequest = {
      origin: backend.origin,
      method: "GET",
      path: "/",
      headers: ["host", "asked.example"],
      body: { kind: "none" },
      upgrade: null,
      protocol: backend.protocol,
      tls: backend.tls,
      clientCertificate: null,
      revocationLists: [],
      dns: backend.dns,
      timeouts: backend.timeouts,
      poolKey: backend.key,
    };
    const answer = await transport.dispatch(request, new AbortController().signal);
    if (answer.kind === "answer") answer.body.cancel();
    await transport.close();
    await upstream.close();
    expect(answer.kind).toBe(outcome);
  });
});
