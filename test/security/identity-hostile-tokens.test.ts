import { createHash, generateKeyPairSync } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import { createIdentity } from "../../src/identity/create-identity.ts";
import { createFakeClock } from "../fakes/clock.ts";
import { fakeGateway, fakeReceived } from "../fakes/received.ts";
import { createFakeDocuments, createTokenIssuer, encode, hmacToken, kubernetesIssuer } from "../fakes/token-issuer.ts";

// T12: a caller makes up a token, or bends one that it was given.

const issuer = createTokenIssuer();
const clock = createFakeClock();
const now = clock.now() / 1000;
const claims = (overrides: Readonly<Record<string, unknown>> = {}) => issuer.claims(now, overrides);
const good = issuer.token(claims());
const alienRsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const alienEc = generateKeyPairSync("ec", { namedCurve: "P-256" });
const [head = "", body = "", signature = ""] = good.split(".");

const hostile: Readonly<Record<string, string>> = {
  "alg none": `${encode({ alg: "none", kid: "key-1" })}.${body}.`,
  "alg None with a signature": `${encode({ alg: "None", kid: "key-1" })}.${body}.${signature}`,
  "signature stripped": `${head}.${body}.`,
  "HS256 keyed with the public PEM": hmacToken(claims(), issuer.publicKeyPem),
  "HS256 keyed with the trimmed PEM": hmacToken(claims(), issuer.publicKeyPem.trim()),
  "HS256 keyed with the modulus": hmacToken(claims(), issuer.modulus),
  "HS256 keyed with nothing": hmacToken(claims(), ""),
  "another key under the same kid": issuer.token(claims(), {}, alienRsa.privateKey),
  "embedded jwk": issuer.token(claims(), { jwk: alienRsa.publicKey.export({ format: "jwk" }) }, alienRsa.privateKey),
  "embedded jwk, well signed": issuer.token(claims(), { jwk: alienRsa.publicKey.export({ format: "jwk" }) }),
  jku: issuer.token(claims(), { jku: "https://evil.example/jwks" }, alienRsa.privateKey),
  "jku, well signed": issuer.token(claims(), { jku: "https://evil.example/jwks" }),
  "x5u, well signed": issuer.token(claims(), { x5u: "https://evil.example/cert" }),
  "x5c, well signed": issuer.token(claims(), { x5c: ["MIIB"] }),
  "kid that traverses paths": issuer.token(claims(), { kid: "../../../../dev/null" }, alienRsa.privateKey),
  "kid that is SQL": issuer.token(claims(), { kid: "' UNION SELECT 'key' --" }, alienRsa.privateKey),
  "kid that is an array": issuer.token(claims(), { kid: ["key-1"] }),
  "kid __proto__": issuer.token(claims(), { kid: "__proto__" }, alienRsa.privateKey),
  "unknown crit": issuer.token(claims(), { crit: ["exp"], exp: 1 }),
  "b64 false": issuer.token(claims(), { b64: false, crit: ["b64"] }),
  "b64 false without crit": issuer.token(claims(), { b64: false }),
  "aud of another": issuer.token(claims({ aud: ["vault"] })),
  "aud missing": issuer.token(claims({ aud: undefined })),
  "aud with our prefix": issuer.token(claims({ aud: "spillway-staging" })),
  "aud inside ours": issuer.token(claims({ aud: "spill" })),
  "aud object": issuer.token(claims({ aud: { 0: "spillway", length: 1 } })),
  "iss with a trailing slash": issuer.token(claims({ iss: "https://kubernetes.default.svc/" })),
  "iss missing": issuer.token(claims({ iss: undefined })),
  "expired five minutes ago": issuer.token(claims({ iat: now - 900, nbf: now - 900, exp: now - 300 })),
  "exp missing": issuer.token(claims({ exp: undefined })),
  "exp as text": issuer.token(claims({ exp: `${now + 600}` })),
  "exp 1e300": issuer.token(claims({ exp: 1e300 })),
  "exp null": issuer.token(claims({ exp: null })),
  "exp in a year": issuer.token(claims({ exp: now + 365 * 86_400 })),
  "exp in a year, iat missing": issuer.token(claims({ exp: now + 365 * 86_400, iat: undefined })),
  "iat tomorrow": issuer.token(claims({ iat: now + 86_400, exp: now + 90_000 })),
  "nbf in five minutes": issuer.token(claims({ nbf: now + 300 })),
  "sub missing": issuer.token(claims({ sub: undefined })),
  "sub that is no service account": issuer.token(claims({ sub: "system:node:worker-1" })),
  "sub with five parts": issuer.token(claims({ sub: "system:serviceaccount:team-a:chat:admin" })),
  "namespace claim that differs from sub": issuer.token(claims({ "kubernetes.io": { namespace: "kube-system", serviceaccount: { name: "chat" } } })),
  "service account claim that differs from sub": issuer.token(claims({ "kubernetes.io": { namespace: "team-a", serviceaccount: { name: "admin" } } })),
  "no kubernetes.io claims": issuer.token(claims({ "kubernetes.io": undefined })),
  "payload swapped": `${head}.${encode(claims({ sub: "system:serviceaccount:kube-system:admin" }))}.${signature}`,
  "trailing garbage": `${good}AAAA`,
  "five parts": `${good}.${body}.${signature}`,
  padding: `${good}==`,
  "whitespace inside": `${head}. ${body}.${signature}`,
  "ES256 with an alien key": issuer.token(claims(), { alg: "ES256" }, alienEc.privateKey),
  "RS512, which is not on the list": issuer.token(claims(), { alg: "RS512" }),
  "64 KiB": issuer.token(claims({ filler: "x".repeat(65_536) })),
  "two tokens joined by a comma": `${good},${good}`,
  "two tokens joined by a comma and a space": `${good}, Bearer ${good}`,
  empty: "",
  "header that is no object": `${encode("RS256")}.${body}.${signature}`,
  "claims that are an array": issuer.token([claims()]),
};

