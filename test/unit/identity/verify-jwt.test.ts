import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { createInlineKeys } from "../../../src/identity/held-keys.ts";
import { type Asker, type KeySet, type KeySource, parseKeySet } from "../../../src/identity/key-set.ts";
import { tokenParts } from "../../../src/identity/token-parts.ts";
import type { Verdict } from "../../../src/identity/verdict.ts";
import { verifyJwt } from "../../../src/identity/verify-jwt.ts";
import type { IssuerPlan } from "../../../src/model/identity-plan.ts";
import { createTokenIssuer, kubernetesIssuer } from "../../fakes/token-issuer.ts";

const NOW = 1_795_000_000;
const DAY = 24 * 3_600;
const issuer = createTokenIssuer("EC");
const asker: Asker = { signal: new AbortController().signal, waitUntil: () => {} };
const published = createInlineKeys(JSON.stringify(issuer.jwks()));
const nobodyAsked: KeySource = {
  current: () => Promise.reject(new Error("the keys were asked for")),
  newerThan: () => Promise.reject(new Error("newer keys were asked for")),
};

type Members = Readonly<Record<string, unknown>>;

function verify(token: string, plan: Partial<IssuerPlan> = {}, keys: KeySource = published, nowMs = NOW * 1_000): Promise<Verdict> {
  const parts = tokenParts(token);
  if (parts === null) throw new Error("this is no token");
  return verifyJwt(token, parts, kubernetesIssuer(plan), keys, nowMs, asker);
}

const claimed = (claims: Members, plan: Partial<IssuerPlan> = {}, keys: KeySource = published) => verify(issuer.token(issuer.claims(NOW, claims)), plan, keys);
const headed = (header: Members, plan: Partial<IssuerPlan> = {}, keys: KeySource = published) => verify(issuer.token(issuer.claims(NOW), header), plan, keys);
const rejected = (reason: string) => ({ kind: "rejected", reason });

const caller = { namespace: "team-a", serviceAccount: "chat", workload: "chat-7d4b9-x2x", proof: { kind: "jwt", issuer: "cluster" } };

describe("a token of the issuer", () => {
  it("proves its caller for as long as it is good, with the skew", async () => {
    expect(await claimed({})).toEqual({ kind: "proved", caller, goodForMs: 630_000 });
    expect(await claimed({}, { clockSkewSeconds: 0 })).toEqual({ kind: "proved", caller, goodForMs: 600_000 });
    const half = await verify(issuer.token(issuer.claims(NOW)), {}, published, NOW * 1_000 + 500);
    expect(half).toEqual({ kind: "proved", caller, goodForMs: 629_500 });
  });

  it("may say only when it ends", async () => {
    expect(await claimed({ iat: undefined, nbf: undefined })).toMatchObject({ kind: "proved" });
  });

  it("proves nobody where its claims name nobody", async () => {
    expect(await claimed({ sub: "x" })).toEqual(rejected("the subject is not a service account"));
  });
});

