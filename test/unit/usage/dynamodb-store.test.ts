import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createDynamodbUsageStore, type DynamodbUsageStoreOptions } from "../../../adapters/usage/dynamodb-store.ts";
import { createDynamodbTable } from "../../../adapters/usage/dynamodb-table.ts";
import { openDynamodbUsage } from "../../../adapters/usage/open-dynamodb.ts";
import { type AccountChange, type AccountExchange, type UsageBatch, type UsageRow, type UsageStore, UsageStoreError } from "../../../src/index.ts";
import { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } from "../../fakes/aws-signature.ts";
import { DYNAMODB_REGION, DYNAMODB_TABLE, DYNAMODB_USAGE_TABLE, dynamodbCredentials, type FakeDynamodb, startFakeDynamodb } from "../../fakes/dynamodb.ts";

const signal = new AbortController().signal;
const HOUR_MS = 3_600_000;
const NOON = Date.UTC(2026, 10, 23, 12);

function storeAt(dynamodb: FakeDynamodb, options: Partial<DynamodbUsageStoreOptions> = {}): UsageStore {
  return createDynamodbUsageStore({
    table: DYNAMODB_USAGE_TABLE,
    region: DYNAMODB_REGION,
    endpoint: dynamodb.url,
    credentials: dynamodbCredentials,
    exchangeMs: 30_000,
    ...options,
  });
}

let names = 0;
const fresh = (label: string): string => `${label}-${names++}`;

const change = (account: string, part: Partial<AccountChange> = {}): AccountChange => ({
  account,
  window: { kind: "sliding", ms: HOUR_MS },
  limit: 100,
  used: 0,
  keep: 0,
  need: 0,
  want: 0,
  ...part,
});

const exchangeOf = (realm: string, holder: string, sequence: number, changes: readonly AccountChange[]): AccountExchange => ({
  realm,
  holder,
  sequence,
  ttlMs: 60_000,
  changes,
});

const rowOf = (part: Partial<UsageRow>): UsageRow => ({
  from: NOON,
  namespace: "team-a",
  serviceAccount: "assistant",
  model: "gpt-5.5",
  backend: "egress-system/openai",
  region: "eu",
  requests: 1,
  errors: 0,
  limited: 0,
  inputTokens: 10,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 5,
  reasoningTokens: 0,
  audioTokens: 0,
  costNanos: 1_000,
  unpriced: 0,
  estimated: 0,
  ...part,
});

const batchOf = (realm: string, rows: readonly UsageRow[], part: Partial<UsageBatch> = {}): UsageBatch => ({
  id: crypto.randomUUID(),
  realm,
  rows,
  incidents: [],
  ...part,
});

