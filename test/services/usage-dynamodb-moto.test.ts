import { beforeAll, describe, expect, it } from "vitest";
import { createDynamodbUsageStore } from "../../adapters/usage/dynamodb-store.ts";
import type { UsageStore } from "../../src/index.ts";
import { changeOf } from "../contracts/usage-store.ts";
import { createTable, DYNAMODB_REGION, dynamodbCredentials } from "../fakes/dynamodb.ts";

const url = process.env["SPILLWAY_MOTO_URL"];
const missing = url === undefined || url === "";
if (missing) process.stderr.write("MISSING: moto. Start `moto_server -H 127.0.0.1 -p PORT` and set SPILLWAY_MOTO_URL=http://127.0.0.1:PORT\n");

const signal = new AbortController().signal;
const NOON = Date.UTC(2026, 10, 23, 12);

/** The emulator at hand with transactions of its own. It copies its tables for each, so that the whole contract, which dynalite passes, would take an hour. */
describe.skipIf(missing)(`usage in DynamoDB by moto${missing ? " (MISSING: SPILLWAY_MOTO_URL is not set)" : ""}`, () => {
  const table = `spillway-usage-${process.pid}-${Date.now()}`;
  const operations: string[] = [];
  const store = (): UsageStore =>
    createDynamodbUsageStore({
      table,
      region: DYNAMODB_REGION,
      endpoint: url ?? "",
      credentials: dynamodbCredentials,
      now: () => NOON,
      fetch: (input, init) => {
        operations.push(new Headers(init?.headers).get("x-amz-target")?.split(".").at(-1) ?? "");
        return fetch(input, init);
      },
      timeoutMs: 20_000,
      exchangeMs: 60_000,
      otherMs: 60_000,
    });
  beforeAll(() => createTable(url ?? "", table, ["key", "sort"]));

  it("takes all accounts or none, and an instance that is behind learns from the refusal what there is", async () => {
    const [one, other] = [store(), store()];
    const both = (holder: string, sequence: number, need: number) => ({
      realm: "ns/all",
      holder,
      sequence,
      ttlMs: 60_000,
      changes: [changeOf({ account: "a", used: 1, need, limit: 1_000 }), changeOf({ account: "b", used: 2, need, limit: 50 })],
    });
    expect(await one.exchange(both("one", 1, 30), signal)).toMatchObject({ granted: true, accounts: [{ held: 30 }, { held: 30 }] });
    expect(await other.exchange(both("other", 1, 30), signal)).toMatchObject({ granted: false, accounts: [{ used: 2 }, { used: 4, heldByOthers: 30 }] });
    operations.length = 0;
    expect(await one.exchange(both("one", 2, 40), signal)).toMatchObject({ granted: true, accounts: [{ used: 3 }, { used: 6, held: 40 }] });
    expect(operations.filter((operation) => operation === "TransactWriteItems").length).toBeGreaterThanOrEqual(2);
    expect(await other.exchange({ ...both("other", 2, 0), changes: [changeOf({ account: "b" })] }, signal)).toMatchObject({
      accounts: [{ used: 6, heldByOthers: 40 }],
    });
    operations.length = 0;
    expect(await one.exchange({ ...both("one", 3, 0), changes: [changeOf({ account: "b", used: 1 })] }, signal)).toMatchObject({ accounts: [{ used: 7 }] });
    expect(operations).toEqual(["PutItem", "PutItem"]);
  });

  it("answers the same exchange as it did, and records the same batch once", async () => {
    const exchange = { realm: "ns/again", holder: "one", sequence: 1, ttlMs: 60_000, changes: [changeOf({ account: "a", used: 5, need: 1 })] };
    const first = await store().exchange(exchange, signal);
    expect(await store().exchange(exchange, signal)).toEqual(first);
    expect(await store().accounts("ns/again", 10, signal)).toMatchObject([{ account: "a", used: 5, held: 1 }]);
    const counts = { errors: 0, limited: 0, cacheReadTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0, audioTokens: 0, unpriced: 0, estimated: 0 };
    const row = {
      from: NOON,
      namespace: "n",
      serviceAccount: "s",
      model: "m",
      backend: "b",
      region: "eu",
      requests: 1,
      inputTokens: 2,
      outputTokens: 3,
      costNanos: 4,
      ...counts,
    };
    const incident = {
      time: NOON,
      kind: "denied",
      id: "i",
      namespace: "n",
      serviceAccount: "s",
      route: "r",
      model: "m",
      backend: "",
      reason: "limit_exceeded",
      detail: "d",
    } as const;
    const batch = { id: `batch-${table}`, realm: "ns/again", rows: [row, { ...row, model: "other" }], incidents: [incident] };
    for (const one of [store(), store()]) for (let time = 0; time < 2; time += 1) await one.record(batch, signal);
    await store().record({ ...batch, id: `${batch.id}-2`, rows: [row], incidents: [] }, signal);
    const rows = await store().usage({ realm: "ns/again", interval: "day", from: 0, to: NOON + 1 }, signal);
    expect(rows.map(({ model, requests, costNanos }) => [model, requests, costNanos]).toSorted()).toEqual([
      ["m", 2, 8],
      ["other", 1, 4],
    ]);
    expect(await store().incidents("ns/again", 10, signal)).toEqual([incident]);
  });
});
