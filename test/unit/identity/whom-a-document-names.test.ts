import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type ApiKeys, createApiKeys } from "../../../src/identity/api-keys.ts";
import { claimedCaller } from "../../../src/identity/claimed-caller.ts";
import { createInlineKeys } from "../../../src/identity/held-keys.ts";
import { parseKeySet } from "../../../src/identity/key-set.ts";
import { presentedCredentials } from "../../../src/identity/presented-credentials.ts";
import { principalCaller } from "../../../src/identity/principal-caller.ts";
import { looksLikeJwt, member, tokenParts } from "../../../src/identity/token-parts.ts";
import type { IssuerPlan, PrincipalPlan } from "../../../src/model/identity-plan.ts";
import { Secret } from "../../../src/model/secret.ts";
import { fakeReference } from "../../fakes/secret-store.ts";
import { createTokenIssuer, kubernetesIssuer } from "../../fakes/token-issuer.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const never = new AbortController().signal;
const asker = { signal: never, waitUntil: () => {} };
const LONGEST_LABEL = `a${"-".repeat(61)}b`;

describe("a document of API keys", () => {
  const keysOf = (document: unknown): ApiKeys => createApiKeys(fakeReference({}), async () => new Secret(JSON.stringify(document), "1"));
  const one = (entry: object) => keysOf({ keys: [{ sha256: sha256("k"), namespace: "a", ...entry }] }).match(sha256("k"), never);

  it.each([["a"], ["7"], ["a-b"], [LONGEST_LABEL]])("takes the namespace %s", async (namespace) => {
    expect(await one({ namespace })).toMatchObject({
      kind: "proved",
      goodForMs: Number.POSITIVE_INFINITY,
      caller: { namespace, serviceAccount: null, workload: null },
    });
  });

  it.each([["-a"], ["a-"], ["A"], ["a b"], [" a"], ["a\n"], [`${LONGEST_LABEL}b`], [""], [7], [null]])("takes no namespace %j", async (namespace) => {
    expect((await one({ namespace })).kind).toBe("unknown");
  });

  it.each([["!"], ["~"], ["a/b@c"], ["x".repeat(253)]])("takes the name %s", async (name) => {
    expect(await one({ serviceAccount: name, workload: name })).toMatchObject({ caller: { serviceAccount: name, workload: name } });
  });

  it.each([[""], [" a"], ["a "], ["a b"], ["a\n"], ["ä"], ["x".repeat(254)], [7], [{}]])("takes no name %j", async (name) => {
    expect((await one({ serviceAccount: name })).kind).toBe("unknown");
    expect((await one({ workload: name })).kind).toBe("unknown");
  });

  it("takes null for no name", async () => {
    expect(await one({ serviceAccount: null, workload: null })).toMatchObject({ caller: { serviceAccount: null, workload: null } });
  });

  it.each([[`${sha256("k")}0`], [sha256("k").slice(1)], [` ${sha256("k")}`], [`g${sha256("k").slice(1)}`], [7]])("takes no digest %j", async (digest) => {
    expect((await one({ sha256: digest })).kind).toBe("unknown");
  });

  it("holds 4,096 keys, of which the last is found, and no more", async () => {
    const many = Array.from({ length: 4_096 }, (_, index) => ({ sha256: sha256(`key ${index}`), namespace: `n${index}` }));
    expect(await keysOf({ keys: many }).match(sha256("key 4095"), never)).toMatchObject({
      caller: { namespace: "n4095", proof: { kind: "api-key", issuer: "api-keys" } },
    });
    expect((await keysOf({ keys: [...many, { sha256: sha256("one more"), namespace: "x" }] }).match(sha256("key 1"), never)).kind).toBe("unknown");
  });

  it.each([
    ["both at an end", 0],
    ["the middle", 31],
    ["the end", 63],
  ])("tells digests apart that differ in one character only, at %s", async (_where, index) => {
    const digest = sha256("k");
    const other = `${digest.slice(0, index)}${digest[index] === "0" ? "1" : "0"}${digest.slice(index + 1)}`;
    expect((await keysOf({ keys: [{ sha256: digest, namespace: "a" }] }).match(other, never)).kind).toBe("rejected");
  });

  it("is parsed once for each value, and again for the next", async () => {
    let secret = new Secret(JSON.stringify({ keys: [{ sha256: sha256("k"), namespace: "a" }] }), "1");
    const keys = createApiKeys(fakeReference({}), async () => secret);
    expect(await keys.match(sha256("k"), never)).toMatchObject({ kind: "proved" });
    const held = await keys.match(sha256("k"), never);
    expect(held.kind === "proved" && held.caller).toBe(((await keys.match(sha256("k"), never)) as { readonly caller?: unknown }).caller); // the very object: nothing was parsed
    secret = new Secret(JSON.stringify({ keys: [] }), "2");
    expect(await keys.match(sha256("k"), never)).toMatchObject({ kind: "rejected" });
    secret = new Secret("{", "3");
    expect(await keys.match(sha256("k"), never)).toMatchObject({ kind: "unknown" });
  });

  it("of a caller who has left is asked for nothing more", async () => {
    const left = AbortSignal.abort(new Error("gone"));
    await expect(keysOf({ keys: [] }).match(sha256("k"), left)).rejects.toThrow("gone");
  });
});