describe("accounts in DynamoDB", () => {
  let dynamodb: FakeDynamodb;
  beforeAll(async () => {
    dynamodb = await startFakeDynamodb();
  });
  afterAll(() => dynamodb.close());
  beforeEach(() => {
    dynamodb.operations.length = 0;
  });

  it("needs one round trip while nobody else uses the account: a write without a reading, and no transaction for one account", async () => {
    const [store, realm] = [storeAt(dynamodb), fresh("ns/alone")];
    await store.exchange(exchangeOf(realm, "one", 1, [change("a", { need: 1, want: 10 })]), signal);
    // It is not known yet, and the realm's list does not name it.
    expect(dynamodb.operations).toEqual(["BatchGetItem", "TransactWriteItems"]);
    dynamodb.operations.length = 0;
    for (let sequence = 2; sequence < 6; sequence += 1) {
      expect(await store.exchange(exchangeOf(realm, "one", sequence, [change("a", { used: 10, need: 1, want: 10 })]), signal)).toMatchObject({ granted: true });
    }
    expect(dynamodb.operations).toEqual(["PutItem", "PutItem", "PutItem", "PutItem"]);
  });

  it("writes several accounts in one transaction or none of them", async () => {
    const [store, realm] = [storeAt(dynamodb), fresh("ns/several")];
    const both = (sequence: number, need: number) =>
      exchangeOf(
        realm,
        "one",
        sequence,
        ["a", "b"].map((name) => change(name, { need, want: need, limit: name === "a" ? 100 : 10 })),
      );
    expect(await store.exchange(both(1, 10), signal)).toMatchObject({ granted: true, accounts: [{ held: 10 }, { held: 10 }] });
    dynamodb.operations.length = 0;
    expect(await store.exchange(both(2, 11), signal)).toMatchObject({ granted: false, accounts: [{ held: 0 }, { held: 0, roomInMs: null }] });
    expect(dynamodb.operations).toEqual(["TransactWriteItems"]);
  });

  it("notices that another instance was faster, and counts on what that wrote", async () => {
    const realm = fresh("ns/two");
    const [one, other] = [storeAt(dynamodb), storeAt(dynamodb)];
    const take = (store: UsageStore, holder: string, sequence: number) =>
      store.exchange(exchangeOf(realm, holder, sequence, [change("a", { need: 40, want: 40 })]), signal);
    expect(await take(one, "one", 1)).toMatchObject({ granted: true });
    expect(await take(other, "other", 1)).toMatchObject({ granted: true, accounts: [{ heldByOthers: 40 }] });
    dynamodb.operations.length = 0;
    const again = await one.exchange(exchangeOf(realm, "one", 2, [change("a", { need: 61, want: 61 })]), signal);
    expect(again).toMatchObject({ granted: false, accounts: [{ heldByOthers: 40 }] });
    // The refusal tells what is there: nothing is read.
    expect(dynamodb.operations).toEqual(["PutItem", "PutItem"]);
  });

  it("needs no reading either when one of several accounts was changed by another instance", async () => {
    const realm = fresh("ns/some");
    const [one, other] = [storeAt(dynamodb), storeAt(dynamodb)];
    const both = (sequence: number) => exchangeOf(realm, "one", sequence, [change("a", { used: 1 }), change("b", { used: 1 })]);
    await one.exchange(both(1), signal);
    await other.exchange(exchangeOf(realm, "other", 1, [change("b", { used: 10 })]), signal);
    dynamodb.operations.length = 0;
    expect(await one.exchange(both(2), signal)).toMatchObject({ accounts: [{ used: 2 }, { used: 12 }] });
    expect(dynamodb.operations).toEqual(["TransactWriteItems", "TransactWriteItems"]);
  });

  it("does not book twice when the answer to a write was lost, alone or in a transaction", async () => {
    const [store, realm] = [storeAt(dynamodb), fresh("ns/lost")];
    await store.exchange(exchangeOf(realm, "one", 1, [change("a"), change("b")]), signal);
    dynamodb.mode = "answer-lost";
    expect(await store.exchange(exchangeOf(realm, "one", 2, [change("a", { used: 7 })]), signal)).toMatchObject({ granted: true, accounts: [{ used: 7 }] });
    dynamodb.mode = "answer-lost";
    const both = exchangeOf(realm, "one", 3, [change("a", { used: 5 }), change("b", { used: 5 })]);
    expect(await store.exchange(both, signal)).toMatchObject({ accounts: [{ used: 12 }, { used: 5 }] });
    // Nor by another instance of the store, which has only the number to go by.
    expect(await storeAt(dynamodb).exchange(both, signal)).toMatchObject({ accounts: [{ used: 12 }, { used: 5 }] });
  });

  it("tries again when a transaction meets another one, and says so when it always does", async () => {
    const [store, realm] = [storeAt(dynamodb), fresh("ns/conflict")];
    const both = (sequence: number) => exchangeOf(realm, "one", sequence, [change("a", { used: 1 }), change("b", { used: 1 })]);
    dynamodb.conflicts = 3;
    expect(await store.exchange(both(1), signal)).toMatchObject({ accounts: [{ used: 1 }, { used: 1 }] });
    dynamodb.conflicts = 1_000;
    await expect(storeAt(dynamodb, { exchangeMs: 300 }).exchange(both(2), signal)).rejects.toMatchObject({ name: "UsageStoreError" });
    dynamodb.conflicts = 0;
    expect(await store.exchange(both(2), signal)).toMatchObject({ accounts: [{ used: 2 }, { used: 2 }] });
  });

  it("never lets time go back for an account, whoever's clock is behind", async () => {
    const realm = fresh("ns/clocks");
    const ahead = storeAt(dynamodb, { now: () => NOON + 300_000 });
    const behind = storeAt(dynamodb, { now: () => NOON });
    expect((await ahead.exchange(exchangeOf(realm, "ahead", 1, [change("a", { used: 10 })]), signal)).now).toBe(NOON + 300_000);
    const answer = await behind.exchange(exchangeOf(realm, "behind", 1, [change("a", { need: 90, want: 90 })]), signal);
    expect(answer).toMatchObject({ granted: true, now: NOON + 300_000, accounts: [{ used: 10 }] });
  });

  it("does not take an account that was removed and made anew for the one that it remembers", async () => {
    const realm = fresh("ns/removed");
    const [one, other] = [storeAt(dynamodb), storeAt(dynamodb)];
    await one.exchange(exchangeOf(realm, "one", 1, [change("a", { used: 90 })]), signal);
    const client = await rawClient(dynamodb);
    const [item] = await client.itemsOf(`account/${realm}/`);
    await client.remove(item);
    await other.exchange(exchangeOf(realm, "other", 1, [change("a", { used: 30 })]), signal);
    expect(await one.exchange(exchangeOf(realm, "one", 2, [change("a")]), signal)).toMatchObject({ accounts: [{ used: 30 }] });
  });

  it("lists the accounts of a realm that count, those changed last first", async () => {
    const realm = fresh("ns/list");
    let time = NOON;
    const store = storeAt(dynamodb, { now: () => time });
    for (const [at, name] of ["a", "b", "c"].entries()) {
      time = NOON + at;
      await store.exchange(exchangeOf(realm, "one", at + 1, [change(name, { used: 1 })]), signal);
    }
    time = NOON + 10;
    await store.exchange(exchangeOf(realm, "one", 9, [change("a", { used: 1 })]), signal);
    expect((await store.accounts(realm, 10, signal)).map(({ account, used }) => [account, used])).toEqual([
      ["a", 2],
      ["c", 1],
      ["b", 1],
    ]);
    expect((await store.accounts(realm, 1, signal)).map(({ account }) => account)).toEqual(["a"]);
    expect(await store.accounts(fresh("ns/list"), 10, signal)).toEqual([]);
    time = NOON + 3 * HOUR_MS;
    expect(await store.accounts(realm, 10, signal)).toEqual([]);
  });

  it("names an account in the list again before the list forgets it, and not at every exchange", async () => {
    const realm = fresh("ns/listed");
    let time = NOON;
    const store = storeAt(dynamodb, { now: () => time });
    const client = await rawClient(dynamodb);
    let transactions = 0;
    for (let hour = 0; hour < 50; hour += 1) {
      time = NOON + hour * HOUR_MS;
      dynamodb.operations.length = 0;
      await store.exchange(exchangeOf(realm, "one", hour + 1, [change("a", { used: 1 })]), signal);
      transactions += dynamodb.operations.filter((operation) => operation === "TransactWriteItems").length;
      const [[account], [listing]] = [await client.itemsOf(`account/${realm}/`), await client.itemsOf(`accounts/${realm}`)];
      expect(Number(listing?.["expires"])).toBeGreaterThanOrEqual(Number(account?.["expires"]));
    }
    expect(transactions).toBeLessThanOrEqual(4);
  });

  it("rejects an item that is none of ours, rather than counting from nothing", async () => {
    const [store, realm] = [storeAt(dynamodb), fresh("ns/foreign")];
    await store.exchange(exchangeOf(realm, "one", 1, [change("a", { used: 1 })]), signal);
    const client = await rawClient(dynamodb);
    const [item] = await client.itemsOf(`account/${realm}/`);
    await client.put({ ...item, document: '[2,"of another release"]' });
    await expect(storeAt(dynamodb).exchange(exchangeOf(realm, "two", 1, [change("a")]), signal)).rejects.toBeInstanceOf(UsageStoreError);
  });

  it("is opened by what the environment says, and says what is missing", async () => {
    const environment = { AWS_ENDPOINT_URL_DYNAMODB: dynamodb.url, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY };
    const place = { table: DYNAMODB_USAGE_TABLE, region: null };
    const store = await openDynamodbUsage(place, { ...environment, AWS_REGION: DYNAMODB_REGION });
    const realm = fresh("ns/opened");
    expect(await store.exchange(exchangeOf(realm, "one", 1, [change("a", { used: 1 })]), signal)).toMatchObject({ accounts: [{ used: 1 }] });
    const planned = await openDynamodbUsage({ ...place, region: DYNAMODB_REGION }, { ...environment, AWS_REGION: "us-east-1" });
    expect(await planned.accounts(realm, 10, signal)).toMatchObject([{ account: "a" }]);
    await expect(openDynamodbUsage(place, environment)).rejects.toThrow(/AWS_REGION/);
    await expect(openDynamodbUsage({ ...place, region: "nowhere" }, {})).rejects.toThrow(/AWS region/);
  });

  it("says what is wrong with a table that has no sort key, such as the one of the state", async () => {
    const wrong = storeAt(dynamodb, { table: DYNAMODB_TABLE });
    const error: unknown = await wrong.exchange(exchangeOf("ns/wrong", "one", 1, [change("a")]), signal).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UsageStoreError);
    expect(String(error)).toMatch(/sort key/);
  });

  it.each(["", "ab", "a b", "a/b", "x".repeat(256)])("takes %j for no table", (table) => {
    expect(() => storeAt(dynamodb, { table })).toThrow(/name of a DynamoDB table/);
  });
});

