import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { inspect } from "node:util";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { readRedisAddress } from "../../adapters/redis/redis-address.ts";
import { MAX_KEYS } from "../../adapters/usage/check-batch.ts";
import { createRedisUsageStore, type RedisUsageStoreOptions } from "../../adapters/usage/redis-store.ts";
import { type AccountChange, type UsageRow, type UsageStore, UsageStoreError } from "../../src/index.ts";
import { changeOf, signal, testUsageStore } from "../contracts/usage-store.ts";
import { rowOf } from "../contracts/usage-store-ledger.ts";
import { hasRedis, type RedisServer, startBreakingWire, startRedis, startRedisCluster } from "../fakes/redis-server.ts";

const missing = !hasRedis();
if (missing) process.stderr.write("MISSING: redis-server. Install it (Debian: apt-get install redis-server) so that it is on the PATH\n");

const PASSWORD = "a:b@c/d secret%";
const HOUR_MS = 3_600_000;
const open: { close(): Promise<void> }[] = [];

function storeAt(port: number, options: Partial<RedisUsageStoreOptions> & { user?: string } = {}): UsageStore {
  const address = readRedisAddress(`redis://${options.user ?? ""}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}`);
  if (address === null) throw new Error("not the address of a Redis");
  const store = createRedisUsageStore({ address, timeoutMs: 2_000, ...options });
  open.push(store);
  return store;
}

const hourNow = () => Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
const exchangeOf = (realm: string, sequence: number, change: Partial<AccountChange> & { account: string }, holder = "one") => ({
  realm,
  holder,
  sequence,
  ttlMs: 60_000,
  changes: [changeOf(change)],
});

