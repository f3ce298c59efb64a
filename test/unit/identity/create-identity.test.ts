import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { describe, expect, it, vi } from "vitest";
import { createIdentity } from "../../../src/identity/create-identity.ts";
import type { IdentityPlan, IssuerPlan } from "../../../src/model/identity-plan.ts";
import { Secret } from "../../../src/model/secret.ts";
import type { CompiledGateway } from "../../../src/model/snapshot.ts";
import { createFakeClock } from "../../fakes/clock.ts";
import { fakeGateway, fakeReceived } from "../../fakes/received.ts";
import { fakeReference } from "../../fakes/secret-store.ts";
import { createFakeDocuments, createTokenIssuer, kubernetesIssuer } from "../../fakes/token-issuer.ts";

const MINUTE = 60_000;
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const keyDocument = (...keys: readonly object[]) => JSON.stringify({ keys });
const rsa = createTokenIssuer();

function setUp(options: { plan?: Partial<IdentityPlan>; shareFlights?: boolean; webDigest?: boolean; issuer?: typeof rsa } = {}) {
  const clock = createFakeClock();
  const issuer = options.issuer ?? rsa;
  const documents = createFakeDocuments(issuer.jwks);
  const secrets = new Map<string, Secret>();
  const identity = createIdentity({
    clock,
    documents,
    readSecret: async (reference) => {
      const secret = secrets.get(reference.id);
      if (secret === undefined) throw new Error("the store is down");
      return secret;
    },
    ...(options.webDigest ? {} : { digest: sha256 }),
    ...(options.shareFlights === undefined ? {} : { shareFlights: options.shareFlights }),
  });
  const plan: IdentityPlan = { issuers: [kubernetesIssuer()], apiKeys: null, principals: [], anonymous: "Deny", ...options.plan };
  const gateway = fakeGateway(plan);
  const at = async (where: CompiledGateway, ...headers: string[]) => await identity.identify(fakeReceived(where, headers));
  return {
    clock,
    documents,
    secrets,
    identity,
    plan,
    gateway,
    at,
    identify: (...headers: string[]) => at(gateway, ...headers),
    token: (overrides: Readonly<Record<string, unknown>> = {}) => issuer.token(issuer.claims(Math.floor(clock.now() / 1000), overrides)),
  };
}

const rejected = { name: "Refusal", code: "identity_rejected", status: 401 };
const notReady = { name: "Refusal", code: "not_ready", status: 503, retryAfter: 1 };

describe("times", () => {
  it.each([
    [30, 29, true],
    [30, 31, false],
    [600, 59, true],
    [600, 61, false],
    [0, 1, false],
  ])("skew of %i s forgives %i s: %s (60 s is the most)", async (clockSkewSeconds, off, passes) => {
    const { identify, clock, token } = setUp({ plan: { issuers: [kubernetesIssuer({ clockSkewSeconds })] } });
    const now = clock.now() / 1000;
    const late = token({ iat: now - 600, nbf: now - 600, exp: now - off });
    const early = token({ iat: now + off, nbf: now + off, exp: now + 600 });
    for (const value of [late, early]) {
      const identifying = identify("authorization", `Bearer ${value}`);
      if (passes) expect((await identifying).caller.namespace).toBe("team-a");
      else await expect(identifying).rejects.toMatchObject(rejected);
    }
  });

  it("a token is remembered for a minute at most, and never beyond its end", async () => {
    const { identify, clock, token } = setUp();
    const verify = vi.spyOn(crypto.subtle, "verify");
    const now = clock.now() / 1000;
    const long = token();
    const short = token({ exp: now + 5 });
    for (const value of [long, short, long, short]) await identify("x-api-key", value);
    expect(verify).toHaveBeenCalledTimes(2);
    await clock.advance(34_999);
    await identify("x-api-key", short);
    expect(verify).toHaveBeenCalledTimes(2);
    await clock.advance(1);
    await expect(identify("x-api-key", short)).rejects.toMatchObject({ detail: "x-api-key: the token has expired." });
    await clock.advance(24_999);
    await identify("x-api-key", long);
    expect(verify).toHaveBeenCalledTimes(2);
    await clock.advance(1);
    await identify("x-api-key", long);
    expect(verify).toHaveBeenCalledTimes(3);
    verify.mockRestore();
  });
});

