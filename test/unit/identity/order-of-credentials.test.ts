import { createHash } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import { createIdentity, type Identity } from "../../../src/identity/create-identity.ts";
import type { Received } from "../../../src/model/call.ts";
import type { PlatformPrincipal } from "../../../src/model/caller.ts";
import type { IdentityPlan, IssuerPlan } from "../../../src/model/identity-plan.ts";
import { Secret } from "../../../src/model/secret.ts";
import { createFakeClock } from "../../fakes/clock.ts";
import { fakeGateway, fakeReceived } from "../../fakes/received.ts";
import { fakeReference } from "../../fakes/secret-store.ts";
import { createFakeDocuments, createTokenIssuer, ISSUER, kubernetesIssuer } from "../../fakes/token-issuer.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const issuer = createTokenIssuer("EC");
const API_KEYS = fakeReference({}, "Secret/egress-system/api-keys");
const JWKS = fakeReference({}, "Secret/egress-system/jwks");
const RUNNER: PlatformPrincipal = { type: "AWSIAM", name: "arn:aws:iam::111122223333:user/runner" };

interface Options {
  readonly plan?: Partial<IdentityPlan>;
  readonly shareFlights?: boolean;
  /** Without it the platform's own digest is asked, which has to be waited for. */
  readonly digest?: boolean;
}

function setUp(options: Options = {}) {
  const clock = createFakeClock();
  const documents = createFakeDocuments(issuer.jwks);
  const secrets = new Map<string, Secret>();
  const identity: Identity = createIdentity({
    clock,
    documents,
    readSecret: async ({ id }) => secrets.get(id) ?? Promise.reject(new Error("the store is down")),
    ...(options.digest === false ? {} : { digest: sha256 }),
    ...(options.shareFlights === undefined ? {} : { shareFlights: options.shareFlights }),
  });
  const gateway = fakeGateway({ issuers: [kubernetesIssuer()], apiKeys: null, principals: [], anonymous: "Deny", ...options.plan });
  return {
    clock,
    documents,
    secrets,
    identity,
    gateway,
    identify: async (...headers: string[]) => await identity.identify(fakeReceived(gateway, headers)),
    allowKeys: (...keys: readonly string[]) =>
      secrets.set(API_KEYS.id, new Secret(JSON.stringify({ keys: keys.map((key) => ({ sha256: sha256(key), namespace: "team-k" })) }), `${keys.length}`)),
    token: (claims: Readonly<Record<string, unknown>> = {}) => issuer.token(issuer.claims(Math.floor(clock.now() / 1_000), claims)),
  };
}

const rejected = (detail: string) => ({ name: "Refusal", code: "identity_rejected", status: 401, detail });
const notReady = (detail: string) => ({ name: "Refusal", code: "not_ready", status: 503, retryAfter: 1, detail });

