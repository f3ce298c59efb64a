import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type KubernetesApi, startKubernetesApi } from "../fakes/kubernetes-api.ts";
import { ADMIN_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type Provider, startProvider } from "../fakes/provider.ts";
import { type ServedBroker, serveManifests } from "../fakes/served-broker.ts";
import { createTokenIssuer, ISSUER } from "../fakes/token-issuer.ts";

// A token lies in a volume, a log or a core dump for longer than its pod lives. Whoever finds it can use it until it ends, by default an hour.

const issuer = createTokenIssuer();
const issuers = (tokenReview: string) =>
  `[{name: cluster, type: KubernetesServiceAccount, issuer: "${ISSUER}", audiences: [spillway], jwks: {inline: ${JSON.stringify(issuer.jwks())}}, tokenReview: ${tokenReview}}]`;
const tokenOf = (overrides: Readonly<Record<string, unknown>> = {}) => issuer.token(issuer.claims(Math.floor(Date.now() / 1_000), overrides));

let api: KubernetesApi;
let provider: Provider;
let broker: ServedBroker;
const deleted = new Set<string>();

beforeAll(async () => {
  api = await startKubernetesApi({ tls: true });
  provider = await startProvider();
  broker = await serveManifests(testManifests({ backends: [{ name: "one", port: provider.port }], issuers: issuers("{cacheFor: 1s}") }), {
    environment: { ...api.environment, SPILLWAY_OVERLOAD: "off" },
  });
});
afterAll(async () => {
  await broker?.stop();
  await Promise.all([provider?.close(), api?.close()]);
});
beforeEach(() => {
  deleted.clear();
  api.setAway(false);
  // As the API server does: it knows its own tokens, and whether their pods are there.
  api.reviewToken = ({ token, audiences }) => {
    const { sub } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as { readonly sub: string }; // of this test's own issuer
    return deleted.has(token) ? { authenticated: false, error: "token has been invalidated" } : { authenticated: true, user: { username: sub }, audiences };
  };
});

const call = (token: string) =>
  fetch(`http://127.0.0.1:${broker.port}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-test", messages: [] }),
  });
const statusOf = async (token: string) => {
  const answer = await call(token);
  return { status: answer.status, code: answer.headers.get("x-egress-error"), text: await answer.text() };
};

describe("a cluster that is asked about its tokens", () => {
  it("T13: the token of a deleted pod is refused once cacheFor is over, though it has not ended", async () => {
    const token = tokenOf();
    expect((await statusOf(token)).status).toBe(200);
    deleted.add(token);
    await expect.poll(async () => (await statusOf(token)).status, { timeout: 8_000, interval: 100 }).toBe(401);
    const refused = await statusOf(token);
    expect(refused).toMatchObject({ status: 401, code: "identity_rejected" });
    expect(refused.text).not.toContain("invalidated");
    expect((await statusOf(tokenOf({ jti: "another" }))).status).toBe(200);
  });

  it("T13: while it is away a caller that it does not know gets 503, and the status says why without a credential", async () => {
    api.setAway(true);
    const token = tokenOf({ jti: "new" });
    expect(await statusOf(token)).toMatchObject({ status: 503, code: "not_ready" });
    const status = await fetch(`http://127.0.0.1:${broker.port}/-/status`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    const text = await status.text();
    expect(JSON.parse(text)).toMatchObject({ degraded: [expect.objectContaining({ part: "token_review", reason: "unavailable" })] });
    expect(text).not.toMatch(/test-token|eyJ/);
    api.setAway(false);
    await expect.poll(async () => (await statusOf(token)).status, { timeout: 8_000, interval: 100 }).toBe(200);
  });

  it("T13: callers with keys of the broker's own are not asked about", async () => {
    const before = api.count("create", "tokenreviews");
    api.setAway(true);
    expect((await call(ADMIN_TOKEN)).status).not.toBe(503);
    expect(api.count("create", "tokenreviews")).toBe(before);
  });
});

it("T13: outside of every cluster the Gateway is refused, and nobody gets through", async () => {
  const home = await mkdtemp(join(tmpdir(), "no-cluster-"));
  const alone = await serveManifests(testManifests({ backends: [{ name: "one", port: provider.port }], issuers: issuers("{}") }), {
    environment: { HOME: home, SPILLWAY_OVERLOAD: "off" },
  });
  try {
    const answer = await fetch(`http://127.0.0.1:${alone.port}/v1/models`, { headers: { authorization: `Bearer ${tokenOf()}` } });
    expect([answer.status, answer.headers.get("x-egress-error")]).toEqual([401, "identity_rejected"]);
    const conditions = alone.server.broker.loaded()?.conditions.flatMap((object) => (object.kind === "Gateway" ? object.conditions : []));
    expect(conditions).toContainEqual(expect.objectContaining({ type: "Accepted", status: "False", message: expect.stringContaining("knows none") }));
  } finally {
    await alone.stop();
    await rm(home, { recursive: true });
  }
});
