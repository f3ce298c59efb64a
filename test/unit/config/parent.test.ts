import { describe, expect, it } from "vitest";
import { readBundle } from "../../../src/config/read-bundle.ts";
import { writeBundle } from "../../../src/config/write-bundle.ts";
import { backendOf, compileGood, conditionOf, NODE, own, route, rulesOf, xBackend } from "./compile-text.ts";

const KEY = own("SecretSource", "chain-key", { file: { path: "/keys/chain.pem" } });
const TARGET = { group: "gateway.networking.x-k8s.io", kind: "XBackend", name: "one" };
const IDENTITY = { signingKeyRef: { group: "spillway.dev", kind: "SecretSource", name: "chain-key" }, audience: "upstream" };
const parent = (more: object = {}, rest: object = {}) =>
  own("BackendConnectionPolicy", "one", { targetRefs: [TARGET], mode: "Parent", parent: { forwardIdentity: IDENTITY, ...more }, ...rest });
const credential = (spec: object) => own("BackendCredentialPolicy", "one", { targetRefs: [TARGET], ...spec });
const lock = (spec: object = {}) =>
  own("RegionPolicy", "eu", { targetRefs: [{ group: "gateway.networking.k8s.io", kind: "HTTPRoute", name: "r" }], allow: { jurisdictions: ["EU"] }, ...spec });
const SECRET_REF = { group: "spillway.dev", kind: "SecretSource", name: "chain-key" };

describe("a parent", () => {
  it("is compiled with its defaults, survives a bundle, and its policy is accepted", () => {
    const compiled = compileGood([xBackend("one"), KEY, parent(), route("r")]);
    const expected = {
      identity: { signingKey: { id: "SecretSource/team-a/chain-key" }, audience: "upstream", ttlSeconds: 60, issuer: null },
      maxHops: 1,
      region: "Require",
    };
    expect(backendOf(compiled, "XBackend/team-a/one").parent).toMatchObject(expected);
    for (const type of ["Accepted", "ResolvedRefs"]) expect(conditionOf(compiled, "BackendConnectionPolicy", "one", type)).toMatch(/^True/);
    const read = readBundle(writeBundle(compiled, NODE), NODE);
    expect(read.snapshot?.backends.get("XBackend/team-a/one")?.parent).toMatchObject(expected);
  });

  it("waits for its first byte as long as the call may take, unless it is written otherwise", () => {
    const timeouts = (spec: object) => backendOf(compileGood([xBackend("one"), KEY, parent({}, spec), route("r")]), "XBackend/team-a/one").timeouts;
    expect(timeouts({})).toEqual({ connectMs: 3_000, firstByteMs: null, streamIdleMs: 30_000 });
    expect(timeouts({ timeouts: { connect: "1s" } })).toEqual({ connectMs: 1_000, firstByteMs: null, streamIdleMs: 30_000 });
    expect(timeouts({ timeouts: { firstByte: "5s" } }).firstByteMs).toBe(5_000);
    const endpoint = own("BackendConnectionPolicy", "one", { targetRefs: [TARGET], timeouts: { connect: "1s" } });
    expect(backendOf(compileGood([xBackend("one"), endpoint, route("r")]), "XBackend/team-a/one").timeouts.firstByteMs).toBe(20_000);
  });

  it("without its signing key is no destination: it is never called as nobody", () => {
    const compiled = compileGood([xBackend("one"), parent(), route("r")]);
    expect(compiled.snapshot.backends.has("XBackend/team-a/one")).toBe(false);
    expect(conditionOf(compiled, "BackendConnectionPolicy", "one", "ResolvedRefs")).toBe("False/SecretNotFound");
    expect(conditionOf(compiled, "XBackend", "one", "ResolvedRefs")).toBe("False/SecretNotFound");
  });

  it.each([
    ["Bearer", { type: "Bearer", bearer: { secretRef: SECRET_REF } }],
    ["Passthrough", { type: "Passthrough" }],
    ["an API key in Authorization", { type: "APIKey", apiKey: { secretRef: SECRET_REF, in: "Header", name: "Authorization" } }],
  ])("forwardIdentity and a credential of type %s would write the same header: refused", (_name, spec) => {
    const compiled = compileGood([xBackend("one"), KEY, parent(), credential(spec), route("r")]);
    expect(conditionOf(compiled, "BackendConnectionPolicy", "one", "Accepted")).toBe("False/Conflicted");
    expect(conditionOf(compiled, "XBackend", "one", "Accepted")).toBe("False/Conflicted");
    expect(compiled.snapshot.backends.has("XBackend/team-a/one")).toBe(false);
  });

  it.each([
    ["another header", { in: "Header", name: "x-api-key" }],
    ["the query", { in: "Query", name: "key" }],
  ])("an API key in %s may stand beside it", (_name, where) => {
    const compiled = compileGood([xBackend("one"), KEY, parent(), credential({ type: "APIKey", apiKey: { secretRef: SECRET_REF, ...where } }), route("r")]);
    expect(backendOf(compiled, "XBackend/team-a/one").credential).not.toBeNull();
  });

  it("that is not told who calls may have any credential", () => {
    const plain = own("BackendConnectionPolicy", "one", { targetRefs: [TARGET], mode: "Parent", parent: { region: "Ignore" } });
    const compiled = compileGood([xBackend("one"), KEY, plain, credential({ type: "Bearer", bearer: { secretRef: SECRET_REF } }), route("r")]);
    expect(backendOf(compiled, "XBackend/team-a/one").parent).toEqual({ identity: null, maxHops: 1, region: "Ignore" });
  });
});

