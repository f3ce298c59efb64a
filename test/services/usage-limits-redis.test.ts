import { writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { ADMIN_TOKEN, CALLER_TOKEN, OTHER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type Provider, startProvider } from "../fakes/provider.ts";
import { hasRedis, type RedisServer, startRedis } from "../fakes/redis-server.ts";
import { recordFigure } from "../hostile/figure.ts";

const missing = !hasRedis();
if (missing) process.stderr.write("MISSING: redis-server. Install it (Debian: apt-get install redis-server) so that it is on the PATH\n");

const WINDOW_MS = 5_000;
const LIMIT = 100;

/** Two brokers, one Redis and a provider that reports what it has served. */
describe.skipIf(missing)(`two brokers and one Redis${missing ? " (MISSING: redis-server)" : ""}`, () => {
  let redis: RedisServer;
  let provider: Provider;
  let reported = 0;
  const brokers: BrokerProcess[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });

  beforeAll(async () => {
    provider = await startProvider({
      behaviour: (_seen, response) => {
        const usage = { prompt_tokens: 7, completion_tokens: 3 + (reported % 5), total_tokens: 0 };
        reported += usage.prompt_tokens + usage.completion_tokens;
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ object: "chat.completion", choices: [], usage }));
      },
    });
    redis = await startRedis({ durable: true });
  });
  afterEach(async () => {
    await Promise.all(brokers.splice(0).map((broker) => broker.stop()));
    reported = 0;
  });
  afterAll(async () => {
    agent.destroy();
    await provider?.close();
    await redis?.close();
  });

  async function startTwo(limits: readonly string[], more = ""): Promise<void> {
    const address = join(tmpdir(), `redis-address-${redis.port}`);
    writeFileSync(address, `redis://127.0.0.1:${redis.port}`);
    const manifests = testManifests({
      backends: [{ name: "only", port: provider.port, api: "OpenAI" }],
      broker: "  limits: {store: {redis: {urlRef: {group: spillway.dev, kind: SecretSource, name: redis}}}}",
      more: [
        `apiVersion: spillway.dev/v1alpha1\nkind: SecretSource\nmetadata: {name: redis, namespace: egress-system}\nspec: {file: {path: ${address}}}`,
        `apiVersion: spillway.dev/v1alpha1\nkind: UsageLimitPolicy\nmetadata: {name: p, namespace: egress-system}\nspec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}]\n  limits:\n${limits.map((limit) => `  - ${limit}`).join("\n")}\n${more}`,
      ].join("\n---\n"),
    });
    brokers.push(...(await Promise.all([1, 2].map(() => startBroker({ manifests, args: ["--quiet"] })))));
  }

  /** Status of one call; `turn` says which of the brokers takes it. */
  function call(turn: number, token = CALLER_TOKEN): Promise<number> {
    const body = JSON.stringify({ model: "m", messages: [], max_tokens: 10 });
    return new Promise((resolve, reject) => {
      const asked = request(
        `${brokers[turn % brokers.length]?.url}/v1/chat/completions`,
        { method: "POST", agent, headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "content-length": body.length } },
        (answer) => {
          answer.resume().once("end", () => resolve(answer.statusCode ?? 0));
        },
      );
      asked.once("error", reject);
      asked.end(body);
    });
  }

  async function used(limit: string): Promise<number> {
    const answer = await fetch(`${brokers[0]?.url}/-/limits`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    const { limits } = (await answer.json()) as { readonly limits: readonly { readonly limit: string; readonly used: number; readonly held: number }[] }; // our own page
    return limits.filter((one) => JSON.stringify(one).includes(`/${limit}"`)).reduce((sum, one) => sum + one.used, 0);
  }

  const count = (statuses: readonly number[], status: number) => statuses.filter((one) => one === status).length;

  function expectExact(what: string, statuses: readonly number[], ms: number): void {
    // Where the machine keeps Redis from answering within 50 ms the limit fails closed.
    const late = count(statuses, 503);
    expect(late).toBeLessThanOrEqual(statuses.length * 0.05);
    const percent = Math.round((count(statuses, 200) / LIMIT - 1) * 1_000) / 10;
    recordFigure({ row: "F28", what: `two brokers and a Redis, four times the limit ${what}: let in`, value: percent, unit: "%", bar: "within 5 %" });
    expect(count(statuses, 200)).toBeGreaterThanOrEqual(LIMIT * 0.95 - late);
    expect(count(statuses, 200)).toBeLessThanOrEqual(LIMIT * 1.05 * Math.max(1, ms / WINDOW_MS));
    expect(count(statuses, 200) + count(statuses, 429) + late).toBe(statuses.length);
  }

  // Again where the machine had no time for Redis: what is measured is the broker.
  it("F28 B19: four times the limit over most of a window: the limit, within 5 %, and every other answer is 429; in one instant never more", {
    retry: 2,
  }, async () => {
    await startTwo([`{name: r, unit: Requests, limit: ${LIMIT}, window: {duration: ${WINDOW_MS / 1_000}s}, per: [Namespace]}`]);
    const steady: Promise<number>[] = [];
    const began = performance.now();
    for (let index = 0; index < 4 * LIMIT; index += 1) {
      const due = began + (index * WINDOW_MS * 0.8) / (4 * LIMIT);
      if (due > performance.now()) await wait(due - performance.now());
      steady.push(call(index));
    }
    // What a loaded machine stretches beyond the window may be let in again.
    expectExact("over most of a window", await Promise.all(steady), performance.now() - began);
    // Another namespace has an account of its own, and asks for all of it at once.
    const instant = performance.now();
    expectExact("in one instant", await Promise.all(Array.from({ length: 4 * LIMIT }, (_, index) => call(index, OTHER_TOKEN))), performance.now() - instant);
  });

  it("F28: what is settled is what the provider reported, to the token, whichever broker served", async () => {
    await startTwo(["{name: t, unit: Tokens, limit: 1000000, window: {duration: 1h}}"]);
    const statuses = await Promise.all(Array.from({ length: 200 }, (_, index) => call(index)));
    expect(count(statuses, 200)).toBe(200);
    await expect.poll(() => used("t"), { interval: 250 }).toBe(reported);
  });

  it("F26: Redis killed in the middle: FailClosed answers 503, and nothing is forgotten or counted twice when it is back", async () => {
    await startTwo(["{name: k, unit: Tokens, limit: 1000000, window: {duration: 1h}}"]);
    expect(count(await Promise.all(Array.from({ length: 40 }, (_, index) => call(index))), 200)).toBe(40);
    await redis.kill();
    try {
      // What the brokers hold lets some calls pass; then nobody can count.
      await expect.poll(() => call(0).then(async (first) => [first, await call(1)]), { timeout: 20_000, interval: 100 }).toEqual([503, 503]);
    } finally {
      await redis.start();
    }
    await expect.poll(() => call(0).then(async (first) => [first, await call(1)]), { timeout: 20_000, interval: 100 }).toEqual([200, 200]);
    await expect.poll(() => used("k"), { timeout: 20_000, interval: 250 }).toBe(reported);
  }, 70_000);

  it("F26: FailOpen lets pass and tells afterwards; Local grants its share", async () => {
    await startTwo([
      "{name: open, unit: Tokens, limit: 1000000, window: {duration: 1h}, onStoreFailure: FailOpen}",
      "{name: local, unit: Requests, limit: 100, window: {duration: 1h}, onStoreFailure: Local, match: {namespaces: [team-b]}}",
    ]);
    expect([await call(0), await call(1), await call(0, OTHER_TOKEN), await call(1, OTHER_TOKEN)]).toEqual([200, 200, 200, 200]);
    await redis.kill();
    try {
      await wait(1_500);
      const open = await Promise.all(Array.from({ length: 40 }, (_, index) => call(index)));
      expect(count(open, 200)).toBe(40);
      const local = await Promise.all(Array.from({ length: 120 }, (_, index) => call(index, OTHER_TOKEN)));
      // A tenth of 100 each, and what each may still have held of the account.
      expect(count(local, 200)).toBeGreaterThanOrEqual(20);
      expect(count(local, 200)).toBeLessThanOrEqual(40);
      expect(count(local, 200) + count(local, 429)).toBe(120);
    } finally {
      await redis.start();
    }
    await expect.poll(() => used("open"), { timeout: 20_000, interval: 250 }).toBe(reported);
  }, 70_000);
});
