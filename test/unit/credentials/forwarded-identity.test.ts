import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { calculateJwkThumbprint, createLocalJWKSet, decodeProtectedHeader, exportJWK, jwtVerify } from "jose";
import { describe, expect, it } from "vitest";
import { createIdentityForwarder, type ForwardedCall } from "../../../src/credentials/forwarded-identity.ts";
import type { ForwardedIdentity } from "../../../src/model/backend.ts";
import type { Caller } from "../../../src/model/caller.ts";
import { SecretStoreError } from "../../../src/model/ports.ts";
import { Secret } from "../../../src/model/secret.ts";
import { createFakeClock } from "../../fakes/clock.ts";

const refresh = { intervalMs: 1, jitterPercent: 0, staleForMs: 0 };
const PLAN: ForwardedIdentity = {
  signingKey: { id: "SecretSource/team-a/key", location: { provider: "env", name: "KEY" }, refresh },
  audience: "upstream",
  ttlSeconds: 60,
  issuer: null,
};
const CALLER: Caller = { namespace: "team-a", serviceAccount: "chat", workload: "chat-1", proof: { kind: "jwt", issuer: "cluster" } };

const ec = () => generateKeyPairSync("ec", { namedCurve: "P-256" });
const pem = (key: KeyObject) => new Secret(key.export({ type: "pkcs8", format: "pem" }).toString(), null);

function setUp(key: Secret, parts: Partial<ForwardedCall> = {}) {
  const clock = createFakeClock();
  const forwarder = createIdentityForwarder({ clock, shareFlights: true });
  const call: ForwardedCall = { plan: PLAN, key, chainId: "child-1", caller: CALLER, ...parts };
  return { clock, forwarder, call };
}

describe("a forwarded identity", () => {
  it.each([
    ["EC P-256", () => generateKeyPairSync("ec", { namedCurve: "P-256" }), "ES256"],
    ["Ed25519", () => generateKeyPairSync("ed25519"), "EdDSA"],
    ["RSA", () => generateKeyPairSync("rsa", { modulusLength: 2048 }), "RS256"],
  ])("is signed with a key of %s, as PEM or as JWK, and names it", async (_name, generate, alg) => {
    const { publicKey, privateKey } = generate();
    const jwk = await exportJWK(publicKey);
    const thumbprint = await calculateJwkThumbprint(jwk);
    for (const [key, kid] of [
      [pem(privateKey), thumbprint],
      [new Secret(JSON.stringify(await exportJWK(privateKey)), null), thumbprint],
      [new Secret(JSON.stringify({ ...(await exportJWK(privateKey)), kid: "2026-11" }), null), "2026-11"],
    ] as const) {
      const { clock, forwarder, call } = setUp(key);
      const token = (await forwarder.sign(call)).reveal();
      expect(decodeProtectedHeader(token)).toEqual({ alg, typ: "JWT", kid });
      const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: [{ ...jwk, kid }] }), { currentDate: new Date(clock.now()) });
      const now = Math.floor(clock.now() / 1_000);
      expect(payload).toEqual({
        iss: "child-1",
        aud: "upstream",
        sub: "team-a/chat",
        iat: now,
        exp: now + 60,
        jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
        namespace: "team-a",
        serviceAccount: "chat",
        workload: "chat-1",
        act: { sub: "child-1" },
      });
    }
  });

  it("of a caller that came by brokers names them all, the nearest first", async () => {
    const caller: Caller = { namespace: "team-a", serviceAccount: null, workload: null, proof: { kind: "broker", issuer: "x", actors: ["near", "far"] } };
    const { forwarder, call } = setUp(pem(ec().privateKey), { caller });
    const claims = JSON.parse(Buffer.from((await forwarder.sign(call)).reveal().split(".")[1] ?? "", "base64url").toString()) as object;
    expect(claims).toMatchObject({ sub: "team-a", act: { sub: "child-1", act: { sub: "near", act: { sub: "far" } } } });
    expect(claims).not.toHaveProperty("serviceAccount");
  });

  it("is signed once for many calls, and anew before its time is up", async () => {
    const { clock, forwarder, call } = setUp(pem(ec().privateKey));
    expect(forwarder.peek(call)).toBeNull();
    const [first, same] = await Promise.all([forwarder.sign(call), forwarder.sign(call)]);
    expect(same).toBe(first);
    await clock.advance(44_000);
    expect(forwarder.peek(call)).toBe(first);
    await clock.advance(2_000);
    expect(forwarder.peek(call)).toBeNull();
  });

  it.each<[string, Partial<ForwardedCall>]>([
    ["workload", { caller: { ...CALLER, workload: "chat-2" } }],
    ["service account", { caller: { ...CALLER, serviceAccount: "other" } }],
    ["namespace", { caller: { ...CALLER, namespace: "team-b" } }],
    ["name that only looks the same when it is written together", { caller: { ...CALLER, serviceAccount: 'chat","chat-1', workload: null } }],
    ["way here", { caller: { ...CALLER, proof: { kind: "broker", issuer: "x", actors: ["other"] } } }],
    ["audience", { plan: { ...PLAN, audience: "other" } }],
    ["Gateway", { chainId: "child-2" }],
  ])("is nobody else's: another %s", async (_name, parts) => {
    const { forwarder, call } = setUp(pem(ec().privateKey));
    await forwarder.sign(call);
    expect(forwarder.peek({ ...call, ...parts })).toBeNull();
  });

  it("is made anew when the key has been rotated", async () => {
    const { forwarder, call } = setUp(pem(ec().privateKey));
    await forwarder.sign(call);
    expect(forwarder.peek({ ...call, key: pem(ec().privateKey) })).toBeNull();
  });

  it.each([
    ["no key", "hello"],
    ["a public key", ec().publicKey.export({ type: "spki", format: "pem" }).toString()],
    ["a public JWK", JSON.stringify(ec().publicKey.export({ format: "jwk" }))],
    ["another curve", generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey.export({ type: "pkcs8", format: "pem" }).toString()],
    ["a symmetric key", JSON.stringify({ kty: "oct", k: "c2VjcmV0" })],
    ["RSA that is too short", generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export({ type: "pkcs8", format: "pem" }).toString()],
  ])("cannot be made with %s, and the fault does not quote it", async (_name, text) => {
    const { forwarder, call } = setUp(new Secret(text, null));
    const error = await forwarder.sign(call).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SecretStoreError);
    expect(String(error)).not.toContain(text.slice(0, 30));
  });
});