describe("a set of keys", () => {
  const [rsa = {}] = createTokenIssuer().jwks().keys;

  it("holds public members only, whatever else the document says", () => {
    const text = parseKeySet({ keys: [{ ...rsa, d: "private", p: "private", q: "private", x5c: ["a"], key_ops: ["verify"] }] })?.text ?? "";
    expect(JSON.parse(text)).toEqual([rsa]);
  });

  it("passes over keys of other types, and those that are none", () => {
    const others = [{ kty: "oct", k: "c2VjcmV0" }, { kty: "AKP" }, {}, null, "RSA", 7, { ...rsa, kid: 7 }, { ...rsa, alg: ["RS256"] }];
    expect(JSON.parse(parseKeySet({ keys: [...others, rsa] })?.text ?? "")).toEqual([rsa]);
    expect(parseKeySet({ keys: others })).toBeNull();
  });

  it.each([["EC"], ["OKP"], ["RSA"]])("takes the type %s", (kty) => {
    expect(JSON.parse(parseKeySet({ keys: [{ kty, kid: "a", use: "sig", alg: "x", n: "n", e: "e", crv: "c", x: "x", y: "y" }] })?.text ?? "")).toEqual([
      { kty, kid: "a", use: "sig", alg: "x", n: "n", e: "e", crv: "c", x: "x", y: "y" },
    ]);
  });

  it("holds a hundred, and no more", () => {
    const listed = (length: number) => parseKeySet({ keys: Array.from({ length }, (_, index) => ({ ...rsa, kid: `${index}` })) });
    expect(JSON.parse(listed(100)?.text ?? "")).toHaveLength(100);
    expect(listed(101)).toBeNull();
  });

  it.each([[null], ["keys"], [[]], [{}], [{ keys: {} }], [{ keys: [] }], [{ Keys: [rsa] }]])("%j is none", (document) => {
    expect(parseKeySet(document)).toBeNull();
  });

  it("in a manifest that is no set gives no keys, and there is none newer", async () => {
    expect(await createInlineKeys("{").current(asker)).toBeNull();
    const keys = createInlineKeys(JSON.stringify({ keys: [rsa] }));
    const held = await keys.current(asker);
    expect(held?.text).toContain("RSA");
    expect(held !== null && (await keys.newerThan(held, asker))).toBeNull();
  });
});

