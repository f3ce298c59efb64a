import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { inspect, promisify } from "node:util";
import { build } from "esbuild";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { readRedisAddress } from "../../adapters/redis/redis-address.ts";
import { createNodeState } from "../../adapters/state/node-state.ts";
import { createRedisStore, type RedisStoreOptions } from "../../adapters/state/redis-store.ts";
import { type StateStore, StateStoreError } from "../../src/index.ts";
import { testStateStore } from "../contracts/state-store.ts";
import { createAuthority } from "../fakes/certificates.ts";
import { hasRedis, type RedisServer, startBreakingWire, startRedis } from "../fakes/redis-server.ts";

const missing = !hasRedis();
if (missing) process.stderr.write("MISSING: redis-server. Install it (Debian: apt-get install redis-server) so that it is on the PATH\n");

const PASSWORD = "a:b@c/d secret%";
const signal = new AbortController().signal;
const open: { close(): Promise<void> }[] = [];

function storeAt(url: string, options: Partial<RedisStoreOptions> = {}): StateStore {
  const address = readRedisAddress(url);
  if (address === null) throw new Error("not the address of a Redis");
  const store = createRedisStore({ address, timeoutMs: 1_500, ...options });
  open.push(store);
  return store;
}

function urlOf(redis: { readonly port: number }, path = ""): string {
  return `redis://:${encodeURIComponent(PASSWORD)}@127.0.0.1:${redis.port}${path}`;
}

async function errorOf(operation: Promise<unknown>): Promise<StateStoreError> {
  const error = await operation.then(
    () => expect.unreachable("it answered"),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof StateStoreError)) throw error;
  expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/secret|sk-/);
  return error;
}