describe("what is remembered", () => {
  it("is answered without waiting, and many at once are verified once", async () => {
    const { identity, gateway, token } = setUp();
    const verify = vi.spyOn(crypto.subtle, "verify");
    const received = fakeReceived(gateway, ["authorization", `Bearer ${token()}`]);
    const all = await Promise.all(Array.from({ length: 100 }, () => identity.identify(received)));
    expect(new Set(all.map(({ caller }) => caller.workload))).toEqual(new Set(["chat-7d4b9-x2x"]));
    expect(verify).toHaveBeenCalledTimes(1);
    expect(identity.identify(received)).not.toBeInstanceOf(Promise);
    verify.mockRestore();
  });

  it("stays with its Gateway: another with other audiences refuses the same token", async () => {
    const { at, gateway, token } = setUp();
    const other = fakeGateway({ issuers: [kubernetesIssuer({ audiences: ["other"] })], apiKeys: null, principals: [], anonymous: "Deny" }, "other");
    const value = token();
    expect((await at(gateway, "authorization", `Bearer ${value}`)).caller.namespace).toBe("team-a");
    await expect(at(other, "authorization", `Bearer ${value}`)).rejects.toMatchObject(rejected);
    expect((await at(gateway, "authorization", `Bearer ${value}`)).caller.namespace).toBe("team-a");
  });

  it("ends with a reload: an issuer that was struck out is struck out at once", async () => {
    const { at, gateway, token } = setUp();
    const value = token();
    await at(gateway, "authorization", `Bearer ${value}`);
    const reloaded = fakeGateway({ issuers: [kubernetesIssuer({ issuer: "https://elsewhere.example" })], apiKeys: null, principals: [], anonymous: "Deny" });
    await expect(at(reloaded, "authorization", `Bearer ${value}`)).rejects.toMatchObject({ detail: "authorization: the token's issuer is not known." });
  });
});

