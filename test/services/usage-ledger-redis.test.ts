import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { UsageReport } from "../../src/offline.ts";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { ADMIN_TOKEN, CALLER_TOKEN, OTHER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type Provider, startProvider } from "../fakes/provider.ts";
import { type BreakingWire, hasRedis, type RedisServer, startBreakingWire, startRedis } from "../fakes/redis-server.ts";
import { recordFigure } from "../hostile/figure.ts";

const missing = !hasRedis();
if (missing) process.stderr.write("MISSING: redis-server. Install it (Debian: apt-get install redis-server) so that it is on the PATH\n");

/** What each call of the fake provider uses. */
const INPUT = 11;

describe.skipIf(missing)(`one ledger of two brokers${missing ? " (MISSING: redis-server)" : ""}`, () => {
  let redis: RedisServer;
  let wire: BreakingWire;
  let provider: Provider;
  let brokers: BrokerProcess[] = [];

  beforeAll(async () => {
    [redis, provider] = await Promise.all([startRedis({ durable: true }), startProvider()]);
    wire = await startBreakingWire(redis.port, /evalsha|EVALSHA|eval/);
  });
  afterEach(async () => {
    await Promise.all(brokers.map((broker) => broker.stop()));
    brokers = [];
  });
  afterAll(async () => {
    await wire.close();
    await Promise.all([redis.close(), provider.close()]);
  });

  /** Each test has a Gateway, and so a ledger, of its own: the database of Redis. */
  async function begin(database: number, port = redis.port): Promise<BrokerProcess> {
    const manifests = testManifests({ backends: [{ name: "first", port: provider.port, api: "OpenAI" }] });
    const broker = await startBroker({ manifests, env: { SPILLWAY_STATE: `redis://127.0.0.1:${port}/${database}` } });
    brokers.push(broker);
    return broker;
  }

  async function calls(broker: BrokerProcess, count: number, token = CALLER_TOKEN): Promise<void> {
    const body = JSON.stringify({ model: "gpt-test", messages: [{ role: "user", content: "hi" }] });
    for (let left = count; left > 0; left -= 10) {
      const batch = Array.from({ length: Math.min(10, left) }, async () => {
        const answer = await fetch(`${broker.url}/v1/chat/completions`, { method: "POST", headers: { authorization: `Bearer ${token}` }, body });
        expect(answer.status).toBe(200);
        await answer.arrayBuffer();
      });
      await Promise.all(batch);
    }
  }

  async function total(broker: BrokerProcess): Promise<UsageReport["total"] | null> {
    const answer = await fetch(`${broker.url}/-/usage?by=namespace`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    return answer.status === 200 ? ((await answer.json()) as UsageReport).total : null; // our own page
  }

  it("adds up what both have served, and each tells it all", async () => {
    const [one, two] = [await begin(1), await begin(1)];
    await Promise.all([calls(one, 60), calls(two, 40), calls(two, 30, OTHER_TOKEN)]);
    for (const broker of [one, two])
      await expect.poll(() => total(broker)).toMatchObject({ requests: 130, inputTokens: 130 * INPUT, outputTokens: 130 * 5, errors: 0 });
  });

  it("F30: an instance that is killed loses what it had not told, and that is no older than its last second", async () => {
    const [one, two] = [await begin(2), await begin(2)];
    await calls(one, 50);
    // Told by itself: nobody asks this one.
    await expect.poll(() => total(two)).toMatchObject({ requests: 50 });
    await calls(one, 20);
    one.child.kill("SIGKILL");
    await calls(two, 10);
    const requests = (await total(two))?.requests ?? 0;
    recordFigure({ row: "F30", what: "SIGKILL at once after 20 calls: calls lost", value: 80 - requests, unit: "of 20", bar: "<= 1 s of usage" });
    expect(requests).toBeGreaterThanOrEqual(60);
    expect(requests).toBeLessThanOrEqual(80);
  });

  it("an instance that is stopped tells everything first", async () => {
    const [one, two] = [await begin(3), await begin(3)];
    await calls(one, 37);
    await one.stop();
    expect(await total(two)).toMatchObject({ requests: 37, inputTokens: 37 * INPUT });
  });

  it("nothing counts twice or is lost when Redis is killed in the middle, and when answers of it are lost", async () => {
    const [one, two] = [await begin(4, wire.port), await begin(4)];
    await calls(one, 20);
    // The next batch is taken, and its answer never comes.
    wire.breakNext = true;
    await calls(one, 20);
    await expect.poll(() => wire.breakNext).toBe(false);
    await calls(two, 20);
    await redis.kill();
    await Promise.all([calls(one, 25), calls(two, 25)]);
    expect(await total(two)).toBeNull();
    await redis.start();
    await Promise.all([calls(one, 10), calls(two, 10)]);
    for (const broker of [one, two])
      await expect.poll(() => total(broker), { timeout: 25_000, interval: 250 }).toMatchObject({ requests: 130, inputTokens: 130 * INPUT });
  });
});