describe("a lock and a parent", () => {
  const actionOf = (documents: readonly string[]) => rulesOf(compileGood([KEY, route("r"), ...documents]))[0]?.action.kind;

  it("whose place nobody tells is a destination where its answer must tell it", () => {
    expect(actionOf([xBackend("one"), parent(), lock()])).toBe("forward");
  });

  it.each(["Prefer", "Ignore"])("but not with region: %s", (region) => {
    expect(actionOf([xBackend("one"), parent({ region }), lock()])).toBe("rejected");
    expect(actionOf([xBackend("one", {}, { labels: { "topology.kubernetes.io/region": "eu-central-1" } }), parent({ region }), lock()])).toBe("forward");
  });

  it("that is labelled outside is none, whatever it promises", () => {
    expect(actionOf([xBackend("one", {}, { labels: { "topology.kubernetes.io/region": "us-east-1" } }), parent(), lock()])).toBe("rejected");
  });

  it("a lock that binds secret sources binds the signing key", () => {
    const kept = (region: string) => own("SecretSource", "chain-key", { awsSecretsManager: { secretId: "chain", region } });
    const bound = lock({ also: { secretSources: true } });
    const compiled = (region: string) => compileGood([xBackend("one"), kept(region), parent(), bound, route("r")]);
    expect(rulesOf(compiled("eu-west-1"))[0]?.action.kind).toBe("forward");
    expect(rulesOf(compiled("us-east-1"))[0]?.action).toMatchObject({ kind: "rejected", reason: expect.stringContaining("is kept in us-east-1") });
  });

  it("a promise is the word of whoever owns the backend: a policy that asks for more, or for its age, denies it", () => {
    expect(actionOf([xBackend("one"), parent(), lock({ evidence: { minimum: "Attested" } })])).toBe("rejected");
    expect(actionOf([xBackend("one"), parent(), lock({ evidence: { maxAge: "24h" } })])).toBe("rejected");
  });
});

it("no filter may touch what brokers say to each other", () => {
  for (const filter of [
    { type: "RequestHeaderModifier", requestHeaderModifier: { remove: ["Egress-Chain"] } },
    { type: "RequestHeaderModifier", requestHeaderModifier: { set: [{ name: "egress-chain", value: "?1;hop=1" }] } },
    { type: "ResponseHeaderModifier", responseHeaderModifier: { add: [{ name: "Egress-Region", value: "eu-central-1" }] } },
  ]) {
    const compiled = compileGood([xBackend("one"), route("r", [{ filters: [filter] }])]);
    expect(rulesOf(compiled)[0]?.action.kind).toBe("rejected");
  }
});