describe("an issuer's keys", () => {
  it("rotate: the new key is fetched when a token shows it, and the old one ends with its document", async () => {
    const issuer = createTokenIssuer();
    const { identify, clock, token, documents } = setUp({ issuer });
    const old = token();
    await identify("authorization", `Bearer ${old}`);
    issuer.rotate("key-2");
    await clock.advance(31_000);
    expect((await identify("authorization", `Bearer ${token()}`)).caller.namespace).toBe("team-a");
    expect(documents.fetches).toBe(2);
    await clock.advance(MINUTE);
    await expect(identify("authorization", `Bearer ${old}`)).rejects.toMatchObject({
      detail: "authorization: the token is signed with a key that its issuer does not publish.",
    });
  });

  it("F32: cost one fetch in 30 s for unknown ids, however many come", async () => {
    const { identify, clock, documents } = setUp();
    const now = clock.now() / 1000;
    for (let second = 0; second < 90; second += 1) {
      const value = rsa.token(rsa.claims(now, { jti: `${second}` }), { kid: `k${second}` });
      await expect(identify("authorization", `Bearer ${value}`)).rejects.toMatchObject(rejected);
      await clock.advance(1_000);
    }
    expect(documents.fetches).toBeLessThanOrEqual(3);
  });

  it("F32: serve for 24 h while the issuer is down, refreshed behind the calls every 10 minutes before", async () => {
    const { identify, clock, token, documents } = setUp();
    await identify("authorization", `Bearer ${token()}`);
    await clock.advance(10 * MINUTE);
    await identify("authorization", `Bearer ${token()}`);
    await clock.advance(0);
    expect(documents.fetches).toBe(2);
    documents.answer(() => Promise.reject(new Error("down")));
    for (let hour = 0; hour < 23; hour += 1) {
      await clock.advance(60 * MINUTE);
      expect((await identify("authorization", `Bearer ${token()}`)).caller.namespace).toBe("team-a");
    }
    await clock.advance(60 * MINUTE);
    await expect(identify("authorization", `Bearer ${token()}`)).rejects.toMatchObject(notReady);
    documents.answer(rsa.jwks);
    await clock.advance(1_000);
    expect((await identify("authorization", `Bearer ${token()}`)).caller.namespace).toBe("team-a");
  });

  it.each([
    ["down", () => Promise.reject(new Error("down"))],
    ["garbage", () => "<html>"],
    ["no keys", () => ({ keys: [] })],
    ["symmetric keys only", () => ({ keys: [{ kty: "oct", k: "c2VjcmV0", kid: "key-1", alg: "HS256" }] })],
  ])("cold and %s: 503 without an accepted token, and one fetch a second", async (_, answer) => {
    const { identify, clock, token, documents } = setUp();
    documents.answer(answer);
    for (let tenth = 0; tenth < 30; tenth += 1) {
      await expect(identify("authorization", `Bearer ${token()}`)).rejects.toMatchObject(notReady);
      await clock.advance(100);
    }
    expect(documents.fetches).toBe(3);
  });

  it("outlive a reload", async () => {
    const { at, gateway, plan, token, documents } = setUp();
    await at(gateway, "authorization", `Bearer ${token()}`);
    documents.answer(() => Promise.reject(new Error("down")));
    expect((await at(fakeGateway({ ...plan }), "authorization", `Bearer ${token()}`)).caller.namespace).toBe("team-a");
    expect(documents.fetches).toBe(1);
  });

  it.each(["http://issuer.example/jwks", "file:///etc/passwd", "not an address"])("are never asked for at %s", async (uri) => {
    const { identify, token, documents } = setUp({ plan: { issuers: [kubernetesIssuer({ jwks: { kind: "uri", uri } })] } });
    await expect(identify("authorization", `Bearer ${token()}`)).rejects.toMatchObject(notReady);
    expect(documents.fetches).toBe(0);
  });

  it("may come over plaintext from loopback", async () => {
    const { identify, token } = setUp({ plan: { issuers: [kubernetesIssuer({ jwks: { kind: "uri", uri: "http://127.0.0.1:8001/jwks" } })] } });
    expect((await identify("authorization", `Bearer ${token()}`)).caller.namespace).toBe("team-a");
  });

  it("may stand in the manifest, or in a secret that rotates", async () => {
    const inline = setUp({ plan: { issuers: [kubernetesIssuer({ jwks: { kind: "inline", keys: JSON.stringify(rsa.jwks()) } })] } });
    expect((await inline.identify("authorization", `Bearer ${inline.token()}`)).caller.namespace).toBe("team-a");

    const issuer = createTokenIssuer("EC");
    const reference = fakeReference({}, "Secret/egress-system/jwks");
    const { identify, secrets, token } = setUp({ issuer, plan: { issuers: [kubernetesIssuer({ jwks: { kind: "secret", secret: reference } })] } });
    await expect(identify("authorization", `Bearer ${token()}`)).rejects.toMatchObject(notReady);
    secrets.set(reference.id, new Secret(JSON.stringify(issuer.jwks()), "1"));
    expect((await identify("authorization", `Bearer ${token()}`)).caller.namespace).toBe("team-a");
    issuer.rotate("key-2");
    await expect(identify("authorization", `Bearer ${token()}`)).rejects.toMatchObject(rejected);
    secrets.set(reference.id, new Secret(JSON.stringify(issuer.jwks()), "2"));
    expect((await identify("authorization", `Bearer ${token({ jti: "2" })}`)).caller.namespace).toBe("team-a");
  });
});

