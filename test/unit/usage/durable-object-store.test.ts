import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createDurableObjectUsageStore, type UsageNamespace } from "../../../adapters/usage/durable-object-store.ts";
import type { UsageObject } from "../../../adapters/usage/usage-object.ts";
import { type AccountExchange, emptySum, type UsageRow, type UsageStore, UsageStoreError } from "../../../src/index.ts";
import { changeOf } from "../../contracts/usage-store.ts";
import { startWorkerUsage, type WorkerUsage } from "../../fakes/worker-usage.ts";

const signal = new AbortController().signal;
const HOUR_MS = 3_600_000;

/** In workerd, whose clock and SQLite are the platform's. */
describe("Durable Objects of usage", () => {
  let usage: WorkerUsage;
  let store: UsageStore;
  let names = 0;
  const fresh = (label: string) => `${label}-${names++}`;
  beforeAll(async () => {
    usage = await startWorkerUsage();
    store = createDurableObjectUsageStore({ namespace: usage.namespace, jurisdiction: null });
  });
  afterAll(() => usage.close());
  beforeEach(() => usage.asked.clear());

  const exchangeOf = (realm: string, sequence: number, changes: AccountExchange["changes"], holder = "one"): AccountExchange => ({
    realm,
    holder,
    sequence,
    ttlMs: 60_000,
    changes,
  });
  const rowOf = (row: Partial<UsageRow>): UsageRow => ({
    from: Math.floor(Date.now() / HOUR_MS) * HOUR_MS,
    namespace: "team-a",
    serviceAccount: "assistant",
    model: "m",
    backend: "b",
    region: "eu",
    ...emptySum(),
    requests: 1,
    ...row,
  });

  it("spread a realm's accounts, the same account always in the same, and its usage elsewhere", async () => {
    const realm = fresh("ns/spread");
    for (let at = 0; at < 40; at += 1) await store.exchange(exchangeOf(realm, at + 1, [changeOf({ account: `a-${at}`, used: 1 })]), signal);
    const spread = [...usage.asked];
    expect(spread.length).toBeGreaterThan(8);
    expect(spread.every((name) => /^accounts\/ns\/spread-\d+\/(?:[0-9]|1[0-5])$/.test(name))).toBe(true);
    usage.asked.clear();
    for (let time = 0; time < 3; time += 1) await store.exchange(exchangeOf(realm, 50 + time, [changeOf({ account: "a-1" })]), signal);
    expect(usage.asked.size).toBe(1);
    usage.asked.clear();
    for (let at = 0; at < 24; at += 1) await store.record({ id: fresh("batch"), realm, rows: [rowOf({})], incidents: [] }, signal);
    expect(usage.asked.size).toBeGreaterThan(3);
    expect([...usage.asked].every((name) => /^usage\/ns\/spread-\d+\/[0-7]$/.test(name))).toBe(true);
    expect(await store.usage({ realm, interval: "day", from: 0, to: 2 ** 50 }, signal)).toMatchObject([{ requests: 24 }]);
  });

  it("give back what they granted where a later one has no room, and say the same when they are asked again", async () => {
    const realm = fresh("ns/back");
    const accounts = Array.from({ length: 12 }, (_, at) => `a-${at}`);
    await store.exchange(
      exchangeOf(
        realm,
        1,
        accounts.map((account) => changeOf({ account, used: account === "a-7" ? 100 : 0 })),
        "other",
      ),
      signal,
    );
    const all = exchangeOf(
      realm,
      2,
      accounts.map((account) => changeOf({ account, used: 1, keep: 2, need: 10 })),
    );
    const refused = await store.exchange(all, signal);
    expect(refused.granted).toBe(false);
    expect(refused.accounts.map(({ held }) => held)).toEqual(accounts.map(() => 2));
    expect(refused.accounts.map(({ roomInMs }) => roomInMs === 0)).toEqual(accounts.map((account) => account !== "a-7"));
    const states = await store.accounts(realm, 100, signal);
    expect(states.map(({ held }) => held)).toEqual(accounts.map(() => 2));
    expect(states.map(({ used }) => used).toSorted((one, other) => one - other)).toEqual([...accounts.slice(1).map(() => 1), 101]);
    for (let time = 0; time < 2; time += 1) expect(await store.exchange(all, signal)).toEqual(refused);
    expect((await store.exchange(exchangeOf(realm, 3, [changeOf({ account: "a-1", need: 99, limit: 100 })], "third"), signal)).accounts).toMatchObject([
      { used: 1, heldByOthers: 2, held: 0 },
    ]);
  });

  it("finish an exchange that broke off half way when it is sent again, and book nothing twice", async () => {
    const realm = fresh("ns/broken");
    const accounts = Array.from({ length: 12 }, (_, at) => `a-${at}`);
    let left = 3;
    const flaky: UsageNamespace = {
      ...usage.namespace,
      getByName: (name) => ({
        ...usage.namespace.getByName(name),
        exchange: async (part) => {
          const answer = await usage.namespace.getByName(name).exchange(part);
          left -= 1;
          if (left === 0) throw new Error("the answer was lost");
          return answer;
        },
      }),
    };
    const breaking = createDurableObjectUsageStore({ namespace: flaky, jurisdiction: null });
    const all = exchangeOf(
      realm,
      1,
      accounts.map((account) => changeOf({ account, used: 5, need: 10 })),
    );
    await expect(breaking.exchange(all, signal)).rejects.toBeInstanceOf(UsageStoreError);
    expect(await breaking.exchange(all, signal)).toMatchObject({ granted: true });
    const states = await store.accounts(realm, 100, signal);
    expect(states.map(({ used, held }) => [used, held])).toEqual(accounts.map(() => [5, 10]));
  });

  it("clear by their alarm what has ended, and keep the rest", async () => {
    const realm = fresh("ns/swept");
    const short = { ...exchangeOf(realm, 1, [changeOf({ account: "a", window: { kind: "until", from: 0, at: 1 }, used: 1 })]), ttlMs: 1 };
    await store.exchange(short, signal);
    const [name = ""] = usage.asked;
    // Its answer is remembered for ten minutes.
    expect(Number(await usage.ask(name, "sweep", []))).toBeGreaterThan(Date.now() + 9 * 60_000);
    const realmOfUsage = fresh("ns/swept");
    usage.asked.clear();
    await store.record({ id: "b", realm: realmOfUsage, rows: [rowOf({})], incidents: [] }, signal);
    const [ledger = ""] = usage.asked;
    const next = Number(await usage.ask(ledger, "sweep", []));
    expect(next).toBeGreaterThan(Date.now());
    expect(next).toBeLessThan(Date.now() + 16 * 60_000);
    expect(await store.usage({ realm: realmOfUsage, interval: "hour", from: 0, to: 2 ** 50 }, signal)).toHaveLength(1);
    expect(await usage.ask("accounts/nobody/0", "sweep", [])).toBeNull();
  });

  it("give more rows than fit into one answer, page by page", async () => {
    const realm = fresh("ns/pages");
    for (let batch = 0; batch < 3; batch += 1) {
      const rows = Array.from({ length: 900 }, (_, at) => rowOf({ model: `m-${batch}-${at}` }));
      // All to one object.
      await usage.ask(`usage/${realm}/0`, "record", [{ id: `${batch}`, realm, rows, incidents: [] }]);
    }
    const found = await store.usage({ realm, interval: "hour", from: 0, to: 2 ** 50 }, signal);
    expect(new Set(found.map(({ model }) => model)).size).toBe(2_700);
    expect(found).toHaveLength(2_700);
  });

  it("are asked in the namespace of their jurisdiction, and not at all where that is not to be had", async () => {
    const asked: string[] = [];
    const elsewhere: UsageNamespace = { getByName: usage.namespace.getByName, jurisdiction: () => elsewhere };
    const namespace: UsageNamespace = {
      getByName: (name) => {
        asked.push("anywhere");
        return usage.namespace.getByName(name);
      },
      jurisdiction: (name) => {
        asked.push(name);
        return elsewhere;
      },
    };
    await createDurableObjectUsageStore({ namespace, jurisdiction: "eu" }).accounts(fresh("ns/eu"), 1, signal);
    expect(new Set(asked)).toEqual(new Set(["eu"]));
    // workerd knows no jurisdictions.
    const local = createDurableObjectUsageStore({ namespace: usage.namespace, jurisdiction: "eu" });
    await expect(local.exchange(exchangeOf("ns/eu", 1, [changeOf({ account: "a" })]), signal)).rejects.toBeInstanceOf(UsageStoreError);
  });

  it.each([
    ["moves", { retryable: true }, 3],
    ["has too much to do", { retryable: true, overloaded: true }, 1],
    ["fails", {}, 1],
  ])("are asked again where an object %s only if it says that this helps", async (_, marks, times) => {
    let asked = 0;
    const failing: UsageObject = {
      ...usage.namespace.getByName("accounts/failing/0"),
      exchange: () => {
        asked += 1;
        throw Object.assign(new Error("sk-secret"), marks);
      },
    };
    const namespace: UsageNamespace = { getByName: () => failing, jurisdiction: () => namespace };
    const error: unknown = await createDurableObjectUsageStore({ namespace, jurisdiction: null })
      .exchange(exchangeOf("ns/failing", 1, [changeOf({ account: "a" })]), signal)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UsageStoreError);
    expect(String(error)).not.toContain("sk-secret");
    expect(asked).toBe(times);
  });
});
