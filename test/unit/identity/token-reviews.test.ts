import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createDegradations } from "../../../src/attribution/create-degradations.ts";
import { createIdentity } from "../../../src/identity/create-identity.ts";
import type { IssuerPlan } from "../../../src/model/identity-plan.ts";
import { type TokenReview, TokenReviewError } from "../../../src/model/ports.ts";
import { createFakeClock } from "../../fakes/clock.ts";
import { fakeGateway, fakeReceived } from "../../fakes/received.ts";
import { createFakeDocuments, createTokenIssuer, kubernetesIssuer } from "../../fakes/token-issuer.ts";

const ALIVE: TokenReview = { authenticated: true, username: "system:serviceaccount:team-a:chat", audiences: ["spillway"] };
const GONE: TokenReview = { authenticated: false, username: null, audiences: [] };
const rejected = { code: "identity_rejected", status: 401 };
const notReady = { code: "not_ready", status: 503, retryAfter: 1 };
const issuer = createTokenIssuer();
const other = createTokenIssuer();

function setUp(plan: Partial<IssuerPlan> = {}, more: readonly IssuerPlan[] = []) {
  const clock = createFakeClock();
  const degradations = createDegradations(clock, null);
  const asked: { readonly token: string; readonly audiences: readonly string[] }[] = [];
  const cluster: { answer: () => TokenReview | Promise<TokenReview> } = { answer: () => ALIVE };
  const identity = createIdentity({
    clock,
    documents: createFakeDocuments(issuer.jwks),
    readSecret: () => Promise.reject(new Error("no secrets here")),
    digest: (text) => createHash("sha256").update(text).digest("hex"),
    degraded: degradations,
    tokenReviewer: async () => ({
      review: async (token, audiences) => {
        asked.push({ token, audiences });
        return await cluster.answer();
      },
    }),
  });
  const issuers = [kubernetesIssuer({ tokenReview: { cacheForMs: 60_000 }, ...plan }), ...more];
  const gateway = () => fakeGateway({ issuers, apiKeys: null, principals: [], anonymous: "Deny" });
  const first = gateway();
  const token = (overrides: Readonly<Record<string, unknown>> = {}, by = issuer) => by.token(by.claims(Math.floor(clock.now() / 1_000), overrides));
  const identify = async (shown: string, at = first) => await identity.identify(fakeReceived(at, ["authorization", `Bearer ${shown}`]));
  return { clock, asked, cluster, identify, token, gateway, degraded: () => degradations.list().map(({ part, reason, detail }) => ({ part, reason, detail })) };
}