describe("other issuers", () => {
  const oidc = (overrides: Partial<IssuerPlan>) => kubernetesIssuer({ name: "ci", type: "OIDC", ...overrides });

  it("name the caller in claims of their own, or stand for one namespace", async () => {
    const claims = { namespace: "https://ci.example/ns", serviceAccount: "repository", workload: "job" };
    const named = setUp({ plan: { issuers: [oidc({ claims })] } });
    const value = named.token({ sub: "x", "kubernetes.io": undefined, "https://ci.example/ns": "team-b", repository: "acme/app" });
    expect((await named.identify("authorization", `Bearer ${value}`)).caller).toEqual({
      namespace: "team-b",
      serviceAccount: "acme/app",
      workload: null,
      proof: { kind: "jwt", issuer: "ci" },
    });
    const fixed = setUp({ plan: { issuers: [oidc({ namespace: "ci-jobs" })] } });
    expect((await fixed.identify("authorization", `Bearer ${fixed.token({ sub: "x" })}`)).caller.namespace).toBe("ci-jobs");
  });

  it.each([
    ["one that is listed", { email: "push@p.iam.gserviceaccount.com", email_verified: true }, true],
    ["one of several values", { email: ["other@x", "push@p.iam.gserviceaccount.com"], email_verified: true }, true],
    ["another", { email: "evil@p.iam.gserviceaccount.com", email_verified: true }, false],
    ["one that only begins so", { email: "push@p.iam.gserviceaccount.com.evil.example", email_verified: true }, false],
    ["not the second one", { email: "push@p.iam.gserviceaccount.com", email_verified: false }, false],
    ["an object", { email: { toString: "push@p.iam.gserviceaccount.com" }, email_verified: true }, false],
    ["nothing", {}, false],
  ])("a token whose required claims are %s", async (_, claims, passes) => {
    const requiredClaims = new Map([
      ["email", ["push@p.iam.gserviceaccount.com"]],
      ["email_verified", ["true"]],
    ]);
    const { identify, token } = setUp({ plan: { issuers: [oidc({ namespace: "egress-system", requiredClaims })] } });
    const done = identify("authorization", `Bearer ${token({ sub: "1", ...claims })}`);
    if (passes) expect((await done).caller.namespace).toBe("egress-system");
    else await expect(done).rejects.toMatchObject(rejected);
  });

  it.each([undefined, "Team B", "../kube-system", 7, "", "a".repeat(64)])("a claim %j names no namespace", async (ns) => {
    const { identify, token } = setUp({ plan: { issuers: [oidc({ claims: { namespace: "ns", serviceAccount: null, workload: null } })] } });
    await expect(identify("authorization", `Bearer ${token({ ns })}`)).rejects.toMatchObject(rejected);
  });

  it("with the same name and other audiences are tried in turn", async () => {
    const { identify, token } = setUp({ plan: { issuers: [kubernetesIssuer({ audiences: ["one"] }), oidc({ audiences: ["two"], namespace: "second" })] } });
    expect((await identify("authorization", `Bearer ${token({ aud: "two" })}`)).caller.namespace).toBe("second");
  });
});