describe("times", () => {
  /** Skew in seconds as the manifest has it, and what is forgiven. */
  const skews = [
    [30, 30],
    [60, 60],
    [600, 60],
    [0, 0],
    [-5, 0],
  ] as const;

  it.each(skews)("a skew of %i s forgives %i s to the end", async (clockSkewSeconds, forgiven) => {
    const ends = (exp: number) => claimed({ iat: NOW - 600, nbf: NOW - 600, exp }, { clockSkewSeconds });
    expect(await ends(NOW - forgiven + 1)).toMatchObject({ kind: "proved", goodForMs: 1_000 });
    const over = issuer.token(issuer.claims(NOW, { iat: NOW - 600, nbf: NOW - 600, exp: NOW - forgiven }));
    expect(await verify(over, { clockSkewSeconds }, nobodyAsked)).toEqual(rejected("the token has expired"));
  });

  it.each(skews)("a skew of %i s forgives %i s to the beginning", async (clockSkewSeconds, forgiven) => {
    const begins = (nbf: number, keys: KeySource) => claimed({ nbf }, { clockSkewSeconds }, keys);
    expect(await begins(NOW + forgiven, published)).toMatchObject({ kind: "proved" });
    expect(await begins(NOW + forgiven + 1, nobodyAsked)).toEqual(rejected("the token is not valid yet"));
  });

  it.each(skews)("a skew of %i s forgives %i s to the issuing", async (clockSkewSeconds, forgiven) => {
    const issued = (iat: number, keys: KeySource) => claimed({ iat }, { clockSkewSeconds }, keys);
    expect(await issued(NOW + forgiven, published)).toMatchObject({ kind: "proved" });
    expect(await issued(NOW + forgiven + 1, nobodyAsked)).toEqual(rejected("the token says that it was issued in the future"));
  });

  it("a skew of half a second forgives no more than that within a second", async () => {
    const token = issuer.token(issuer.claims(NOW, { nbf: NOW + 1 }));
    const at = (ms: number) => verify(token, { clockSkewSeconds: 0.5 }, published, NOW * 1_000 + ms);
    for (const ms of [400, 600]) expect(await at(ms)).toEqual(rejected("the token is not valid yet"));
    expect(await at(1_000)).toMatchObject({ kind: "proved" });
  });

  it("a token is good for 24 hours from its issuing at most, and from now where it does not say since when", async () => {
    const tooLong = rejected("the token is good for more than 24 hours");
    expect(await claimed({ iat: NOW - 60, exp: NOW - 60 + DAY })).toMatchObject({ kind: "proved" });
    expect(await claimed({ iat: NOW - 60, exp: NOW - 59 + DAY }, {}, nobodyAsked)).toEqual(tooLong);
    expect(await claimed({ iat: undefined, exp: NOW + 30 + DAY })).toMatchObject({ kind: "proved" });
    expect(await claimed({ iat: undefined, exp: NOW + 31 + DAY }, {}, nobodyAsked)).toEqual(tooLong);
  });

  it("a broker's token is good for ten minutes at most, and says since when", async () => {
    const broker = { type: "Broker", speaksFor: "any" } as const;
    const forwarded = { namespace: "team-a", act: { sub: "child" }, iat: NOW - 60 };
    const tooLong = rejected("a broker's token is good for at most 10 minutes");
    expect(await claimed({ ...forwarded, exp: NOW + 540 }, broker)).toMatchObject({ kind: "proved" });
    expect(await claimed({ ...forwarded, exp: NOW + 541 }, broker, nobodyAsked)).toEqual(tooLong);
    expect(await claimed({ ...forwarded, iat: undefined, exp: NOW + 10 }, broker, nobodyAsked)).toEqual(tooLong);
  });

  const noTimes = ["60", null, true, -1, 1.5, 1e300, Number.MAX_SAFE_INTEGER + 1, {}, [NOW + 60]];

  it.each([undefined, ...noTimes])("a token does not end at %j", async (exp) => {
    expect(await claimed({ exp }, {}, nobodyAsked)).toEqual(rejected("the token does not say properly when it expires"));
  });

  it.each(noTimes)("nothing begins at %j", async (time) => {
    const odd = rejected("a time in the token is not a whole number of seconds");
    expect(await claimed({ iat: time }, {}, nobodyAsked)).toEqual(odd);
    expect(await claimed({ nbf: time }, {}, nobodyAsked)).toEqual(odd);
  });

  it("0 is a time as any other: long ago", async () => {
    expect(await claimed({ exp: 0 }, {}, nobodyAsked)).toEqual(rejected("the token has expired"));
    expect(await claimed({ nbf: 0 })).toMatchObject({ kind: "proved" });
    expect(await claimed({ iat: 0 }, {}, nobodyAsked)).toEqual(rejected("the token is good for more than 24 hours"));
  });
});

describe("the header of a token", () => {
  it.each(["none", "HS256", "es256", "RS256", undefined, null, ["ES256"]])("holds no algorithm %j where ES256 is allowed", async (alg) => {
    expect(await headed({ alg }, { algorithms: ["ES256"] }, nobodyAsked)).toEqual(rejected("the token's algorithm is not allowed"));
  });

  it("holds one of the algorithms that are allowed, of which any will do", async () => {
    expect(await headed({}, { algorithms: ["RS256", "ES256", "EdDSA"] })).toMatchObject({ kind: "proved" });
    expect(await headed({}, { algorithms: [] }, nobodyAsked)).toEqual(rejected("the token's algorithm is not allowed"));
  });

  it.each(["jwk", "jku", "x5u", "x5c", "crit", "b64"])("brings no %s along, whatever stands in it", async (name) => {
    for (const value of [null, "", ["x"], {}, true]) {
      expect(await headed({ [name]: value }, {}, nobodyAsked)).toEqual(rejected(`the token's header holds ${name}, which is not allowed`));
    }
  });

  it.each([null, 7, ["key-1"], {}, true])("has no key id %j", async (kid) => {
    expect(await headed({ kid }, {}, nobodyAsked)).toEqual(rejected("the token's key id is not a string"));
  });

  it("need not have a key id where the issuer has one key; with two of them it would be a guess", async () => {
    expect(await headed({ kid: undefined })).toMatchObject({ kind: "proved" });
    const two = createInlineKeys(JSON.stringify({ keys: [...issuer.jwks().keys, ...createTokenIssuer("EC").jwks().keys] }));
    expect(await headed({ kid: undefined }, {}, two)).toEqual(rejected("the token does not say which of its issuer's keys signed it"));
  });
});