function later<Value>(): { readonly promise: Promise<Value>; readonly resolve: (value: Value) => void } {
  let resolve: (value: Value) => void = () => {};
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

const down = () => Promise.reject(new TokenReviewError("unavailable", "the Kubernetes API gave no answer"));

describe("a token that the cluster is asked about", () => {
  it("T13: stands for its caller while the cluster says so, and is shown to it with the issuer's audiences", async () => {
    const world = setUp({ audiences: ["spillway", "egress"] });
    const token = world.token();
    expect((await world.identify(token)).caller).toMatchObject({ namespace: "team-a", serviceAccount: "chat", workload: "chat-7d4b9-x2x" });
    expect(world.asked).toEqual([{ token, audiences: ["spillway", "egress"] }]);
  });

  it("T13: is refused once its pod or ServiceAccount is gone, within cacheFor", async () => {
    const world = setUp({ tokenReview: { cacheForMs: 20_000 } });
    const token = world.token();
    await world.identify(token);
    world.cluster.answer = () => GONE;
    await world.clock.advance(19_999);
    await expect(world.identify(token)).resolves.toBeDefined();
    await world.clock.advance(1);
    await expect(world.identify(token)).rejects.toMatchObject(rejected);
    expect(world.asked).toHaveLength(2);
  });

  it.each<[string, TokenReview]>([
    ["of another audience", { ...ALIVE, audiences: ["another"] }],
    ["whose audience was not looked at", { ...ALIVE, audiences: [] }],
    ["of somebody else", { ...ALIVE, username: "system:serviceaccount:team-b:chat" }],
    ["of nobody", { ...ALIVE, username: null }],
    ["that is not authenticated, whatever else is said", { ...ALIVE, authenticated: false }],
  ])("T13: is refused where the cluster says that it is one %s", async (_what, said) => {
    const world = setUp();
    world.cluster.answer = () => said;
    await expect(world.identify(world.token())).rejects.toMatchObject(rejected);
  });

  it("is not shown to the cluster before it was verified", async () => {
    const world = setUp();
    const now = Math.floor(world.clock.now() / 1_000);
    const bad = [
      world.token({}, other),
      world.token({ aud: ["another"] }),
      world.token({ exp: now - 100, iat: now - 700, nbf: now - 700 }),
      world.token({ sub: "system:anonymous" }),
    ];
    for (const token of bad) await expect(world.identify(token)).rejects.toMatchObject(rejected);
    expect(world.asked).toEqual([]);
  });

  it("is asked about once, however many calls show it at once", async () => {
    const world = setUp();
    const token = world.token();
    const answered = later<TokenReview>();
    world.cluster.answer = () => answered.promise;
    const calls = [world.gateway(), world.gateway()].flatMap((gateway) => [1, 2, 3].map(() => world.identify(token, gateway)));
    await expect.poll(() => world.asked.length).toBe(1);
    answered.resolve(ALIVE);
    await Promise.all(calls);
    expect(world.asked).toHaveLength(1);
  });

  it("is asked about again after a no, but not with each call", async () => {
    const world = setUp();
    const token = world.token();
    world.cluster.answer = () => GONE;
    await expect(world.identify(token)).rejects.toMatchObject(rejected);
    await world.clock.advance(9_000);
    await expect(world.identify(token)).rejects.toMatchObject(rejected);
    expect(world.asked).toHaveLength(1);
    world.cluster.answer = () => ALIVE;
    await world.clock.advance(1_000);
    await expect(world.identify(token)).resolves.toBeDefined();
  });

  it("is not asked about where the issuer does not want it", async () => {
    const world = setUp({ tokenReview: null });
    world.cluster.answer = down;
    await world.identify(world.token());
    expect(world.asked).toEqual([]);
  });
});

describe("a cluster that gives no answer", () => {
  it("T13: lets nobody in whom it said nothing of, with a 503 and never a 401, and says what is degraded", async () => {
    const world = setUp();
    world.cluster.answer = down;
    const error: unknown = await world.identify(world.token()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject(notReady);
    expect(String(error)).not.toContain("eyJ");
    expect(world.degraded()).toEqual([{ part: "token_review", reason: "unavailable", detail: "the Kubernetes API gave no answer" }]);
    world.cluster.answer = () => ALIVE;
    await world.clock.advance(1_000);
    await world.identify(world.token());
    expect(world.degraded()).toEqual([]);
  });

  it("T13: does not stop callers of whom it said yes within cacheFor, through a reload too", async () => {
    const world = setUp();
    const token = world.token();
    await world.identify(token);
    world.cluster.answer = down;
    await world.clock.advance(50_000);
    await expect(world.identify(token)).resolves.toBeDefined();
    const reloaded = world.gateway();
    await expect(world.identify(token, reloaded)).resolves.toBeDefined();
    // What the reload has taken over is not good for another minute.
    await world.clock.advance(10_000);
    await expect(world.identify(token, reloaded)).rejects.toMatchObject(notReady);
  });

  it("is asked at most once a second, for all tokens together", async () => {
    const world = setUp();
    world.cluster.answer = down;
    for (let one = 0; one < 5; one += 1) await expect(world.identify(world.token({ jti: `${one}` }))).rejects.toMatchObject(notReady);
    expect(world.asked).toHaveLength(1);
    await world.clock.advance(1_000);
    await expect(world.identify(world.token())).rejects.toMatchObject(notReady);
    expect(world.asked).toHaveLength(2);
  });

  it("that is slow is asked about at most 64 tokens at once", async () => {
    const world = setUp();
    const answered = later<TokenReview>();
    world.cluster.answer = () => answered.promise;
    const calls = Array.from({ length: 80 }, (_, one) =>
      world.identify(world.token({ jti: `${one}` })).then(
        () => 200,
        ({ status }: { readonly status: number }) => status,
      ),
    );
    await expect.poll(() => world.asked.length).toBe(64);
    answered.resolve(ALIVE);
    const statuses = await Promise.all(calls);
    expect([statuses.filter((status) => status === 200).length, statuses.filter((status) => status === 503).length]).toEqual([64, 16]);
  });

  it("says so where it does not let the broker ask", async () => {
    const world = setUp();
    world.cluster.answer = () => Promise.reject(new TokenReviewError("denied", "its Role needs the verb create"));
    await expect(world.identify(world.token())).rejects.toMatchObject(notReady);
    expect(world.degraded()).toEqual([{ part: "token_review", reason: "denied", detail: "its Role needs the verb create" }]);
  });

  it("whose failure is of an unforeseen kind is told of in no words but our own", async () => {
    const world = setUp();
    world.cluster.answer = () => Promise.reject(new Error(`socket hang up: ${world.token()}`));
    await expect(world.identify(world.token())).rejects.toMatchObject(notReady);
    expect(world.degraded()).toEqual([{ part: "token_review", reason: "unavailable", detail: null }]);
  });

  it("is not believed away by another entry of the same issuer that refuses the token", async () => {
    const world = setUp({}, [kubernetesIssuer({ name: "second", audiences: ["another"] })]);
    world.cluster.answer = down;
    await expect(world.identify(world.token())).rejects.toMatchObject(notReady);
  });

  it("is missing altogether: nobody is let in", async () => {
    const clock = createFakeClock();
    const identity = createIdentity({ clock, documents: createFakeDocuments(issuer.jwks), readSecret: () => Promise.reject(new Error("none")) });
    const gateway = fakeGateway({ issuers: [kubernetesIssuer({ tokenReview: { cacheForMs: 60_000 } })], apiKeys: null, principals: [], anonymous: "Deny" });
    const token = issuer.token(issuer.claims(Math.floor(clock.now() / 1_000)));
    await expect(identity.identify(fakeReceived(gateway, ["authorization", `Bearer ${token}`]))).rejects.toMatchObject(notReady);
  });
});
