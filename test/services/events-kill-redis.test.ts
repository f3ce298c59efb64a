import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RedisClaims, watchRedisClaims } from "../fakes/event-redis-claims.ts";
import { runStorm } from "../fakes/event-storm.ts";
import { type EventWorld, startEventWorld } from "../fakes/event-world.ts";
import { hasRedis, type RedisServer, startRedis } from "../fakes/redis-server.ts";

const missing = !hasRedis();
if (missing) process.stderr.write("MISSING: redis-server. Install it (Debian: apt-get install redis-server) so that it is on the PATH\n");

const SEED = Number(process.env["SPILLWAY_STORM_SEED"] ?? Math.floor(Math.random() * 1e9));

describe.skipIf(missing)("the storm, with the ledger in a real Redis", () => {
  let redis: RedisServer;
  let claims: RedisClaims;
  let world: EventWorld;

  beforeAll(async () => {
    redis = await startRedis();
    claims = await watchRedisClaims(redis.port);
    world = await startEventWorld({ SPILLWAY_STATE: `redis://127.0.0.1:${redis.port}/0` });
  });
  afterAll(async () => {
    await world?.close();
    claims?.close();
    await redis?.close();
  });

  it(`answers each of 500 events once, however often the brokers are killed (SPILLWAY_STORM_SEED=${SEED})`, { timeout: 600_000 }, async () => {
    const { ids, poison, dead, kills } = await runStorm(world, { seed: SEED, events: 500 });
    const told = ids.map((id) => world.told(id));
    expect(ids.filter((_, at) => told[at]?.ids.size !== 1)).toEqual([]);
    expect(ids.filter((_, at) => [...(told[at]?.statuses ?? [])].join() !== "200")).toEqual([]);
    const leasesOf = (id: string) => claims.leases(`event/${[...world.told(id).ids][0]}`);
    expect(ids.filter((id) => world.calls(id) < 1 || world.calls(id) > leasesOf(id))).toEqual([]);
    expect(dead.flatMap((letter) => letter.ids).sort()).toEqual([...poison].sort());
    expect(kills).toBeGreaterThan(5);
  });
});
