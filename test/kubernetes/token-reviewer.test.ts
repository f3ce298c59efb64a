import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTokenReviewer } from "../../adapters/kubernetes/token-reviewer.ts";
import { TokenReviewError } from "../../src/index.ts";
import { type KubernetesApi, startKubernetesApi, type TokenReviewSpec } from "../fakes/kubernetes-api.ts";

const NEVER = new AbortController().signal;
let api: KubernetesApi;
beforeEach(async () => {
  api = await startKubernetesApi({ tls: true });
});
afterEach(() => api.close());

const failure = async (environment: Readonly<Record<string, string>> = api.environment): Promise<TokenReviewError> => {
  const error: unknown = await createTokenReviewer(environment)
    .review("the-token-of-a-caller", ["spillway"], NEVER)
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(TokenReviewError);
  // The whole of it, causes too.
  expect(JSON.stringify([String(error), error, (error as Error).cause ?? null])).not.toMatch(/the-token-of-a-caller|test-token/);
  return error as TokenReviewError; // as was looked at
};

describe("a TokenReview", () => {
  it("is created over TLS with token and audiences, and its status is read", async () => {
    const seen: TokenReviewSpec[] = [];
    api.reviewToken = (spec) => {
      seen.push(spec);
      return {
        authenticated: true,
        user: { username: "system:serviceaccount:team-a:chat", uid: "u1", groups: ["system:authenticated"] },
        audiences: ["spillway"],
      };
    };
    const review = await createTokenReviewer(api.environment).review("t", ["spillway", "egress"], NEVER);
    expect(review).toEqual({ authenticated: true, username: "system:serviceaccount:team-a:chat", audiences: ["spillway"] });
    expect(seen).toEqual([{ token: "t", audiences: ["spillway", "egress"] }]);
    expect(api.requests).toMatchObject([{ verb: "create", group: "authentication.k8s.io", resource: "tokenreviews", namespace: null }]);
  });

  it.each<[unknown, { authenticated: boolean; username: string | null; audiences: string[] }]>([
    [
      { authenticated: false, error: "service account token has been invalidated" },
      { authenticated: false, username: null, audiences: [] },
    ],
    [{}, { authenticated: false, username: null, audiences: [] }],
    [
      { authenticated: "true", user: "root", audiences: "spillway" },
      { authenticated: false, username: null, audiences: [] },
    ],
    [
      { authenticated: true, user: { username: 7 }, audiences: [1, "spillway", null] },
      { authenticated: true, username: null, audiences: ["spillway"] },
    ],
  ])("with the status %j says no more than it says", async (status, expected) => {
    api.reviewToken = () => status;
    expect(await createTokenReviewer(api.environment).review("t", ["spillway"], NEVER)).toEqual(expected);
  });

  it("without a status is none", async () => {
    api.reviewToken = () => null;
    expect(await failure()).toMatchObject({ reason: "unavailable", message: expect.stringContaining("without a status") });
  });

  it("that the broker may not create says which right is missing", async () => {
    api.forbidden.add("create tokenreviews");
    expect(await failure()).toMatchObject({ reason: "denied", message: expect.stringContaining("create tokenreviews.authentication.k8s.io") });
  });

  it("fails as an outage while the server is away, and works when it is back", async () => {
    api.reviewToken = () => ({ authenticated: false });
    const reviewer = createTokenReviewer(api.environment);
    api.setAway(true);
    await expect(reviewer.review("t", ["spillway"], NEVER)).rejects.toMatchObject({ name: "TokenReviewError", reason: "unavailable" });
    api.setAway(false);
    await expect(reviewer.review("t", ["spillway"], NEVER)).resolves.toMatchObject({ authenticated: false });
  });

  it("is given up when its asker leaves", async () => {
    const leaving = new AbortController();
    api.reviewToken = () => {
      leaving.abort(new Error("left"));
      return new Promise(() => {});
    };
    await expect(createTokenReviewer(api.environment).review("t", ["spillway"], leaving.signal)).rejects.toThrow("left");
  });

  it("of an instance outside of every cluster is an outage that says what to do", async () => {
    const home = await mkdtemp(join(tmpdir(), "no-cluster-"));
    expect(await failure({ HOME: home })).toMatchObject({ reason: "unavailable", message: expect.stringContaining("set KUBECONFIG") });
    await rm(home, { recursive: true });
  });
});
