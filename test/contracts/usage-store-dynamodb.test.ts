import { createDynamodbUsageStore } from "../../adapters/usage/dynamodb-store.ts";
import { DYNAMODB_REGION, DYNAMODB_USAGE_TABLE, dynamodbCredentials, startFakeDynamodb } from "../fakes/dynamodb.ts";
import { testUsageStore } from "./usage-store.ts";

testUsageStore("DynamoDB by dynalite", async () => {
  const dynamodb = await startFakeDynamodb();
  let passed = 0;
  const now = () => Date.UTC(2026, 10, 23, 12) + passed;
  const place = { table: DYNAMODB_USAGE_TABLE, region: DYNAMODB_REGION, endpoint: dynamodb.url, credentials: dynamodbCredentials };
  const create = (timeoutMs: number) => createDynamodbUsageStore({ ...place, now, timeoutMs, attempts: 2, exchangeMs: 30_000, otherMs: 30_000 });
  const [store, other, hurried] = [create(20_000), create(20_000), create(1_500)];
  return {
    store,
    other,
    hurried,
    now,
    async pass(ms) {
      passed += ms;
    },
    realTime: false,
    runs: 10,
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