/** What is thrown at once, without a promise. */
function thrown(identity: Identity, received: Received): unknown {
  try {
    identity.identify(received);
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

describe("who shows nothing", () => {
  const principals = [{ type: "AWSIAM", name: RUNNER.name, namespace: "team-p", serviceAccount: "runner" }] as const;
  const withPrincipal = (received: Received, principal: PlatformPrincipal | null): Received => ({ ...received, exchange: { ...received.exchange, principal } });

  it("is whom the platform proves, before it is anybody", async () => {
    for (const anonymous of ["Deny", "Allow"] as const) {
      const { identity, gateway } = setUp({ plan: { issuers: [], principals, anonymous } });
      expect(await identity.identify(withPrincipal(fakeReceived(gateway, []), RUNNER))).toMatchObject({
        caller: { namespace: "team-p", serviceAccount: "runner", proof: { kind: "platform", issuer: "AWSIAM" } },
        tokenSlot: null,
      });
    }
  });

  it.each([null, { ...RUNNER, name: "arn:aws:iam::111122223333:user/other" }])("is told what to send where the platform proves %j", async (principal) => {
    const { identity, gateway } = setUp({ plan: { principals } });
    expect(thrown(identity, withPrincipal(fakeReceived(gateway, []), principal))).toMatchObject({
      code: "identity_missing",
      detail: "Send the broker's token as Authorization: Bearer, x-api-key, api-key or x-goog-api-key.",
    });
  });

  it.each([null, { ...RUNNER, name: "arn:aws:iam::111122223333:user/other" }])(
    "is anybody where that is allowed and the platform proves %j",
    async (principal) => {
      const { identity, gateway } = setUp({ plan: { principals, anonymous: "Allow" } });
      expect(await identity.identify(withPrincipal(fakeReceived(gateway, []), principal))).toMatchObject({
        caller: { namespace: "anonymous", serviceAccount: null, workload: null, proof: { kind: "anonymous", issuer: "anonymous" } },
        tokenSlot: null,
      });
    },
  );

  it.each<[string, Partial<IdentityPlan>]>([
    ["an issuer", {}],
    ["API keys", { issuers: [], apiKeys: API_KEYS }],
    ["principals of a platform", { issuers: [], principals }],
  ])("may be anybody; a credential that is shown must be right where the Gateway knows %s", async (_name, plan) => {
    const { identify, allowKeys } = setUp({ plan: { ...plan, anonymous: "Allow" } });
    allowKeys("sk-one");
    await expect(identify("x-api-key", "sk-two")).rejects.toMatchObject({ code: "identity_rejected" });
  });
});

describe.each([true, false])("with a digest that need not be waited for: %s", (digest) => {
  it("says of each credential what is wrong with it, the first time and the second", async () => {
    const { identify, token } = setUp({ digest });
    const headers = ["authorization", "Basic eDp5", "x-api-key", token({ aud: "other" }), "api-key", "sk"];
    const wrong = rejected(
      "authorization: only the scheme Bearer is accepted; x-api-key: the token is meant for another audience; api-key: the credential is not one that this Gateway knows.",
    );
    for (let time = 0; time < 2; time += 1) await expect(identify(...headers)).rejects.toMatchObject(wrong);
  });

  it("passes over what is wrong to what is right, the first time and the second", async () => {
    const { identify, token } = setUp({ digest });
    const headers = ["authorization", "Basic eDp5", "x-api-key", token({ aud: "other" }), "api-key", token()];
    for (let time = 0; time < 2; time += 1) expect(await identify(...headers)).toMatchObject({ tokenSlot: "api-key", caller: { namespace: "team-a" } });
  });

  it("has the caller come again while one of the credentials could not be checked", async () => {
    const { identify, documents, token } = setUp({ digest });
    documents.answer(() => Promise.reject(new Error("down")));
    await expect(identify("x-api-key", token(), "api-key", "sk")).rejects.toMatchObject(
      notReady(
        "The credential could not be checked. x-api-key: the keys of issuer cluster cannot be read; api-key: the credential is not one that this Gateway knows.",
      ),
    );
  });

  it("knows an API key by the hex digest of its text", async () => {
    const { identify, allowKeys } = setUp({ digest, plan: { apiKeys: API_KEYS } });
    // The digests of one in seven texts hold no byte below 16, which has a nought before it.
    const keys = Array.from({ length: 20 }, (_, index) => `sk-é-${index}`);
    allowKeys(...keys);
    for (const key of keys) expect((await identify("api-key", key)).caller.namespace).toBe("team-k");
  });
});

describe("what need not be waited for", () => {
  it("is a credential that cannot be the broker's", () => {
    const { identity, gateway } = setUp();
    const received = fakeReceived(gateway, ["authorization", "Basic eDp5"]);
    expect(thrown(identity, received)).toMatchObject(rejected("authorization: only the scheme Bearer is accepted."));
  });

  it("is one that was refused within the second", async () => {
    const { identity, gateway, identify, clock, token } = setUp();
    const headers = ["api-key", token({ aud: "other" })];
    const wrong = rejected("api-key: the token is meant for another audience.");
    await expect(identify(...headers)).rejects.toMatchObject(wrong);
    expect(thrown(identity, fakeReceived(gateway, headers))).toMatchObject(wrong);
    await clock.advance(1_000);
    await expect(identity.identify(fakeReceived(gateway, headers))).rejects.toMatchObject(wrong);
  });

  it("is one that was proved within the minute", async () => {
    const { identity, gateway, identify, token } = setUp();
    const headers = ["api-key", token()];
    await identify(...headers);
    expect(identity.identify(fakeReceived(gateway, headers))).toMatchObject({ tokenSlot: "api-key", caller: { namespace: "team-a" } });
  });

  it("is nothing that could not be checked: that is asked again at once", async () => {
    const { identify, secrets, token } = setUp({ plan: { issuers: [kubernetesIssuer({ jwks: { kind: "secret", secret: JWKS } })] } });
    const value = token();
    await expect(identify("api-key", value)).rejects.toMatchObject({ code: "not_ready" });
    secrets.set(JWKS.id, new Secret(JSON.stringify(issuer.jwks()), "1"));
    expect((await identify("api-key", value)).caller.namespace).toBe("team-a");
  });
});

describe("tokens and API keys", () => {
  const plan = { apiKeys: API_KEYS };

  it.each([
    ["of an issuer that the Gateway does not know", "the token's issuer is not known", () => issuer.token(issuer.claims(1, { iss: "https://vendor.example" }))],
    ["that is none", "the token is not a well-formed JWT", () => "eyJhbGciOiJub25lIn0.e30"],
  ])("a token %s may be an API key, and is a wrong token if it is not", async (_name, reason, make) => {
    const { identify, allowKeys, clock } = setUp({ plan });
    const value = make();
    allowKeys("sk-one");
    await expect(identify("api-key", value)).rejects.toMatchObject(rejected(`api-key: ${reason}.`));
    allowKeys("sk-one", value);
    await clock.advance(1_000);
    expect((await identify("api-key", value)).caller).toMatchObject({ namespace: "team-k", proof: { kind: "api-key" } });
    await expect(setUp().identify("api-key", value)).rejects.toMatchObject(rejected(`api-key: ${reason}.`));
  });

  it("a token is none of the API keys while those cannot be read", async () => {
    const { identify } = setUp({ plan });
    const value = issuer.token(issuer.claims(1, { iss: "https://vendor.example" }));
    await expect(identify("api-key", value)).rejects.toMatchObject(rejected("api-key: the token's issuer is not known."));
    await expect(identify("api-key", "sk-one")).rejects.toMatchObject({ code: "not_ready" });
  });

  it("a token that its issuer refuses is no API key, whatever the document says", async () => {
    const { identify, allowKeys, token } = setUp({ plan });
    const value = token({ aud: "other" });
    allowKeys(value);
    await expect(identify("api-key", value)).rejects.toMatchObject(rejected("api-key: the token is meant for another audience."));
  });
});

describe("several issuers", () => {
  const ci = (overrides: Partial<IssuerPlan>) => kubernetesIssuer({ name: "ci", ...overrides });

  it("only that is asked whose name the token bears", async () => {
    const { identify, token } = setUp({
      plan: { issuers: [ci({ issuer: "https://one.example" }), kubernetesIssuer(), ci({ issuer: "https://two.example" })] },
    });
    await expect(identify("api-key", token({ aud: "other" }))).rejects.toMatchObject(rejected("api-key: the token is meant for another audience."));
  });

  it("of one name are asked until one proves it", async () => {
    const { identify, token } = setUp({ plan: { issuers: [kubernetesIssuer(), ci({ audiences: ["other"] })] } });
    expect((await identify("api-key", token())).caller.proof.issuer).toBe("cluster");
    expect((await identify("api-key", token({ aud: "other" }))).caller.proof.issuer).toBe("ci");
  });
});

describe("the keys of issuers", () => {
  const numbered = (...numbers: readonly number[]): IdentityPlan => ({
    issuers: numbers.map((number) =>
      kubernetesIssuer({ name: `i${number}`, issuer: `${ISSUER}/${number}`, jwks: { kind: "uri", uri: `https://issuer.example/${number}` } }),
    ),
    apiKeys: null,
    principals: [],
    anonymous: "Deny",
  });

  it("are remembered of 256 addresses, whatever is reloaded; the oldest goes first", async () => {
    const { identity, documents, token } = setUp();
    /** How often keys are fetched for tokens of the issuers of these numbers by a Gateway that is new and knows these. */
    const fetchesOf = async (known: readonly number[], ...shown: readonly number[]) => {
      const before = documents.fetches;
      const gateway = fakeGateway(numbered(...known));
      for (const number of shown) await identity.identify(fakeReceived(gateway, ["api-key", token({ iss: `${ISSUER}/${number}` })]));
      return documents.fetches - before;
    };
    const most = Array.from({ length: 256 }, (_, number) => number);
    expect(await fetchesOf(most, 0, 1, 255)).toBe(3);
    expect(await fetchesOf(most, 0, 1, 255)).toBe(0);
    expect(await fetchesOf([256], 256)).toBe(1);
    expect(await fetchesOf([1, 255, 256], 1, 255, 256)).toBe(0);
    expect(await fetchesOf([0], 0)).toBe(1);
  });

  it.each([true, false])("are refreshed behind the call, and the platform is told to wait for it (flights shared: %s)", async (shareFlights) => {
    const { identity, gateway, identify, clock, documents, token } = setUp({ shareFlights });
    await identify("api-key", token());
    await clock.advance(10 * 60_000);
    const waitUntil = vi.fn<(work: Promise<unknown>) => void>();
    const received = fakeReceived(gateway, ["api-key", token()]);
    await identity.identify({ ...received, exchange: { ...received.exchange, waitUntil } });
    expect(waitUntil).toHaveBeenCalledTimes(1);
    await waitUntil.mock.calls[0]?.[0];
    expect(documents.fetches).toBe(2);
  });

  it.each([
    [true, 1],
    [false, 2],
  ])("are asked for once for two calls where flights are shared: %s", async (shareFlights, fetches) => {
    const { identify, documents, token } = setUp({ shareFlights });
    const value = token();
    await Promise.all([identify("api-key", value), identify("api-key", value)]);
    expect(documents.fetches).toBe(fetches);
  });
});