describe("what is signed", () => {
  it.each([[{ aud: "other" }], [{ aud: ["a", "b"] }], [{ aud: [] }], [{ aud: undefined }], [{ aud: "spill" }]])(
    "is for another audience: %j",
    async (claims) => {
      expect(await claimed(claims)).toEqual(rejected("the token is meant for another audience"));
    },
  );

  it("is for one of the audiences, of which any will do", async () => {
    for (const aud of ["one", ["x", "two"]]) expect(await claimed({ aud }, { audiences: ["one", "two"] })).toMatchObject({ kind: "proved" });
  });

  it.each(["https://kubernetes.default.svc/", undefined, ["https://kubernetes.default.svc"]])("is of another issuer: %j", async (iss) => {
    expect(await claimed({ iss })).toEqual(rejected("the token's issuer is not known"));
  });

  it("is signed by whose key it is, and not by another of the same id", async () => {
    const alien: KeyObject = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    expect(await verify(issuer.token(issuer.claims(NOW), {}, alien))).toEqual(rejected("the token's signature is wrong"));
  });

  it("cannot be checked with a key that is none", async () => {
    const [key] = issuer.jwks().keys;
    const broken = createInlineKeys(JSON.stringify({ keys: [{ ...key, x: "AAAA", y: "AAAA" }] }));
    expect(await claimed({}, {}, broken)).toEqual(rejected("the token cannot be verified"));
  });
});

describe("the issuer's keys", () => {
  const set = (from: ReturnType<typeof createTokenIssuer>): KeySet => {
    const keys = parseKeySet(from.jwks());
    if (keys === null) throw new Error("these are no keys");
    return keys;
  };
  const alien = createTokenIssuer("EC");
  alien.rotate("key-2");
  const held = set(alien);
  const mine = set(issuer);
  const asked = vi.fn<(what: string, of: KeySet | null, asker: Asker) => void>();
  beforeEach(() => {
    asked.mockReset();
  });
  const source = (first: KeySet | null, newer: KeySet | null): KeySource => ({
    current: async (by) => {
      asked("current", null, by);
      return first;
    },
    newerThan: async (than, by) => {
      asked("newer", than, by);
      return newer;
    },
  });
  const unpublished = rejected("the token is signed with a key that its issuer does not publish");

  it("that cannot be read prove nothing, and refuse nothing for good", async () => {
    expect(await claimed({}, {}, source(null, mine))).toEqual({ kind: "unknown", reason: "the keys of issuer cluster cannot be read" });
    expect(asked.mock.calls).toEqual([["current", null, asker]]);
  });

  it("are asked for once while they hold the token's key", async () => {
    expect(await claimed({}, {}, source(mine, held))).toMatchObject({ kind: "proved" });
    expect(asked.mock.calls).toEqual([["current", null, asker]]);
  });

  it("are asked for anew where they do not hold it, for the same asker", async () => {
    expect(await claimed({}, {}, source(held, mine))).toMatchObject({ kind: "proved" });
    expect(asked.mock.calls).toEqual([
      ["current", null, asker],
      ["newer", held, asker],
    ]);
  });

  it("that hold it not even then refuse the token", async () => {
    expect(await claimed({}, {}, source(held, null))).toEqual(unpublished);
    expect(await claimed({}, {}, source(held, held))).toEqual(unpublished);
  });

  it("of another time say what is wrong with the token", async () => {
    expect(await claimed({ aud: "other" }, {}, source(held, mine))).toEqual(rejected("the token is meant for another audience"));
  });

  it("are not asked for anew by a token that is wrong anyway", async () => {
    expect(await claimed({ aud: "other" }, {}, source(mine, held))).toEqual(rejected("the token is meant for another audience"));
    expect(asked.mock.calls).toEqual([["current", null, asker]]);
  });

  it("are not asked for in vain: the asker's leaving is handed on", async () => {
    await expect(claimed({}, {}, nobodyAsked)).rejects.toThrow("the keys were asked for");
    await expect(claimed({}, {}, { ...source(held, null), newerThan: nobodyAsked.newerThan })).rejects.toThrow("newer keys were asked for");
  });
});