describe("whom claims name", () => {
  const details = { namespace: "team-a", serviceaccount: { name: "assistant" } };
  const kubernetes = (claims: object) =>
    claimedCaller(kubernetesIssuer(), { sub: "system:serviceaccount:team-a:assistant", "kubernetes.io": details, ...claims });
  const refused = { kind: "rejected" };

  it("is a service account, with its pod where the token is bound to one", () => {
    expect(kubernetes({})).toEqual({
      namespace: "team-a",
      serviceAccount: "assistant",
      workload: null,
      proof: { kind: "jwt", issuer: kubernetesIssuer().name },
    });
    expect(kubernetes({ "kubernetes.io": { ...details, pod: { name: "chat-0.a" } } })).toMatchObject({ workload: "chat-0.a" });
  });

  it.each([["Chat"], ["-a"], ["a-"], ["a b"], ["a".repeat(254)], [7], [""]])("a pod %j has no proper name", (name) => {
    expect(kubernetes({ "kubernetes.io": { ...details, pod: { name } } })).toMatchObject(refused);
  });

  it.each([
    ["system:serviceaccount:team-a:assistant:x"],
    ["system:serviceaccount:team-a"],
    ["system:node:team-a:assistant"],
    ["xsystem:serviceaccount:team-a:assistant"],
    ["system:serviceaccount:Team:assistant"],
    ["system:serviceaccount:-a:assistant"],
    ["system:serviceaccount:a-:assistant"],
    ["system:serviceaccount::"],
    [7],
    [undefined],
  ])("the subject %j is no service account", (sub) => {
    const [, , namespace = "", name = ""] = String(sub).split(":");
    expect(kubernetes({ sub, "kubernetes.io": { namespace, serviceaccount: { name } } })).toEqual({
      kind: "rejected",
      reason: "the subject is not a service account",
    });
  });

  it.each([["a".repeat(253)], ["a.b-c"], ["7"]])("a service account may be called %s", (name) => {
    expect(
      kubernetes({ sub: `system:serviceaccount:${LONGEST_LABEL}:${name}`, "kubernetes.io": { namespace: LONGEST_LABEL, serviceaccount: { name } } }),
    ).toMatchObject({ serviceAccount: name, namespace: LONGEST_LABEL });
  });

  it.each([[{}], [{ namespace: "team-a" }], [{ ...details, namespace: "team-b" }], [{ ...details, serviceaccount: { name: "admin" } }], [null], ["team-a"]])(
    "the details %j do not agree with the subject",
    (given) => {
      expect(kubernetes({ "kubernetes.io": given })).toEqual({ kind: "rejected", reason: "the kubernetes.io claims do not agree with the subject" });
    },
  );

  const claims = { namespace: "ns", serviceAccount: "account", workload: "job" };
  const oidc = (given: object, more: Partial<IssuerPlan> = { claims }) =>
    claimedCaller(kubernetesIssuer({ name: "ci", type: "OIDC", ...more }), { ns: "team-b", ...given });

  it("is what the issuer's own claims say, or its one namespace", () => {
    expect(oidc({ account: "acme/app", job: "nightly" })).toEqual({
      namespace: "team-b",
      serviceAccount: "acme/app",
      workload: "nightly",
      proof: { kind: "jwt", issuer: "ci" },
    });
    expect(oidc({ account: null })).toMatchObject({ serviceAccount: null, workload: null });
    expect(oidc({ account: "a" }, { claims: null, namespace: "fixed" })).toMatchObject({ namespace: "fixed", serviceAccount: null, workload: null });
    expect(oidc({}, { claims: null, namespace: null })).toMatchObject(refused);
    expect(oidc({}, { claims, namespace: "fixed" })).toMatchObject({ namespace: "fixed" });
  });

  it.each([[""], ["a b"], [" a"], ["a "], ["a\n"], ["ü"], ["x".repeat(254)], [7], [true], [["a"]]])("the name %j cannot stand in a label", (name) => {
    expect(oidc({ account: name })).toMatchObject(refused);
    expect(oidc({ job: name })).toMatchObject(refused);
  });

  it("needs every claim that the issuer's callers must have, as text or as a boolean", () => {
    const requiredClaims = new Map([
      ["tier", ["gold", "true"]],
      ["org", ["acme"]],
    ]);
    const required = (given: object) => oidc(given, { claims, requiredClaims });
    for (const tier of ["gold", true, "true", ["silver", "gold"], [false, true]])
      expect([tier, required({ tier, org: "acme" })]).toEqual([tier, expect.objectContaining({ namespace: "team-b" })]);
    for (const tier of ["silver", false, 1, null, undefined, [], [["gold"]], { gold: true }])
      expect([tier, required({ tier, org: "acme" })]).toEqual([tier, expect.objectContaining(refused)]);
    expect(required({ tier: "gold" })).toMatchObject(refused);
    expect(required({ tier: "gold", org: "acme2" })).toMatchObject(refused);
  });

  const forwarded = (given: object, speaksFor: IssuerPlan["speaksFor"] = "any") =>
    claimedCaller(kubernetesIssuer({ name: "child", type: "Broker", speaksFor }), { namespace: "team-c", ...given });

  it("is a caller of another broker, with every broker on its way", () => {
    expect(forwarded({ serviceAccount: "s", workload: "w", act: { sub: "two", act: { sub: "one" } } })).toEqual({
      namespace: "team-c",
      serviceAccount: "s",
      workload: "w",
      proof: { kind: "broker", issuer: "child", actors: ["two", "one"] },
    });
    const actors = (length: number) =>
      Array.from({ length }).reduce<object | undefined>((act, _, index) => ({ sub: `b${index}`, ...(act === undefined ? {} : { act }) }), undefined);
    expect(forwarded({ act: actors(16) })).toMatchObject({ proof: { kind: "broker" } });
    expect(forwarded({ act: actors(17) })).toMatchObject(refused);
  });

  it.each([[{}], [{ act: {} }], [{ act: { sub: 7 } }], [{ act: { sub: "a b" } }], [{ act: "x" }], [{ act: { sub: "a", act: { sub: "" } } }]])(
    "%j names no broker",
    (given) => {
      expect(forwarded(given)).toMatchObject(refused);
    },
  );

  it.each([[{ serviceAccount: "a b" }], [{ workload: 7 }], [{ namespace: "Team" }], [{ namespace: 7 }], [{ namespace: undefined }]])(
    "%j names no caller of it",
    (given) => {
      expect(forwarded({ act: { sub: "a" }, ...given })).toMatchObject(refused);
    },
  );

  it("is of a namespace that it may speak for", () => {
    const act = { sub: "a" };
    expect(forwarded({ act }, new Set(["team-c"]))).toMatchObject({ namespace: "team-c" });
    expect(forwarded({ act }, new Set(["team-d"]))).toMatchObject(refused);
    expect(forwarded({ act }, null)).toMatchObject(refused);
  });
});