const digest = (text: string) => createHash("sha256").update(text).digest("hex");

function setUp(options: { digest?: (text: string) => string } = { digest }) {
  const documents = createFakeDocuments(issuer.jwks);
  const identity = createIdentity({ clock, documents, readSecret: () => Promise.reject(new Error("no secrets here")), ...options });
  const gateway = fakeGateway({ issuers: [kubernetesIssuer()], apiKeys: null, principals: [], anonymous: "Deny" });
  const identify = async (...headers: string[]) => await identity.identify(fakeReceived(gateway, headers));
  return { documents, identify };
}

describe("T12 T13 B3: hostile tokens", () => {
  const { documents, identify } = setUp();

  it("the good one passes, in each slot and however the header and the scheme are spelt", async () => {
    const spelt = [
      ["Authorization", `Bearer ${good}`],
      ["authorization", `bearer  ${good}`],
      ["X-API-Key", good],
      ["api-key", good],
      ["x-goog-api-key", good],
    ] as const;
    for (const [name, value] of spelt) {
      const identified = await identify("accept", "*/*", name, value);
      expect(identified.tokenSlot).toBe(name.toLowerCase());
      expect(identified.caller).toEqual({ namespace: "team-a", serviceAccount: "chat", workload: "chat-7d4b9-x2x", proof: { kind: "jwt", issuer: "cluster" } });
    }
  });

  it.each(Object.entries(hostile))("%s", async (_, token) => {
    for (const [name, value] of [["authorization", `Bearer ${token}`] as const, ["x-api-key", token] as const]) {
      const error: unknown = await identify(name, value).then(
        () => "accepted",
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({ name: "Refusal", code: "identity_rejected", status: 401 });
      for (const part of token.split(".").filter((text) => text.length > 20)) expect(String(error)).not.toContain(part);
    }
  });

  it("all of them together cost two fetches of the keys at most", () => {
    expect(Object.keys(hostile).length).toBeGreaterThanOrEqual(42);
    expect(documents.fetches).toBeLessThanOrEqual(2);
  });

  it.each([
    ["Basic", `Basic ${good}`],
    ["Basic with the token as password", `Basic ${Buffer.from(`x:${good}`).toString("base64")}`],
    ["no scheme", good],
    ["Bearer with nothing", "Bearer"],
    ["DPoP", `DPoP ${good}`],
  ])("Authorization %s is refused", async (_, value) => {
    await expect(identify("authorization", value)).rejects.toMatchObject({ code: "identity_rejected" });
  });

  it("a slot that is filled twice is refused, even with the good token", async () => {
    await expect(identify("authorization", `Bearer ${good}`, "Authorization", `Bearer ${good}`)).rejects.toMatchObject({ code: "identity_rejected" });
    for (const joined of [`${good},${good}`, `x ${good}`, "a,b"]) {
      await expect(identify("authorization", `Bearer ${good}`)).resolves.toBeDefined();
      await expect(identify("x-api-key", joined, "x-goog-api-key", good)).rejects.toMatchObject({
        detail: "The header x-api-key holds more than one credential.",
      });
    }
  });
});

it("nothing accepted that the platform's own digest refuses, and the reverse", async () => {
  const { identify } = setUp({});
  expect((await identify("authorization", `Bearer ${good}`)).caller.namespace).toBe("team-a");
  await expect(identify("authorization", `Bearer ${hostile["payload swapped"]}`)).rejects.toMatchObject({ code: "identity_rejected" });
});

it("B3: 200 tokens with unknown key ids at once make two fetches at most, and none passes", async () => {
  const { documents, identify } = setUp();
  const tokens = Array.from({ length: 200 }, (_, index) => issuer.token(claims({ jti: `${index}` }), { kid: `unknown-${index}` }, alienRsa.privateKey));
  const outcomes = await Promise.allSettled(tokens.map((token) => identify("authorization", `Bearer ${token}`)));
  expect(outcomes.every((outcome) => outcome.status === "rejected")).toBe(true);
  expect(documents.fetches).toBeLessThanOrEqual(2);
  expect((await identify("authorization", `Bearer ${good}`)).caller.namespace).toBe("team-a");
});

it("a bad token in a loop is not verified anew each time", async () => {
  const { identify } = setUp();
  const token = hostile["payload swapped"] ?? "";
  await expect(identify("authorization", `Bearer ${token}`)).rejects.toMatchObject({ code: "identity_rejected" });
  const verify = vi.spyOn(crypto.subtle, "verify");
  for (let index = 0; index < 500; index += 1) await expect(identify("authorization", `Bearer ${token}`)).rejects.toMatchObject({ code: "identity_rejected" });
  expect(verify).not.toHaveBeenCalled();
  await clock.advance(1_000);
  await identify("authorization", `Bearer ${token}`).catch(() => {});
  expect(verify).toHaveBeenCalledTimes(1);
  verify.mockRestore();
});
