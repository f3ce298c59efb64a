import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAwsClient } from "../../adapters/aws/aws-client.ts";
import { createDynamodbStore, type DynamodbStoreOptions } from "../../adapters/state/dynamodb-store.ts";
import { type StateStore, StateStoreError } from "../../src/index.ts";
import { AWS_SECRET_ACCESS_KEY } from "../fakes/aws-signature.ts";
import { DYNAMODB_REGION, DYNAMODB_TABLE, dynamodbCredentials, type FakeDynamodb, startFakeDynamodb } from "../fakes/dynamodb.ts";
import { testStateStore } from "./state-store.ts";

const signal = new AbortController().signal;

function storeAt(dynamodb: FakeDynamodb, options: Partial<DynamodbStoreOptions> = {}): StateStore {
  return createDynamodbStore({
    table: DYNAMODB_TABLE,
    region: DYNAMODB_REGION,
    endpoint: dynamodb.url,
    credentials: dynamodbCredentials,
    timeoutMs: 20_000,
    attempts: 2,
    ...options,
  });
}

testStateStore("DynamoDB by dynalite", async () => {
  const dynamodb = await startFakeDynamodb();
  let passed = 0;
  const now = () => Date.now() + passed;
  const store = storeAt(dynamodb, { now });
  const other = storeAt(dynamodb, { now });
  const hurried = storeAt(dynamodb, { now, timeoutMs: 1_000 });
  return {
    store,
    other,
    hurried,
    async pass(ms) {
      passed += ms;
    },
    realTime: false,
    async outage(state) {
      dynamodb.mode = state;
    },
    async close() {
      await store.close();
      await other.close();
      await hurried.close();
      await dynamodb.close();
    },
  };
});

describe("the DynamoDB store", () => {
  let dynamodb: FakeDynamodb;
  let store: StateStore;
  beforeAll(async () => {
    dynamodb = await startFakeDynamodb();
    store = storeAt(dynamodb);
  });
  afterAll(() => dynamodb.close());

  it("knows its own writing when the answer to it was lost", async () => {
    dynamodb.mode = "answer-lost";
    const version = await store.put("lost", "one", { expected: null, ttlMs: 60_000 }, signal);
    expect(version).not.toBeNull();
    expect(await store.get("lost", signal)).toEqual({ value: "one", version });
    dynamodb.mode = "answer-lost";
    const second = await store.put("lost", "two", { expected: version, ttlMs: 60_000 }, signal);
    expect(await store.get("lost", signal)).toEqual({ value: "two", version: second });
    dynamodb.mode = "answer-lost";
    expect(await store.remove("lost", second ?? "", signal)).toBe(true);
    expect(await store.get("lost", signal)).toBeNull();
    dynamodb.mode = "answer-lost";
    expect(await store.put("lost", "x", { expected: second, ttlMs: 60_000 }, signal)).toBeNull();
  });

  it("writes what the table's TTL needs: whole seconds, and not before the end", async () => {
    const endsAt = 1_800_000_000_001;
    await storeAt(dynamodb, { now: () => endsAt - 60_000 }).put("ttl", "x", { expected: null, ttlMs: 60_000 }, signal);
    const client = createAwsClient({ service: "dynamodb", region: DYNAMODB_REGION, credentials: dynamodbCredentials, endpoint: dynamodb.url });
    const answer = await client.call("DynamoDB_20120810.GetItem", { TableName: DYNAMODB_TABLE, Key: { key: { S: "ttl" } } }, { signal });
    expect(answer).toMatchObject({ Item: { expires: { N: "1800000001" }, expiresMs: { N: `${endsAt}` }, value: { S: "x" } } });
  });

  it("asks once for what is simple, and reads what is consistent", async () => {
    dynamodb.operations.length = 0;
    const version = await store.put("count", "x", { expected: null, ttlMs: 60_000 }, signal);
    await store.get("count", signal);
    await store.remove("count", "another", signal);
    await store.remove("count", version ?? "", signal);
    expect(dynamodb.operations).toEqual(["PutItem", "GetItem", "DeleteItem", "DeleteItem"]);
  });

  it.each([
    ["a wrong key", { credentials: async () => ({ ...(await dynamodbCredentials()), secretAccessKey: "wrong" }) }, /InvalidSignatureException/],
    ["no keys", { credentials: () => Promise.reject(new Error(AWS_SECRET_ACCESS_KEY)) }, /CredentialsUnavailable/],
    ["no such table", { table: "another-table" }, /ResourceNotFoundException/],
  ])("says what is wrong: %s", async (_, options, message) => {
    const broken = storeAt(dynamodb, options);
    for (const operation of [
      () => broken.get("key", signal),
      () => broken.put("key", "sk-value", { expected: null, ttlMs: 1_000 }, signal),
      () => broken.remove("key", "version", signal),
    ]) {
      const error = await operation().then(
        () => expect.unreachable("it answered"),
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(StateStoreError);
      expect(error).toMatchObject({ message: expect.stringMatching(message) });
      expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(new RegExp(`sk-value|${AWS_SECRET_ACCESS_KEY}`));
    }
  });

  it("rejects an item that is none of ours, rather than reading it as something", async () => {
    const client = createAwsClient({ service: "dynamodb", region: DYNAMODB_REGION, credentials: dynamodbCredentials, endpoint: dynamodb.url });
    const foreign = { TableName: DYNAMODB_TABLE, Item: { key: { S: "foreign" }, value: { N: "1" } } };
    await client.call("DynamoDB_20120810.PutItem", foreign, { signal });
    await expect(store.get("foreign", signal)).rejects.toBeInstanceOf(StateStoreError);
    expect(await store.put("foreign", "x", { expected: null, ttlMs: 1_000 }, signal)).toBeNull();
  });

  it.each(["", "ab", "a b", "a/b", "x".repeat(256)])("takes %j for no table", (table) => {
    expect(() => storeAt(dynamodb, { table })).toThrow(/name of a DynamoDB table/);
  });
});