describe("API keys", () => {
  const reference = fakeReference({}, "SecretSource/egress-system/broker-keys");
  const plan = { issuers: [kubernetesIssuer()], apiKeys: reference };

  it("T14: stand for whom the document says, in every slot, for as long as it says so", async () => {
    const { identify, secrets, clock } = setUp({ plan });
    secrets.set(
      reference.id,
      new Secret(
        keyDocument(
          { sha256: sha256("sk-one"), namespace: "team-a" },
          { sha256: sha256("sk-two").toUpperCase(), namespace: "team-b", serviceAccount: "batch", workload: "nightly" },
        ),
        "1",
      ),
    );
    expect((await identify("x-goog-api-key", "sk-one")).caller).toEqual({
      namespace: "team-a",
      serviceAccount: null,
      workload: null,
      proof: { kind: "api-key", issuer: "api-keys" },
    });
    expect(await identify("Authorization", "Bearer sk-two")).toMatchObject({
      tokenSlot: "authorization",
      caller: { namespace: "team-b", serviceAccount: "batch", workload: "nightly" },
    });
    await expect(identify("x-api-key", sha256("sk-one"))).rejects.toMatchObject({ detail: "x-api-key: the API key is not known." });
    secrets.set(reference.id, new Secret(keyDocument({ sha256: sha256("sk-two"), namespace: "team-b" }), "2"));
    await clock.advance(MINUTE);
    await expect(identify("x-goog-api-key", "sk-one")).rejects.toMatchObject(rejected);
    expect((await identify("api-key", "sk-two")).caller.namespace).toBe("team-b");
  });

  it("T14: are found by the whole digest and nothing else: one bit of it, a part, or what a query would take for more, is nobody", async () => {
    const { identify, secrets } = setUp({ plan });
    const digest = sha256("sk-one");
    const near = [...digest].map((hex, index) => `${digest.slice(0, index)}${(Number.parseInt(hex, 16) ^ 1).toString(16)}${digest.slice(index + 1)}`);
    secrets.set(reference.id, new Secret(keyDocument(...near.map((one) => ({ sha256: one, namespace: "near" }))), "1"));
    await expect(identify("x-api-key", "sk-one")).rejects.toMatchObject({ detail: "x-api-key: the API key is not known." });
    secrets.set(
      reference.id,
      new Secret(keyDocument(...near.map((one) => ({ sha256: one, namespace: "near" })), { sha256: digest, namespace: "team-a" }), "2"),
    );
    for (const guess of ["sk-on", "sk-one ", "SK-ONE", "%", "*", "' OR '1'='1", '{"$ne":null}', digest, digest.slice(0, 32), "__proto__"]) {
      await expect(identify("x-api-key", guess)).rejects.toMatchObject(rejected);
    }
  });

  it("T14: every byte of every digest is compared, and no text: the source knows no early way out", async () => {
    const source = await readFile(new URL("../../../src/identity/api-keys.ts", import.meta.url), "utf8");
    const find = /^function find\([\s\S]*?^}$/m.exec(source)?.[0] ?? "";
    expect(find).toContain("difference |=");
    expect(find.match(/\breturn\b|\bbreak\b|\bcontinue\b|===/g)).toEqual(["===", "return"]);
  });

  it.each([
    "not json",
    "{}",
    keyDocument({ sha256: "abc", namespace: "team-a" }),
    keyDocument({ sha256: sha256("sk-one"), namespace: "Team A" }),
    keyDocument({ sha256: sha256("sk-one"), namespace: "a", serviceAccount: 7 }),
    keyDocument({ sha256: sha256("sk-one"), namespace: "a" }, { sha256: sha256("sk-one"), namespace: "b" }),
    keyDocument({ sha256: sha256("sk-one"), namespace: "a" }, { key: "sk-two", namespace: "b" }),
  ])("a malformed document lets nobody in: %s", async (document) => {
    const { identify, secrets } = setUp({ plan });
    secrets.set(reference.id, new Secret(document, "1"));
    await expect(identify("x-api-key", "sk-one")).rejects.toMatchObject(notReady);
  });

  it("that cannot be read stop the keys and not the tokens", async () => {
    const { identify, token } = setUp({ plan });
    await expect(identify("x-api-key", "sk-one")).rejects.toMatchObject(notReady);
    expect((await identify("x-api-key", token())).caller.proof.kind).toBe("jwt");
  });

  it("are not another way in for a token that its issuer's keys refuse", async () => {
    const { identify, secrets, token } = setUp({ plan });
    const bent = `${token().slice(0, -8)}AAAAAAAA`;
    secrets.set(reference.id, new Secret(keyDocument({ sha256: sha256(bent), namespace: "team-a" }), "1"));
    await expect(identify("x-api-key", bent)).rejects.toMatchObject({ detail: "x-api-key: the token's signature is wrong." });
  });
});

