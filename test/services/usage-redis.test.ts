import { setTimeout as wait } from "node:timers/promises";
import { describe } from "vitest";
import { readRedisAddress } from "../../adapters/redis/redis-address.ts";
import { createRedisUsageStore } from "../../adapters/usage/redis-store.ts";
import { testUsageStore } from "../contracts/usage-store.ts";
import { hasRedis, startRedis } from "../fakes/redis-server.ts";

const missing = !hasRedis();
if (missing) process.stderr.write("MISSING: redis-server. Install it (Debian: apt-get install redis-server) so that it is on the PATH\n");

const PASSWORD = "a:b@c/d secret%";

function addressOf(port: number) {
  const address = readRedisAddress(`redis://:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/2`);
  if (address === null) throw new Error("not the address of a Redis");
  return address;
}

describe.skipIf(missing)(`usage in Redis${missing ? " (MISSING: redis-server)" : ""}`, () => {
  testUsageStore("Redis", async () => {
    const redis = await startRedis({ password: PASSWORD });
    const create = () => createRedisUsageStore({ address: addressOf(redis.port), timeoutMs: 2_000 });
    const [store, other] = [create(), create()];
    return {
      store,
      other,
      now: Date.now,
      pass: async (ms) => wait(ms),
      realTime: true,
      async outage(state) {
        if (state === "down") await redis.kill();
        else redis.freeze(state === "stalled");
        if (state === "up") await redis.start();
      },
      async close() {
        redis.freeze(false);
        await store.close();
        await other.close();
        await redis.close();
      },
    };
  });
});