describe.skipIf(missing)(`usage in Redis${missing ? " (MISSING: redis-server)" : ""}`, () => {
  afterEach(async () => {
    await Promise.all(open.splice(0).map((opened) => opened.close()));
  });

  testUsageStore("Redis", async () => {
    const redis = await startRedis({ password: PASSWORD });
    const address = readRedisAddress(`redis://:${encodeURIComponent(PASSWORD)}@127.0.0.1:${redis.port}/2`);
    if (address === null) throw new Error("not the address of a Redis");
    const create = (timeoutMs: number) => createRedisUsageStore({ address, timeoutMs });
    const [store, other, hurried] = [create(10_000), create(10_000), create(2_000)];
    return {
      store,
      other,
      hurried,
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
    afterEach(async () => {
      await plain.flushall();
    });

    it("gives every key an end", async () => {
      const store = storeAt(redis.port);
      await store.exchange(
        {
          ...exchangeOf("ns/gw", 1, { account: "a", used: 1 }),
          changes: [changeOf({ account: "a", used: 1 }), changeOf({ account: "b", window: { kind: "none" } })],
        },
        signal,
      );
      const until = { kind: "until", from: hourNow(), at: hourNow() + 30 * 24 * HOUR_MS } as const;
      await store.exchange(exchangeOf("ns/gw", 2, { account: "c", window: until, used: 1 }), signal);
      const incident = {
        time: Date.now(),
        kind: "denied",
        id: "1",
        namespace: "n",
        serviceAccount: "s",
        route: "r",
        model: "m",
        backend: "b",
        reason: "r",
        detail: "d",
      } as const;
      await store.record({ id: "one", realm: "ns/gw", rows: [rowOf(hourNow())], incidents: [incident] }, signal);
      const keys = (await plain.keys("*")).sort();
      const start = hourNow();
      const day = Math.floor(start / (24 * HOUR_MS)) * 24 * HOUR_MS;
      expect(keys).toEqual(
        ["account:a", "account:b", "account:c", "accounts", "batch:one", `day:${day}`, "days", `hour:${start}`, "hours", "incidents"].map(
          (end) => `spillway:{ns/gw}:${end}`,
        ),
      );
      const lives = new Map(await Promise.all(keys.map(async (key) => [key.slice(17), await plain.pttl(key)] as const)));
      for (const [, left] of lives) expect(left).toBeGreaterThan(0);
      const near = (key: string, ms: number) => expect(Math.abs((lives.get(key) ?? 0) - ms)).toBeLessThan(90_000);
      near("account:a", HOUR_MS);
      near("account:b", 600_000);
      near("account:c", until.at + 24 * HOUR_MS - Date.now());
      near("batch:one", 900_000);
      near(`hour:${start}`, start + 8 * 24 * HOUR_MS - Date.now());
      near(`day:${day}`, day + 400 * 24 * HOUR_MS - Date.now());
    });

    it("needs one round trip and eight commands for three accounts", async () => {
      const store = storeAt(redis.port);
      const changes = ["a", "b", "c"].map((account) => changeOf({ account, used: 1, need: 1 }));
      const send = (sequence: number) => store.exchange({ ...exchangeOf("ns/gw", sequence, { account: "a" }), changes }, signal);
      await send(1);
      await plain.config("RESETSTAT");
      await send(2);
      const stats = [...(await plain.info("commandstats")).matchAll(/cmdstat_([a-z]+):calls=(\d+)/g)].map(([, name, calls]) => [name, Number(calls)] as const);
      const ran = Object.fromEntries(stats.filter(([name]) => name !== "info" && name !== "config"));
      expect(ran).toEqual({ evalsha: 1, time: 1, mget: 1, set: 3, zadd: 1, zremrangebyrank: 1, pexpire: 1 });
    });

    it("sends its scripts again to a server that has forgotten them", async () => {
      const store = storeAt(redis.port);
      await store.exchange(exchangeOf("ns/gw", 1, { account: "a", used: 1 }), signal);
      await plain.script("FLUSH");
      expect((await store.exchange(exchangeOf("ns/gw", 2, { account: "a", used: 1 }), signal)).accounts[0]?.used).toBe(2);
    });

    it("books and records once where the answer was lost", async () => {
      const wire = await startBreakingWire(redis.port, /evalsha/i);
      open.push(wire);
      const store = storeAt(wire.port);
      const other = storeAt(redis.port);
      for (let sequence = 1; sequence <= 3; sequence += 1) {
        await store.exchange(exchangeOf("ns/gw", 10 * sequence, { account: "a" }), signal);
        wire.breakNext = true;
        expect((await store.exchange(exchangeOf("ns/gw", 10 * sequence + 1, { account: "a", used: 5, need: 7 }), signal)).accounts[0]).toMatchObject({
          used: 5 * sequence,
          held: 7,
        });
        expect(wire.breakNext).toBe(false);
        wire.breakNext = true;
        await store.record({ id: `${sequence}`, realm: "ns/gw", rows: [rowOf(hourNow(), { requests: 3 })], incidents: [] }, signal);
        expect(wire.breakNext).toBe(false);
      }
      expect(await other.accounts("ns/gw", 10, signal)).toMatchObject([{ used: 15, held: 7 }]);
      expect(await other.usage({ realm: "ns/gw", interval: "day", from: 0, to: 2 ** 50 }, signal)).toMatchObject([{ requests: 9 }]);
    });

    it("is served by a user that may do no more than it must", async () => {
      const page = readFileSync(join(import.meta.dirname, "../../docs/usage-stores.md"), "utf8");
      const rules = /^ACL SETUSER spillway on >PASSWORD (.*)$/m.exec(page)?.[1] ?? "";
      await plain.acl("SETUSER", "limits", "on", `>${PASSWORD}`, ...rules.split(" "));
      const store = storeAt(redis.port, { user: "limits" });
      await store.exchange(exchangeOf("ns/gw", 1, { account: "a", used: 1 }), signal);
      await store.record({ id: "one", realm: "ns/gw", rows: [rowOf(hourNow())], incidents: [] }, signal);
      expect(await store.usage({ realm: "ns/gw", interval: "hour", from: 0, to: 2 ** 50 }, signal)).toHaveLength(1);
      expect(await store.accounts("ns/gw", 10, signal)).toHaveLength(1);
      expect(await store.incidents("ns/gw", 10, signal)).toEqual([]);
      await plain.acl("DELUSER", "limits");
    });

    it("says what is wrong, quotes nothing, and books nothing by halves", async () => {
      const failing = async (asked: Promise<unknown>) => {
        const error: unknown = await asked.then(
          () => expect.unreachable("it answered"),
          (thrown: unknown) => thrown,
        );
        expect(error).toBeInstanceOf(UsageStoreError);
        expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/secret|sk-/);
        return String(error);
      };
      const store = storeAt(redis.port);
      await store.exchange(exchangeOf("ns/gw", 1, { account: "sk-a", used: 1 }), signal);
      await plain.config("SET", "maxmemory", "1mb");
      const batch = { id: "sk-id", realm: "ns/gw", rows: [rowOf(hourNow())], incidents: [] };
      try {
        expect(await failing(store.exchange(exchangeOf("ns/gw", 2, { account: "sk-a", used: 1 }), signal))).toContain("Redis refused: OOM");
        expect(await failing(store.record(batch, signal))).toContain("Redis refused: OOM");
      } finally {
        await plain.config("SET", "maxmemory", "0");
      }
      await store.record(batch, signal);
      expect((await store.exchange(exchangeOf("ns/gw", 2, { account: "sk-a", used: 1 }), signal)).accounts[0]?.used).toBe(2);
      expect(await store.usage({ realm: "ns/gw", interval: "hour", from: 0, to: 2 ** 50 }, signal)).toHaveLength(1);
      // A key of somebody else.
      await plain.set("spillway:{ns/gw}:account:foreign", "x");
      await failing(
        store.exchange(
          { ...exchangeOf("ns/gw", 3, { account: "x" }), changes: [changeOf({ account: "sk-a", used: 1 }), changeOf({ account: "foreign" })] },
          signal,
        ),
      );
      await plain.hset(`spillway:{ns/gw}:hour:${hourNow()}`, "sk-key", "sk-value");
      await failing(store.usage({ realm: "ns/gw", interval: "hour", from: 0, to: 2 ** 50 }, signal));
      await plain.zadd("spillway:{ns/gw}:incidents", 1, "sk-incident");
      await failing(store.incidents("ns/gw", 10, signal));
      expect((await store.exchange(exchangeOf("ns/gw", 4, { account: "sk-a" }), signal)).accounts[0]?.used).toBe(2);
      expect(await failing(storeAt(redis.port, { user: "nobody", timeoutMs: 500 }).incidents("ns/gw", 10, signal))).toContain("WRONGPASS");
    });

    it("counts for its namespace alone what comes when an hour is full of names", async () => {
      const store = storeAt(redis.port);
      const start = hourNow();
      const key = `spillway:{ns/gw}:hour:${start}`;
      const counts = "1 0 0 0 0 0 0 0 0 0 0 0";
      await store.record({ id: "first", realm: "ns/gw", rows: [rowOf(start, { model: "known" })], incidents: [] }, signal);
      for (let at = 0; at < MAX_KEYS - 2; at += 1_000) {
        const many = Array.from({ length: Math.min(1_000, MAX_KEYS - 2 - at) }, (_, index) => [
          JSON.stringify(["filled", "", `${at + index}`, "", ""]),
          counts,
        ]);
        await plain.hset(key, ...many.flat());
      }
      const rows = ["known", "last", "beyond", "further"].map((model) => rowOf(start, { model, requests: 2 }));
      await store.record({ id: "second", realm: "ns/gw", rows: [...rows, rowOf(start, { namespace: "team-b", model: "beyond" })], incidents: [] }, signal);
      await store.record({ id: "third", realm: "ns/gw", rows: [rowOf(start, { model: "beyond" })], incidents: [] }, signal);
      const kept = await store.usage({ realm: "ns/gw", interval: "hour", from: 0, to: 2 ** 50 }, signal);
      const ofTeams = kept
        .filter(({ namespace }) => namespace !== "filled")
        .map(({ namespace, model, backend, requests }) => [namespace, model, backend, requests]);
      expect(kept.length - ofTeams.length).toBe(MAX_KEYS - 2);
      expect(ofTeams.sort()).toEqual([
        ["team-a", "", "", 5],
        ["team-a", "known", "egress/openai", 3],
        ["team-a", "last", "egress/openai", 2],
        ["team-b", "", "", 1],
      ]);
    });
  });

  describe("over a cluster", () => {
    let nodes: readonly RedisServer[] = [];
    const ports = () => nodes.map(({ port }) => port);
    beforeAll(async () => {
      nodes = await startRedisCluster(3, { password: PASSWORD });
    });
    afterAll(async () => {
      for (const node of nodes) await node.close();
    });

    it("keeps a realm together, whatever it is called, and finds its node from any other", async () => {
      const realms = ["ns/gw", "}{", "{", "}", "a}b{c}", "{}", "%7D", "\ud800", ...Array.from({ length: 20 }, (_, at) => `ns/gateway-${at}`)];
      const used = new Set<number>();
      for (const [at, port] of ports().entries()) {
        const store = storeAt(port);
        const work = async (realm: string, sequence: number) => {
          const changes = ["a", "{b}", "}c{", "{", "}"].map((account) => changeOf({ account, used: 1 }));
          const answer = await store.exchange({ ...exchangeOf(realm, sequence, { account: "a" }, `holder-${at}`), changes }, signal);
          expect(answer.accounts.map((account) => account.used)).toEqual([1, 1, 1, 1, 1].map((one) => one * (at + 1)));
          await store.record({ id: `{${at}}`, realm, rows: [rowOf(hourNow()), rowOf(hourNow() - 30 * HOUR_MS)], incidents: [] }, signal);
          expect(await store.accounts(realm, 10, signal)).toHaveLength(5);
          expect(await store.usage({ realm, interval: "day", from: 0, to: 2 ** 50 }, signal)).toMatchObject([{ requests: at + 1 }, { requests: at + 1 }]);
        };
        // All at once, and the first of them hear that it is a cluster.
        await Promise.all(realms.map(work));
      }
      for (const port of ports()) {
        const plain = new Redis({ host: "127.0.0.1", port, password: PASSWORD });
        if ((await plain.dbsize()) > 0) used.add(port);
        plain.disconnect();
      }
      expect(used.size).toBe(3);
    });

    it("goes on where a node was away, and loses nothing", async () => {
      const [seed, away] = nodes;
      if (seed === undefined || away === undefined) throw new Error("no nodes");
      const store = storeAt(seed.port, { timeoutMs: 1_000 });
      const realms = Array.from({ length: 12 }, (_, at) => `away-${at}`);
      const use = (realm: string, sequence: number) => store.exchange(exchangeOf(realm, sequence, { account: "a", used: 1 }), signal);
      await Promise.all(realms.map((realm) => use(realm, 1)));
      await away.kill();
      const ends = await Promise.allSettled(realms.map((realm) => use(realm, 2)));
      for (const end of ends) if (end.status === "rejected") expect(end.reason).toBeInstanceOf(UsageStoreError);
      expect(ends.some(({ status }) => status === "rejected")).toBe(true);
      await away.start();
      for (const realm of realms) await expect.poll(() => use(realm, 2).catch(() => null)).not.toBeNull();
      for (const realm of realms) expect(await store.accounts(realm, 10, signal)).toMatchObject([{ used: 2 }]);
    });
  });

  it("books everything once, however often the server is killed", async () => {
    const redis = await startRedis({ durable: true, password: PASSWORD });
    open.push(redis);
    // One gives up while the server is away, and is asked again; the other waits for it.
    const stores = [storeAt(redis.port, { timeoutMs: 200 }), storeAt(redis.port, { timeoutMs: 10_000 })];
    const realm = "ns/gw";
    let failures = 0;
    let running = true;
    const insist = async (send: () => Promise<unknown>) => {
      for (;;) {
        try {
          return await send();
        } catch (error) {
          expect(error).toBeInstanceOf(UsageStoreError);
          failures += 1;
        }
      }
    };
    const sent = { used: 0, requests: 0 };
    const instance = async (holder: string, store: UsageStore) => {
      for (let sequence = 1; running; sequence += 1) {
        const used = 1 + (sequence % 3);
        await insist(() => store.exchange(exchangeOf(realm, sequence, { account: "a", limit: null, used, keep: 1 }, holder), signal));
        sent.used += used;
        const rows: readonly UsageRow[] = [rowOf(hourNow(), { outputTokens: used })];
        await insist(() => store.record({ id: `${holder}-${sequence}`, realm, rows, incidents: [] }, signal));
        sent.requests += 1;
      }
    };
    const instances = Array.from({ length: 6 }, (_, at) => instance(`holder-${at}`, stores[at % 2] ?? storeAt(redis.port)));
    for (let kill = 0; kill < 5; kill += 1) {
      const before = sent.requests;
      // So that it is killed in the middle of work, however slow the machine is.
      await expect.poll(() => sent.requests, { interval: 5 }).toBeGreaterThan(before + 20);
      const failed = failures;
      await redis.kill();
      await expect.poll(() => failures, { interval: 5 }).toBeGreaterThan(failed);
      await redis.start();
    }
    running = false;
    await Promise.all(instances);
    const [account] = await storeAt(redis.port).accounts(realm, 10, signal);
    expect(account).toMatchObject({ used: sent.used, held: 6 });
    const days = await storeAt(redis.port).usage({ realm, interval: "day", from: 0, to: 2 ** 50 }, signal);
    expect(days.reduce((sum, row) => sum + row.requests, 0)).toBe(sent.requests);
    expect(days.reduce((sum, row) => sum + row.outputTokens, 0)).toBe(sent.used);
  });
});
