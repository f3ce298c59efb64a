import { createHash, generateKeyPairSync } from "node:crypto";
import { calculateJwkThumbprint, exportJWK, type JWK } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { createIdentityForwarder } from "../../../src/credentials/forwarded-identity.ts";
import { createIdentity } from "../../../src/identity/create-identity.ts";
import type { Caller } from "../../../src/model/caller.ts";
import type { IssuerPlan } from "../../../src/model/identity-plan.ts";
import { Secret } from "../../../src/model/secret.ts";
import { createFakeClock } from "../../fakes/clock.ts";
import { fakeGateway, fakeReceived } from "../../fakes/received.ts";
import { createFakeDocuments, createTokenIssuer, kubernetesIssuer } from "../../fakes/token-issuer.ts";

const CHAIN = "?1;hop=1;max=2;retry=parent";
const CALLER: Caller = { namespace: "team-a", serviceAccount: "chat", workload: "chat-1", proof: { kind: "jwt", issuer: "cluster" } };

async function newKey(type: "ec" | "ed25519") {
  const { publicKey, privateKey } = type === "ec" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("ed25519");
  const jwk = await exportJWK(publicKey);
  return {
    secret: new Secret(privateKey.export({ type: "pkcs8", format: "pem" }).toString(), null),
    public: { ...jwk, kid: await calculateJwkThumbprint(jwk) },
  };
}

let first: Awaited<ReturnType<typeof newKey>>;
let second: Awaited<ReturnType<typeof newKey>>;
beforeAll(async () => {
  first = await newKey("ec");
  second = await newKey("ed25519");
});

function setUp(options: { readonly keys?: readonly JWK[]; readonly issuer?: Partial<IssuerPlan>; readonly others?: readonly IssuerPlan[] } = {}) {
  const clock = createFakeClock();
  const forwarder = createIdentityForwarder({ clock, shareFlights: true });
  const documents = createFakeDocuments(() => ({}));
  const identity = createIdentity({
    clock,
    documents,
    readSecret: () => Promise.reject(new Error("no secrets here")),
    digest: (text) => createHash("sha256").update(text).digest("hex"),
  });
  const issuer: IssuerPlan = {
    ...kubernetesIssuer(),
    name: "edge",
    type: "Broker",
    issuer: "child-1",
    audiences: ["upstream"],
    algorithms: ["ES256", "EdDSA", "RS256"],
    speaksFor: new Set(["team-a"]),
    jwks: { kind: "inline", keys: JSON.stringify({ keys: options.keys ?? [first.public] }) },
    ...options.issuer,
  };
  const gateway = fakeGateway({ issuers: [issuer, ...(options.others ?? [])], apiKeys: null, principals: [], anonymous: "Deny" });
  const sign = async (parts: { readonly caller?: Caller; readonly key?: Secret; readonly audience?: string; readonly issuer?: string } = {}) => {
    const reference = { id: "key", location: { provider: "env", name: "K" }, refresh: { intervalMs: 1, jitterPercent: 0, staleForMs: 0 } } as const;
    const plan = { signingKey: reference, audience: parts.audience ?? "upstream", ttlSeconds: 60, issuer: parts.issuer ?? null };
    return (await forwarder.sign({ plan, key: parts.key ?? first.secret, chainId: "child-1", caller: parts.caller ?? CALLER })).reveal();
  };
  const identify = async (token: string, ...headers: string[]) =>
    await identity.identify(fakeReceived(gateway, ["authorization", `Bearer ${token}`, ...headers]));
  return { clock, sign, identify };
}

const rejected = { name: "Refusal", code: "identity_rejected" };