describe("usage in DynamoDB", () => {
  let dynamodb: FakeDynamodb;
  beforeAll(async () => {
    dynamodb = await startFakeDynamodb();
  });
  afterAll(() => dynamodb.close());
  beforeEach(() => {
    dynamodb.operations.length = 0;
  });
  const now = () => NOON + HOUR_MS;
  const day = (realm: string) => ({ realm, interval: "day", from: NOON - 12 * HOUR_MS, to: NOON + 12 * HOUR_MS }) as const;

  it("adds a batch once, however its sending goes", async () => {
    const [store, realm] = [storeAt(dynamodb, { now }), fresh("ns/once")];
    const batch = batchOf(realm, [rowOf({}), rowOf({ from: NOON - HOUR_MS, requests: 2 })]);
    dynamodb.mode = "answer-lost";
    await store.record(batch, signal);
    dynamodb.conflicts = 2;
    await store.record(batch, signal);
    await storeAt(dynamodb, { now }).record(batch, signal);
    await store.record(batchOf(realm, [rowOf({ requests: 4 })]), signal);
    expect(await store.usage(day(realm), signal)).toEqual([
      { ...rowOf({ from: NOON - 12 * HOUR_MS }), requests: 7, inputTokens: 30, outputTokens: 15, costNanos: 3_000 },
    ]);
    const hours = await store.usage({ ...day(realm), interval: "hour" }, signal);
    expect(new Map(hours.map(({ from, requests }) => [from, requests]))).toEqual(
      new Map([
        [NOON, 5],
        [NOON - HOUR_MS, 2],
      ]),
    );
  });

  it("records a thousand rows in parts, each once though the sending broke in between", async () => {
    const realm = fresh("ns/parts");
    const store = storeAt(dynamodb, { now });
    const batch = batchOf(
      realm,
      Array.from({ length: 300 }, (_, index) => rowOf({ model: `model-${index % 150}`, from: NOON - Math.floor(index / 150) * HOUR_MS })),
    );
    dynamodb.conflicts = 0;
    const leaver = new AbortController();
    const first = store.record(batch, leaver.signal);
    await expect.poll(() => dynamodb.operations.length, { interval: 1 }).toBeGreaterThan(2);
    leaver.abort();
    await expect(first).rejects.toBeInstanceOf(UsageStoreError);
    await store.record(batch, signal);
    await store.record(batch, signal);
    const days = await store.usage(day(realm), signal);
    expect(days.length).toBe(150);
    expect(days.reduce((sum, { requests }) => sum + requests, 0)).toBe(300);
  });

  it("spreads batches over partitions, and adds up what lies in several", async () => {
    const [store, realm] = [storeAt(dynamodb, { now }), fresh("ns/spread")];
    await Promise.all(Array.from({ length: 24 }, () => store.record(batchOf(realm, [rowOf({})]), signal)));
    expect(await store.usage(day(realm), signal)).toMatchObject([{ requests: 24, inputTokens: 240 }]);
    const client = await rawClient(dynamodb);
    expect(new Set((await client.itemsOf(`usage/${realm}/day/`)).map(({ key }) => key)).size).toBeGreaterThan(1);
  });

  it("gives what begins in the time that is asked for, over days and months, and nothing of what is kept no longer", async () => {
    const [store, realm] = [storeAt(dynamodb, { now }), fresh("ns/range")];
    const DAY_MS = 24 * HOUR_MS;
    const ages = [0, 1, 7, 23, 40, 300, 399];
    for (const age of ages) await store.record(batchOf(realm, [rowOf({ from: NOON - age * DAY_MS, requests: age + 1 })]), signal);
    const asked = async (interval: "hour" | "day", from: number, to: number) =>
      (await store.usage({ realm, interval, from, to }, signal)).map(({ requests }) => requests - 1).toSorted((one, other) => one - other);
    expect(await asked("day", 0, NOON + DAY_MS)).toEqual(ages);
    expect(await asked("day", NOON - 40.5 * DAY_MS, NOON)).toEqual([0, 1, 7, 23, 40]);
    expect(await asked("day", NOON - 40 * DAY_MS, NOON - DAY_MS - 12 * HOUR_MS)).toEqual([7, 23]);
    expect(await asked("hour", 0, NOON + DAY_MS)).toEqual([0, 1, 7]);
    expect(await asked("hour", NOON - DAY_MS, NOON)).toEqual([1]);
    expect(await asked("hour", NOON, NOON)).toEqual([]);
    const later = storeAt(dynamodb, { now: () => NOON + 2 * DAY_MS });
    expect(await later.usage({ realm, interval: "day", from: 0, to: NOON - 300 * DAY_MS }, signal)).toMatchObject([{ requests: 301 }]);
  });

  it("gives the table what its TTL needs, and for each row no sooner than it is kept", async () => {
    const [store, realm] = [storeAt(dynamodb, { now }), fresh("ns/ttl")];
    const incident = {
      time: NOON + 1,
      kind: "denied",
      id: "r",
      namespace: "n",
      serviceAccount: "s",
      route: "r",
      model: "m",
      backend: "b",
      reason: "x",
      detail: "d",
    } as const;
    await store.record(batchOf(realm, [rowOf({})], { incidents: [incident] }), signal);
    const client = await rawClient(dynamodb);
    const [[hourly], [daily], [told]] = [
      await client.itemsOf(`usage/${realm}/hour/`),
      await client.itemsOf(`usage/${realm}/day/`),
      await client.itemsOf(`incidents/${realm}`),
    ];
    expect(Number(hourly?.["expires"])).toBeGreaterThanOrEqual((NOON + 8 * 24 * HOUR_MS) / 1_000);
    expect(Number(daily?.["expires"])).toBeGreaterThanOrEqual((NOON - 12 * HOUR_MS + 400 * 24 * HOUR_MS) / 1_000);
    expect(Number(told?.["expires"])).toBeGreaterThan(NOON / 1_000);
    expect(await store.incidents(realm, 10, signal)).toEqual([incident]);
  });
});

