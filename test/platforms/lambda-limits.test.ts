import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } from "../fakes/aws-signature.ts";
import { DYNAMODB_USAGE_TABLE, type FakeDynamodb, startFakeDynamodb } from "../fakes/dynamodb.ts";
import { type LambdaProcess, startLambda } from "../fakes/lambda-runtime.ts";
import { ADMIN_TOKEN, CALLER_TOKEN, OTHER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type Provider, startProvider } from "../fakes/provider.ts";

const LIMIT = 5;

/** Two environments of the built function, which share nothing but a table. */
describe("limits and usage on Lambda", () => {
  let provider: Provider;
  let dynamodb: FakeDynamodb;
  let environments: readonly LambdaProcess[] = [];

  beforeAll(async () => {
    [provider, dynamodb] = await Promise.all([startProvider(), startFakeDynamodb()]);
    const manifests = testManifests({
      backends: [{ name: "openai", port: provider.port, api: "OpenAI" }],
      broker: `  limits: {store: {dynamodb: {table: ${DYNAMODB_USAGE_TABLE}}}}`,
      more: `apiVersion: spillway.dev/v1alpha1\nkind: UsageLimitPolicy\nmetadata: {name: few, namespace: egress-system}\nspec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}]\n  limits:\n  - {name: rpd, unit: Requests, limit: ${LIMIT}, window: {duration: 24h}, per: [Namespace]}\n  - {name: tokens, unit: Tokens, limit: 1000000, window: {duration: 24h}, per: [Namespace]}\n`,
    });
    const env = { AWS_ENDPOINT_URL_DYNAMODB: dynamodb.url, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY };
    environments = await Promise.all([startLambda({ manifests, env }), startLambda({ manifests, env })]);
  });
  afterAll(async () => {
    await Promise.all(environments.map((environment) => environment.stop()));
    await Promise.all([provider?.close(), dynamodb?.close()]);
  });

  let sent = 0;
  /** Again where the table was too slow for the broker's patience, which on a busy machine it may be. */
  const counted = async (at: number, token = CALLER_TOKEN): Promise<Response> => {
    for (;;) {
      const answer = await call(at, token);
      if (answer.status !== 503) return answer;
      await new Promise((settle) => setTimeout(settle, 100));
    }
  };
  const call = async (at: number, token = CALLER_TOKEN): Promise<Response> => {
    sent += 1;
    const body = JSON.stringify({ model: "gpt-test", max_tokens: 50, messages: [{ role: "user", content: "Tell me a story" }] });
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const answer = await fetch(`${environments[at % environments.length]?.url}/v1/chat/completions`, { method: "POST", headers, body });
    await answer.arrayBuffer();
    return answer;
  };
  const page = async (path: string): Promise<unknown> =>
    (await fetch(`${environments[0]?.url}/-/${path}`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } })).json();

  it("lets exactly the limit through over all environments, and keeps what was used before an environment is frozen", async () => {
    const answers = await Promise.all(Array.from({ length: 14 }, (_, at) => counted(at)));
    const statuses = answers.map(({ status }) => status).toSorted();
    expect(statuses).toEqual([...Array<number>(LIMIT).fill(200), ...Array<number>(14 - LIMIT).fill(429)]);
    expect(answers.find(({ status }) => status === 429)?.headers.get("x-egress-error")).toBe("limit_exceeded");
    expect(provider.seen).toHaveLength(LIMIT);
    expect((await counted(1, OTHER_TOKEN)).status).toBe(200);
    await expect.poll(() => page("usage?by=namespace")).toMatchObject({ total: { requests: sent, limited: 14 - LIMIT } });
    const limits = async () => ((await page("limits")) as { readonly limits?: readonly unknown[] }).limits; // our own page
    await expect.poll(limits).toContainEqual(expect.objectContaining({ unit: "requests", used: LIMIT, held: 0 }));
    for (const environment of environments) expect(environment.stderr()).not.toContain("by this instance alone");
  });

  it("refuses with 503 while the table is away, and counts on where it was", async () => {
    dynamodb.mode = "down";
    const away = await call(0, OTHER_TOKEN).finally(() => {
      dynamodb.mode = "up";
    });
    expect([away.status, away.headers.get("x-egress-error")]).toEqual([503, "limits_unavailable"]);
    await expect.poll(async () => (await call(0, OTHER_TOKEN)).status).toBe(200);
    expect((await counted(0)).status).toBe(429);
  });
});