describe("what the platform proves", () => {
  const plan = (type: PrincipalPlan["type"], name: string, namespace: string): PrincipalPlan => ({ type, name, namespace, serviceAccount: `of-${namespace}` });
  const plans = [plan("AWSIAM", "arn:aws:iam::1:role/exact", "exact"), plan("AWSIAM", "arn:aws:iam::1:role/team-*", "prefix"), plan("AWSSQS", "*", "queue")];

  it("stands for the first entry of its type that names it", () => {
    expect(principalCaller(plans, { type: "AWSIAM", name: "arn:aws:iam::1:role/exact" })).toEqual({
      namespace: "exact",
      serviceAccount: "of-exact",
      workload: null,
      proof: { kind: "platform", issuer: "AWSIAM" },
    });
    expect(principalCaller(plans, { type: "AWSIAM", name: "arn:aws:iam::1:role/team-x" })).toMatchObject({ namespace: "prefix" });
    expect(principalCaller(plans, { type: "AWSIAM", name: "arn:aws:iam::1:role/team-" })).toMatchObject({ namespace: "prefix" });
    expect(principalCaller(plans, { type: "AWSSQS", name: "anything" })).toMatchObject({ namespace: "queue" });
  });

  it.each([["arn:aws:iam::1:role/exact2"], ["arn:aws:iam::1:role/exac"], ["xarn:aws:iam::1:role/exact"], ["arn:aws:iam::1:role/team"], ["*"], [""]])(
    "knows no role %s",
    (name) => {
      expect(principalCaller(plans, { type: "AWSIAM", name })).toBeNull();
    },
  );
});