/** Looks into the table past the store. */
async function rawClient(dynamodb: FakeDynamodb) {
  const { createAwsClient } = await import("../../../adapters/aws/aws-client.ts");
  const options = { region: DYNAMODB_REGION, credentials: dynamodbCredentials, endpoint: dynamodb.url };
  const client = createAwsClient({ ...options, service: "dynamodb" });
  const table = createDynamodbTable({ ...options, table: DYNAMODB_USAGE_TABLE });
  return {
    /** Those whose partition begins so. */
    async itemsOf(prefix: string): Promise<readonly Readonly<Record<string, string | number>>[]> {
      const answer = await client.call("DynamoDB_20120810.Scan", { TableName: DYNAMODB_USAGE_TABLE }, { signal, maxBytes: 10_000_000 });
      const { Items } = answer as { readonly Items: readonly Readonly<Record<string, Readonly<Record<string, string>>>>[] }; // DynamoDB's form
      return Items.map((item) => Object.fromEntries(Object.entries(item).map(([name, { S, N }]) => [name, S ?? Number(N)]))).filter(({ key }) =>
        `${key}`.startsWith(prefix),
      );
    },
    async remove(item: Readonly<Record<string, string | number>> | undefined): Promise<void> {
      const Key = { key: { S: `${item?.["key"]}` }, sort: { S: `${item?.["sort"]}` } };
      await client.call("DynamoDB_20120810.DeleteItem", { TableName: DYNAMODB_USAGE_TABLE, Key }, { signal });
    },
    async put(item: Readonly<Record<string, string | number>>): Promise<void> {
      await table.write([{ kind: "put", item }], signal);
    },
  };
}