describe("slots", () => {
  it("are tried in their order; the first that verifies wins, whatever else is sent", async () => {
    const { identify, token } = setUp();
    const value = token();
    const identified = await identify(
      "x-goog-api-key",
      value,
      "x-api-key",
      "sk-of-the-provider",
      "Authorization",
      "AWS4-HMAC-SHA256 Credential=a, Signature=b",
      "api-key",
      value,
    );
    expect(identified.tokenSlot).toBe("api-key");
    expect((await identify("x-goog-api-key", value, "x-api-key", "sk-of-the-provider", "api-key", value)).tokenSlot).toBe("api-key");
  });

  it("say what was wrong with each", async () => {
    const { identify, token, clock } = setUp();
    const expired = token({ exp: clock.now() / 1000 - 100 });
    await expect(identify("authorization", "Basic eDp5", "x-api-key", expired, "api-key", "x".repeat(9_000))).rejects.toMatchObject({
      detail: "authorization: only the scheme Bearer is accepted; x-api-key: the token has expired; api-key: the credential is longer than 8192 characters.",
    });
  });
});

describe("anonymous callers", () => {
  const anonymous = { namespace: "anonymous", proof: { kind: "anonymous", issuer: "anonymous" } };

  it("are refused unless Allow is written", async () => {
    await expect(setUp().identify("accept", "*/*")).rejects.toMatchObject({ code: "identity_missing", status: 401 });
    const nobody = setUp({ plan: { issuers: [] } });
    await expect(nobody.identify("x-api-key", "sk")).rejects.toMatchObject(rejected);
  });

  it("are let in with nothing to show; what is shown must be right", async () => {
    const { identify, token } = setUp({ plan: { anonymous: "Allow" } });
    expect(await identify("accept", "*/*")).toMatchObject({ caller: anonymous, tokenSlot: null });
    expect((await identify("x-api-key", token())).caller.namespace).toBe("team-a");
    await expect(identify("x-api-key", "wrong")).rejects.toMatchObject(rejected);
    await expect(identify("authorization", "Basic eDp5")).rejects.toMatchObject(rejected);
  });

  it("keep their own credentials where the Gateway knows none", async () => {
    const { identify } = setUp({ plan: { issuers: [], anonymous: "Allow" } });
    expect(await identify("authorization", "Bearer sk-own")).toMatchObject({ caller: anonymous, tokenSlot: null });
  });
});

describe("a caller that leaves", () => {
  it("does not end the verification of the others", async () => {
    const { identity, gateway, documents, token } = setUp();
    let publish: (document: unknown) => void = () => {};
    const published = new Promise<unknown>((resolve) => {
      publish = resolve;
    });
    documents.answer(() => published);
    const leaving = new AbortController();
    const headers = ["authorization", `Bearer ${token()}`];
    const first = identity.identify(fakeReceived(gateway, headers, leaving.signal));
    const second = identity.identify(fakeReceived(gateway, headers));
    leaving.abort(new Error("gone"));
    await expect(first).rejects.toThrow("gone");
    publish(rsa.jwks());
    expect((await second).caller.namespace).toBe("team-a");
    expect(documents.fetches).toBe(1);
  });
});

it("works where promises may not be shared and WebCrypto digests", async () => {
  const { identify, token, clock, documents } = setUp({ shareFlights: false, webDigest: true });
  const value = token();
  const all = await Promise.all(Array.from({ length: 5 }, () => identify("authorization", `Bearer ${value}`)));
  expect(all.every(({ caller }) => caller.namespace === "team-a")).toBe(true);
  const before = documents.fetches;
  for (let index = 0; index < 20; index += 1) {
    const unknown = rsa.token(rsa.claims(clock.now() / 1000), { kid: `k${index}` });
    await expect(identify("authorization", `Bearer ${unknown}`)).rejects.toMatchObject(rejected);
  }
  expect(documents.fetches).toBe(before);
  await clock.advance(11 * MINUTE);
  expect((await identify("authorization", `Bearer ${token()}`)).caller.namespace).toBe("team-a");
  await clock.advance(0);
  expect(documents.fetches).toBe(before + 1);
});