describe("what is shown", () => {
  const shown = (...headers: string[]) => presentedCredentials(headers, null);
  const handshake = (...protocols: string[]) => presentedCredentials([], { key: "k", protocols });

  it("is read from the four slots in their order, in any case of letters", () => {
    expect(shown("X-Goog-Api-Key", " g ", "accept", "*/*", "API-KEY", "a", "x-api-key", "x", "AUTHORIZATION", "bearer   t")).toEqual([
      { slot: "authorization", token: "t", fault: null },
      { slot: "x-api-key", token: "x", fault: null },
      { slot: "api-key", token: "a", fault: null },
      { slot: "x-goog-api-key", token: "g", fault: null },
    ]);
    expect(shown("x-api-kex", "a", "apikey", "b", "proxy-authorization", "c")).toEqual([]);
  });

  it.each([["Basic eDp5"], ["Bearerx"], ["xBearer t"], ["t"]])("authorization of %s is none of ours", (value) => {
    expect(shown("authorization", value)).toEqual([{ slot: "authorization", token: "", fault: "only the scheme Bearer is accepted" }]);
  });

  it("is empty where nothing stands there", () => {
    for (const headers of [
      ["authorization", "Bearer"],
      ["authorization", "Bearer  "],
      ["x-api-key", " "],
    ])
      expect(shown(...headers)).toMatchObject([{ token: "", fault: "the credential is empty" }]);
  });

  it("has at most 8,192 characters", () => {
    expect(shown("api-key", "x".repeat(8_192))).toMatchObject([{ token: "x".repeat(8_192), fault: null }]);
    expect(shown("api-key", "x".repeat(8_193))).toMatchObject([{ token: "", fault: expect.stringContaining("8192") }]);
  });

  it.each([[["x-api-key", "a", "X-API-Key", "a"]], [["x-api-key", "a,b"]], [["x-api-key", "a b"]], [["authorization", "Bearer a\tb"]]])(
    "is refused where two parties could read two: %j",
    (headers) => {
      expect(() => shown(...headers)).toThrow(expect.objectContaining({ code: "identity_rejected" }));
    },
  );

  it("may stand among the subprotocols of a handshake, once", () => {
    const kubernetes = `base64url.bearer.authorization.k8s.io.${Buffer.from("t?~").toString("base64url")}`;
    expect(handshake("realtime", "openai-insecure-api-key.sk")).toEqual([{ slot: "sec-websocket-protocol", token: "sk", fault: null }]);
    expect(handshake(kubernetes)).toMatchObject([{ token: "t?~", fault: null }]);
    expect(handshake("base64url.bearer.authorization.k8s.io.=")).toEqual([
      { slot: "sec-websocket-protocol", token: "", fault: "the credential cannot be read" },
    ]);
    expect(handshake("openai-insecure-api-key.")).toMatchObject([{ fault: "the credential is empty" }]);
    expect(handshake("realtime")).toEqual([]);
    expect(() => handshake(kubernetes, "openai-insecure-api-key.sk")).toThrow(expect.objectContaining({ code: "identity_rejected" }));
    expect(presentedCredentials(["x-api-key", "a"], { key: "k", protocols: [kubernetes] }).map(({ slot }) => slot)).toEqual([
      "x-api-key",
      "sec-websocket-protocol",
    ]);
  });
});

describe("a token, taken apart", () => {
  const part = (value: unknown) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

  it("is three parts, of which two are objects", () => {
    expect(tokenParts(`${part({ alg: "x?>" })}.${part({ ä: "~~~" })}.AA`)).toEqual({ header: { alg: "x?>" }, claims: { ä: "~~~" } });
  });

  it.each([
    `${part({})}.${part({})}`,
    `${part({})}.${part({})}.`,
    `${part({})}.${part({})}.A.A`,
    ` ${part({})}.${part({})}.A`,
    `${part({})}.${part({})}.A\n`,
    `${part({})}=.${part({})}.A`,
    `${part([])}.${part({})}.A`,
    `${part({})}.${part("null")}.A`,
    `${part({})}.${part('"text"')}.A`,
    `${part({})}.${Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString("base64url")}.A`,
    "A.A.A",
  ])("%j is none", (token) => {
    expect(tokenParts(token)).toBeNull();
  });

  it("looks like one by its first letters and a dot", () => {
    expect(["eyJ.", "eyJhbGciOiJ9.e30.A", "eyJ", "xeyJ.", "sk-a.b"].map(looksLikeJwt)).toEqual([true, true, false, false, false]);
  });

  it("has no member but its own", () => {
    expect([member({ a: 1 }, "a"), member({}, "toString"), member([], "length"), member(null, "a"), member("a", "length")]).toEqual([
      1,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
