import { describe, expect, it } from "vitest";
import { PLATFORMS } from "../../../adapters/config/platforms.ts";
import { writeBundle } from "../../../src/compiler.ts";
import { readBundle } from "../../../src/index.ts";
import { PLAIN_DNS } from "../../../src/model/backend.ts";
import { createAuthority } from "../../fakes/certificates.ts";
import { backendOf, compileAll, compileGood, conditionOf, GATEWAY, grant, own, route, rulesOf, toXBackend, xBackend } from "./compile-text.ts";

const KEY = "XBackend/team-a/one";
const PIN = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
const authority = createAuthority();
const LIST = authority.revocationList();
const configMap = (name: string, data: unknown, namespace = "team-a") =>
  JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data });
const connection = (spec: object, name = "c") => own("BackendConnectionPolicy", name, { targetRefs: [toXBackend("one")], ...spec });
const crl = (...refs: readonly object[]) => connection({ tls: { crl: { refs } } });
const inConfigMap = { kind: "ConfigMap", name: "partner-crl" };
const inSource = { group: "spillway.dev", kind: "SecretSource", name: "partner-crl" };
const source = (namespace = "team-a") => own("SecretSource", "partner-crl", { file: { path: "/lists/partner.crl" }, refresh: { interval: "1m" } }, namespace);