describe("a caller of whom another broker speaks", () => {
  it("is known as what it is there, and by whom it came", async () => {
    const { sign, identify } = setUp();
    const { caller, chain } = await identify(await sign(), "egress-chain", CHAIN);
    expect(caller).toEqual({ ...CALLER, proof: { kind: "broker", issuer: "edge", actors: ["child-1"] } });
    expect(chain).toEqual({ child: "edge", hop: 1, maxHops: 2, constraint: null });
  });

  it("is not known when the broker may not speak for its namespace, and a star lets it speak for all", async () => {
    const other = { ...CALLER, namespace: "team-b" };
    const closed = setUp();
    await expect(closed.identify(await closed.sign({ caller: other }), "egress-chain", CHAIN)).rejects.toMatchObject(rejected);
    const open = setUp({ issuer: { speaksFor: "any" } });
    expect((await open.identify(await open.sign({ caller: other }), "egress-chain", CHAIN)).caller.namespace).toBe("team-b");
  });

  it("an expired token is refused, and so is one for another audience, of another issuer or with another's key", async () => {
    const { clock, sign, identify } = setUp();
    const token = await sign();
    for (const forged of [await sign({ audience: "elsewhere" }), await sign({ issuer: "child-2" }), await sign({ key: second.secret })]) {
      await expect(identify(forged, "egress-chain", CHAIN)).rejects.toMatchObject(rejected);
    }
    const [header = "", , signature = ""] = token.split(".");
    const claims = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()), serviceAccount: "admin" }));
    await expect(identify(`${header}.${claims.toString("base64url")}.${signature}`, "egress-chain", CHAIN)).rejects.toMatchObject(rejected);
    await clock.advance(91_000);
    await expect(identify(token, "egress-chain", CHAIN)).rejects.toMatchObject(rejected);
  });

  it("a token that is good for longer than ten minutes, or does not say since when, is none of a broker", async () => {
    const issuer = createTokenIssuer("EC");
    const { clock, identify } = setUp({ keys: issuer.jwks().keys });
    const now = Math.floor(clock.now() / 1_000);
    const claims = { iss: "child-1", aud: "upstream", namespace: "team-a", iat: now, exp: now + 600, act: { sub: "child-1" } };
    await expect(identify(issuer.token(claims), "egress-chain", CHAIN)).resolves.toMatchObject({ caller: { namespace: "team-a", serviceAccount: null } });
    for (const wrong of [{ exp: now + 601 }, { iat: undefined }, { act: undefined }, { act: { sub: "a b" } }, { act: { iss: "x" } }, { namespace: "Team A" }]) {
      await expect(identify(issuer.token({ ...claims, ...wrong }), "egress-chain", CHAIN)).rejects.toMatchObject(rejected);
    }
    const nested = Array.from({ length: 17 }).reduce<object | undefined>((act) => ({ sub: "x", ...(act === undefined ? {} : { act }) }), undefined);
    await expect(identify(issuer.token({ ...claims, act: nested }), "egress-chain", CHAIN)).rejects.toMatchObject(rejected);
  });

  it("keys rotate: while the parent has both halves, tokens of either are good", async () => {
    const { sign, identify } = setUp({ keys: [first.public, second.public] });
    for (const key of [first.secret, second.secret]) {
      await expect(identify(await sign({ key }), "egress-chain", CHAIN)).resolves.toMatchObject({ caller: { namespace: "team-a" } });
    }
  });

  it.each<[string, string[]]>([
    ["is missing: somebody on the way may have taken the lock off", []],
    ["stands there twice", ["egress-chain", CHAIN, "Egress-Chain", CHAIN]],
    ["is joined from two", ["egress-chain", `${CHAIN}, ${CHAIN}`]],
    ["says no", ["egress-chain", "?0;hop=1;max=2;retry=parent"]],
    ["counts no hops", ["egress-chain", "?1;max=2;retry=parent"]],
    ["counts from 0", ["egress-chain", "?1;hop=0;max=2;retry=parent"]],
    ["counts beyond all reason", ["egress-chain", "?1;hop=17;max=17;retry=parent"]],
    ["names no limit", ["egress-chain", "?1;hop=1;retry=parent"]],
    ["would have somebody else retry", ["egress-chain", "?1;hop=1;max=2;retry=child"]],
    ["names no place", ["egress-chain", `${CHAIN};regions=""`]],
    ["names no place in a token", ["egress-chain", `${CHAIN};regions=DE`]],
    ["names a place that is none", ["egress-chain", `${CHAIN};regions="DE Frankfurt!"`]],
    ["has two spaces", ["egress-chain", `${CHAIN};regions="DE  FR"`]],
    ["says it twice", ["egress-chain", `${CHAIN};regions="DE";regions="US"`]],
    ["is longer than anybody writes", ["egress-chain", `${CHAIN};regions="${"DE ".repeat(700)}DE"`]],
  ])("is refused when Egress-Chain %s", async (_name, headers) => {
    const { sign, identify } = setUp();
    await expect(identify(await sign(), ...headers)).rejects.toMatchObject({ code: "request_malformed", status: 400 });
  });

  it("F38: a call that has passed more brokers than one of them allows is refused as a loop", async () => {
    const { sign, identify } = setUp();
    await expect(identify(await sign(), "egress-chain", "?1;hop=3;max=2;retry=parent")).rejects.toMatchObject({ code: "egress_loop", status: 508 });
  });

  it("its lock is one constraint more", async () => {
    const { sign, identify } = setUp();
    const { chain } = await identify(await sign(), "egress-chain", `${CHAIN};regions="DE eu-west-3 FR";broker;later=1`);
    expect(chain?.constraint).toMatchObject({
      policy: "broker/edge",
      countries: new Set(["DE", "FR"]),
      regions: new Set(["eu-west-3"]),
      binds: { broker: true, mirrors: true },
    });
  });

  it("of nobody else Egress-Chain means anything", async () => {
    const people = createTokenIssuer();
    const { clock, identify } = setUp({ others: [kubernetesIssuer({ jwks: { kind: "inline", keys: JSON.stringify(people.jwks()) } })] });
    const token = people.token(people.claims(Math.floor(clock.now() / 1_000)));
    for (const value of [CHAIN, "nonsense", '?1;hop=1;max=2;retry=parent;regions="US"']) {
      expect((await identify(token, "egress-chain", value)).chain).toBeNull();
    }
  });
});