describe.skipIf(missing)(`state in Redis${missing ? " (MISSING: redis-server)" : ""}`, () => {
  afterEach(async () => {
    await Promise.all(open.splice(0).map((opened) => opened.close()));
  });
  const ownRedis = async (): Promise<RedisServer> => {
    const own = await startRedis({ password: PASSWORD });
    open.push(own);
    return own;
  };

  testStateStore("Redis", async () => {
    const redis = await startRedis({ password: PASSWORD });
    const address = readRedisAddress(urlOf(redis));
    if (address === null) throw new Error("not the address of a Redis");
    const create = (timeoutMs: number) => createRedisStore({ address, timeoutMs });
    const [store, other, hurried] = [create(10_000), create(10_000), create(1_500)];
    return {
      store,
      other,
      hurried,
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
        await hurried.close();
        await redis.close();
      },
    };
  });

  describe("over one server", () => {
    let redis: RedisServer;
    let plain: Redis;
    beforeAll(async () => {
      redis = await startRedis({ password: PASSWORD });
      plain = new Redis({ host: "127.0.0.1", port: redis.port, password: PASSWORD });
    });
    afterAll(async () => {
      plain.disconnect();
      await redis.close();
    });

    it("writes one key an entry, with a time to live, in the database that was named", async () => {
      const store = storeAt(urlOf(redis, "/3"));
      const version = await store.put("event/1", "value", { expected: null, ttlMs: 60_000 }, signal);
      await plain.select(3);
      expect(await plain.keys("*")).toEqual(["spillway:{event/1}"]);
      expect(await plain.get("spillway:{event/1}")).toBe(`${version}value`);
      const left = await plain.pttl("spillway:{event/1}");
      expect(left).toBeGreaterThan(50_000);
      expect(left).toBeLessThanOrEqual(60_000);
      await plain.select(0);
    });

    it("knows its own writing when the answer to it was lost", async () => {
      const wire = await startBreakingWire(redis.port, /GETRANGE/);
      open.push(wire);
      const store = storeAt(urlOf(wire));
      wire.breakNext = true;
      const version = await store.put("lost", "one", { expected: null, ttlMs: 60_000 }, signal);
      expect(version).not.toBeNull();
      expect(wire.breakNext).toBe(false);
      expect(await store.get("lost", signal)).toEqual({ value: "one", version });
      wire.breakNext = true;
      expect(await store.remove("lost", version ?? "", signal)).toBe(true);
      wire.breakNext = true;
      expect(await store.put("lost", "x", { expected: version, ttlMs: 60_000 }, signal)).toBeNull();
    });

    it("does not carry out later what was given up", async () => {
      const own = await ownRedis();
      const store = storeAt(urlOf(own), { timeoutMs: 300 });
      await own.kill();
      await errorOf(store.put("given-up", "x", { expected: null, ttlMs: 60_000 }, signal));
      await own.start();
      const patient = storeAt(urlOf(own));
      expect(await patient.get("other", signal)).toBeNull();
      // By now the first store has a connection too.
      await expect.poll(() => store.get("given-up", signal).catch(() => "not yet")).toBeNull();
    });

    it("rides out a restart that is shorter than an operation may take", async () => {
      const own = await ownRedis();
      const store = storeAt(urlOf(own), { timeoutMs: 5_000 });
      expect(await store.get("key", signal)).toBeNull();
      await own.kill();
      const asked = store.put("key", "x", { expected: null, ttlMs: 60_000 }, signal);
      await own.start();
      expect(await asked).not.toBeNull();
    });

    it("bounds what waits", async () => {
      const own = await ownRedis();
      const store = storeAt(urlOf(own), { timeoutMs: 500, maxPending: 10 });
      expect(await store.get("key", signal)).toBeNull();
      own.freeze(true);
      const waiting = Array.from({ length: 10 }, () => errorOf(store.get("key", signal)));
      expect((await errorOf(store.get("key", signal))).message).toBe("too many operations wait for Redis");
      expect(new Set((await Promise.all(waiting)).map((error) => error.message)).size).toBeGreaterThan(0);
      own.freeze(false);
      await expect.poll(() => store.get("key", signal).catch(() => "not yet")).toBeNull();
    });

    it("says what is wrong: the password, the memory, a key of somebody else", async () => {
      const wrong = storeAt(`redis://:wrong-secret@127.0.0.1:${redis.port}`, { timeoutMs: 500 });
      expect((await errorOf(wrong.put("key", "sk-value", { expected: null, ttlMs: 1_000 }, signal))).message).toContain("WRONGPASS");
      const nobody = storeAt("redis://127.0.0.1:1", { timeoutMs: 300 });
      expect((await errorOf(nobody.get("key", signal))).message).toBe("Redis: the time was up (ECONNREFUSED)");
      const store = storeAt(urlOf(redis));
      await plain.config("SET", "maxmemory", "1mb");
      expect((await errorOf(store.put("key", "sk-value", { expected: null, ttlMs: 1_000 }, signal))).message).toBe("Redis refused: OOM");
      await plain.config("SET", "maxmemory", "0");
      await plain.set("spillway:{short}", "x");
      await errorOf(store.get("short", signal));
      await plain.lpush("spillway:{list}", "x");
      expect((await errorOf(store.get("list", signal))).message).toBe("Redis refused: WRONGTYPE");
      await errorOf(store.put("list", "sk-value", { expected: null, ttlMs: 1_000 }, signal));
    });

    it("works when it is bundled as the broker is", async () => {
      const folder = await mkdtemp(join(tmpdir(), "bundled-"));
      open.push({ close: () => rm(folder, { recursive: true, force: true }) });
      await build({
        stdin: {
          contents: `import { createNodeState } from "./adapters/state/node-state.ts";
            const store = await createNodeState(process.env);
            const version = await store.put("bundled", "x", { expected: null, ttlMs: 60000 }, new AbortController().signal);
            await store.close();
            console.log(version);`,
          resolveDir: resolve(import.meta.dirname, "../.."),
        },
        outdir: folder,
        bundle: true,
        splitting: true,
        format: "esm",
        platform: "node",
        mainFields: ["module", "main"],
        outExtension: { ".js": ".mjs" },
        banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
      });
      const env = { ...process.env, SPILLWAY_STATE: urlOf(redis) };
      const { stdout } = await promisify(execFile)(process.execPath, [join(folder, "stdin.mjs")], { env });
      expect(await storeAt(urlOf(redis)).get("bundled", signal)).toEqual({ value: "x", version: stdout.trim() });
    });

    it("is what SPILLWAY_STATE names", async () => {
      const store = await createNodeState({ SPILLWAY_STATE: urlOf(redis, "/5") });
      open.push(store);
      const version = await store.put("named", "x", { expected: null, ttlMs: 60_000 }, signal);
      expect(await storeAt(urlOf(redis, "/5")).get("named", signal)).toEqual({ value: "x", version });
    });
  });

  it("speaks TLS with whom it knows, and with nobody else", async () => {
    const authority = createAuthority();
    const redis = await startRedis({ password: PASSWORD, certificate: authority.issue({ dnsNames: ["localhost"] }) });
    const secure = (host: string) => storeAt(urlOf(redis).replace("redis:", "rediss:").replace("127.0.0.1", host), { timeoutMs: 700 });
    const before = getCACertificates("default");
    try {
      await errorOf(secure("localhost").get("key", signal));
      setDefaultCACertificates([...before, authority.caPem]);
      expect(await secure("localhost").get("key", signal)).toBeNull();
      // The certificate is for another name.
      await errorOf(secure("127.0.0.1").get("key", signal));
      await errorOf(storeAt(urlOf(redis), { timeoutMs: 700 }).get("key", signal));
    } finally {
      setDefaultCACertificates(before);
      await redis.close();
    }
  });
});