describe("BackendConnectionPolicy", () => {
  it("compiles to a connection's profile", () => {
    const compiled = compileGood([
      xBackend("one"),
      source(),
      configMap("partner-crl", { "ca.crl": LIST, other: `${LIST}\n${authority.subordinate("b").revocationList()}` }),
      connection({
        tls: { minVersion: "1.3", pins: [PIN], crl: { refs: [inConfigMap, { ...inConfigMap, key: "other" }, inSource] } },
        dns: {
          allowCIDRs: ["10.0.0.0/8"],
          denyCIDRs: ["10.9.0.0/16"],
          onlyCIDRs: ["10.0.0.0/8"],
          pinFor: "5m",
          reverseNames: ["*.partner.example"],
          resolvers: ["10.0.0.53", "[fd00::53]:5353"],
          staleFor: "1h",
        },
      }),
    ]);
    const { tls, dns } = backendOf(compiled, KEY);
    expect(tls).toMatchObject({ minVersion: "TLSv1.3", pins: [PIN.slice("sha256/".length)] });
    expect(tls?.crl?.pem.match(/BEGIN X509 CRL/g)).toHaveLength(3);
    expect(tls?.crl?.sources.map(({ id, refresh }) => [id, refresh.intervalMs])).toEqual([["SecretSource/team-a/partner-crl", 60_000]]);
    expect(dns).toEqual({
      addresses: [],
      allowCIDRs: ["10.0.0.0/8"],
      denyCIDRs: ["10.9.0.0/16"],
      onlyCIDRs: ["10.0.0.0/8"],
      pinForMs: 300_000,
      reverseNames: ["*.partner.example"],
      resolvers: ["10.0.0.53", "[fd00::53]:5353"],
      staleForMs: 3_600_000,
    });
    expect(conditionOf(compiled, "BackendConnectionPolicy", "c", "Accepted")).toBe("True/Accepted");
    expect(conditionOf(compiled, "BackendConnectionPolicy", "c", "ResolvedRefs")).toBe("True/ResolvedRefs");
  });

  it("left out asks for nothing", () => {
    const { tls, dns } = backendOf(compileGood([xBackend("one")]), KEY);
    expect([tls?.pins, tls?.crl, dns]).toEqual([[], null, PLAIN_DNS]);
  });

  it("of a Service counts too, over its BackendTLSPolicy", () => {
    const service = JSON.stringify({ apiVersion: "v1", kind: "Service", metadata: { name: "vllm", namespace: "team-a" }, spec: { ports: [{ port: 8000 }] } });
    const policy = own("BackendConnectionPolicy", "c", { targetRefs: [{ group: "", kind: "Service", name: "vllm" }], tls: { pins: [PIN] } });
    const tlsPolicy = JSON.stringify({
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "BackendTLSPolicy",
      metadata: { name: "t", namespace: "team-a" },
      spec: { targetRefs: [{ group: "", kind: "Service", name: "vllm" }], validation: { hostname: "vllm.example", wellKnownCACertificates: "System" } },
    });
    const to = route("r", [{ backendRefs: [{ group: "", kind: "Service", name: "vllm", port: 8000 }] }]);
    expect(backendOf(compileGood([service, policy, tlsPolicy, to]), "Service/team-a/vllm:8000").tls?.pins).toEqual([PIN.slice(7)]);
    // Without it the port would be plaintext, in which there is no key to look at.
    const [rule] = rulesOf(compileGood([service, policy, to]));
    expect(JSON.stringify(rule?.action)).toMatch(/asks for tls.pins or tls.crl, and this backend is plaintext/);
  });

  describe("refuses the backend, and says why, when", () => {
    const cases: readonly (readonly [string, readonly string[], string, RegExp])[] = [
      [
        "the ConfigMap of a list is missing",
        [crl(inConfigMap)],
        "InvalidCRLRef",
        /ConfigMap team-a\/partner-crl is not among the manifests or has no key ca.crl/,
      ],
      ["it has no such key", [crl(inConfigMap), configMap("partner-crl", { "x.crl": LIST })], "InvalidCRLRef", /has no key ca.crl/],
      [
        "it holds a certificate",
        [crl(inConfigMap), configMap("partner-crl", { "ca.crl": authority.caPem })],
        "InvalidCRLRef",
        /not a certificate revocation list/,
      ],
      [
        "it holds half a list",
        [crl(inConfigMap), configMap("partner-crl", { "ca.crl": LIST.slice(0, 150) })],
        "InvalidCRLRef",
        /not a certificate revocation list/,
      ],
      [
        "its list never ends",
        [crl(inConfigMap), configMap("partner-crl", { "ca.crl": authority.revocationList({ nextUpdate: null }) })],
        "InvalidCRLRef",
        /each with nextUpdate/,
      ],
      ["the SecretSource of a list is missing", [crl(inSource)], "SecretNotFound", /SecretSource team-a\/partner-crl is not among the manifests/],
      ["it is in another namespace without a grant", [crl({ ...inSource, namespace: "team-b" }), source("team-b")], "RefNotPermitted", /no ReferenceGrant/],
      [
        "the ConfigMap is",
        [crl({ ...inConfigMap, namespace: "team-b" }), configMap("partner-crl", { "ca.crl": LIST }, "team-b")],
        "RefNotPermitted",
        /no ReferenceGrant/,
      ],
    ];
    it.each(cases)("%s", (_name, documents, reason, message) => {
      const compiled = compileGood([xBackend("one"), route("r"), ...documents]);
      expect(conditionOf(compiled, "BackendConnectionPolicy", "c", "ResolvedRefs")).toBe(`False/${reason}`);
      expect(conditionOf(compiled, "XBackend", "one", "ResolvedRefs")).toBe(`False/${reason}`);
      expect(compiled.snapshot.backends.has(KEY)).toBe(false);
      expect(JSON.stringify(compiled.conditions)).toMatch(message);
    });

    it("it asks for a key where there is no TLS", () => {
      const compiled = compileGood([xBackend("one", { tls: { mode: "None" } }), connection({ tls: { pins: [PIN] } })]);
      expect(conditionOf(compiled, "XBackend", "one", "Accepted")).toBe("False/Invalid");
    });
  });

  it("may use what a ReferenceGrant lets it", () => {
    const from = { group: "spillway.dev", kind: "BackendConnectionPolicy", namespace: "team-a" };
    const documents = [
      crl({ ...inSource, namespace: "team-b" }, { ...inConfigMap, namespace: "team-b" }),
      source("team-b"),
      configMap("partner-crl", { "ca.crl": LIST }, "team-b"),
      grant("team-b", from, { group: "spillway.dev", kind: "SecretSource" }).replace('"grant"', '"one"'),
      grant("team-b", from, { group: "", kind: "ConfigMap" }).replace('"grant"', '"two"'),
    ];
    expect(backendOf(compileGood([xBackend("one"), ...documents]), KEY).tls?.crl?.sources).toHaveLength(1);
  });

  const faults: readonly (readonly [string, object, RegExp])[] = [
    ["a pin of another digest", { tls: { pins: ["sha1/2jmj7l5rSw0yVb/vlWAYkK/YBwk="] } }, /must be sha256\/ and the base64 of 32 bytes/],
    ["a pin that is too short", { tls: { pins: ["sha256/AAAA"] } }, /base64 of 32 bytes/],
    ["a pin with bits left over", { tls: { pins: [`${PIN.slice(0, -2)}B=`] } }, /base64 of 32 bytes/],
    ["no pin", { tls: { pins: [] } }, /must name at least one/],
    ["no list", { tls: { crl: { refs: [] } } }, /at least one list/],
    ["a list without a kind", { tls: { crl: { refs: [{ name: "x" }] } } }, /kind/],
    ["a group of another kind", { tls: { crl: { refs: [{ kind: "SecretSource", name: "x" }] } } }, /do not belong together/],
    ["a range that is none", { dns: { denyCIDRs: ["10.0.0.0"] } }, /must be a range/],
    ["an endless pin", { dns: { pinFor: "25h" } }, /at most 24h/],
    ["a pin for no time", { dns: { pinFor: "0s" } }, /longer than nothing/],
    ["a reverse name with two stars", { dns: { reverseNames: ["*.*.example"] } }, /lower-case DNS name/],
    ["a reverse name that is everything", { dns: { reverseNames: ["*"] } }, /lower-case DNS name/],
    ["a top-level domain as reverse name", { dns: { reverseNames: ["*.com"] } }, /lower-case DNS name/],
    ["a name server by name", { dns: { resolvers: ["dns.example"] } }, /address of a name server/],
    ["a name server with an impossible port", { dns: { resolvers: ["10.0.0.53:70000"] } }, /address of a name server/],
    ["addresses and a pin of what is looked up", { dns: { addresses: ["10.0.0.7"], pinFor: "5m" } }, /nothing else but allowCIDRs goes with them/],
  ];
  it.each(faults)("has a fault: %s", (_name, spec, message) => {
    const { faults: found, ok } = compileAll([GATEWAY, xBackend("one"), connection(spec)]);
    expect(ok).toBe(false);
    expect(found.map((fault) => `${fault.kind} ${fault.pointer} ${fault.message}`).join("\n")).toMatch(message);
    expect(found[0]?.pointer).toMatch(/^\/spec\/(tls|dns)/);
  });

  it("survives a bundle, lists and all, which are no secrets", () => {
    const compiled = compileGood([
      xBackend("one"),
      route("r"),
      source(),
      configMap("partner-crl", { "ca.crl": LIST }),
      connection({ tls: { pins: [PIN], crl: { refs: [inConfigMap, inSource] } }, dns: { pinFor: "1m" } }),
    ]);
    const read = readBundle(writeBundle(compiled, PLATFORMS.knative), PLATFORMS.knative);
    const backend = read.snapshot?.backends.get(KEY);
    expect([backend?.tls, backend?.dns]).toEqual([backendOf(compiled, KEY).tls, backendOf(compiled, KEY).dns]);
  });

  it("is refused on Workers by condition, with every field that cannot be had there; Lambda has them all", () => {
    const documents = [
      xBackend("one"),
      route("r"),
      configMap("partner-crl", { "ca.crl": LIST }),
      connection({
        tls: { minVersion: "1.3", pins: [PIN], crl: { refs: [inConfigMap] } },
        dns: { pinFor: "1m", denyCIDRs: ["8.8.8.0/24"], onlyCIDRs: ["8.0.0.0/8"], reverseNames: ["*.partner.example"], resolvers: ["10.0.0.53"] },
      }),
    ];
    const compiled = compileGood(documents, PLATFORMS.workers);
    expect(conditionOf(compiled, "XBackend", "one", "Accepted")).toBe("False/UnsupportedValue");
    expect(compiled.snapshot.backends.has(KEY)).toBe(false);
    const refused = compiled.conditions.find((object) => object.kind === "BackendConnectionPolicy");
    expect([refused?.file, refused?.line]).toEqual(["5.yaml", 1]);
    const { message } = refused?.conditions.find((condition) => condition.type === "Accepted") ?? { message: "" };
    expect(message).toBe(
      "dns.pinFor needs dns-pin, dns.denyCIDRs needs dns-guard, dns.onlyCIDRs needs dns-guard, dns.reverseNames needs dns-guard, dns.resolvers needs dns-guard, " +
        "tls.minVersion needs custom-ca, tls.pins needs spki-pin, tls.crl needs crl, which workers does not have",
    );
    expect(backendOf(compileGood(documents, PLATFORMS.lambda), KEY).tls?.pins).toHaveLength(1);
  });
});
