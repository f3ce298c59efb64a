import { createDynamodbUsageStore } from "../../adapters/usage/dynamodb-store.ts";
import { DYNAMODB_REGION, DYNAMODB_USAGE_TABLE, dynamodbCredentials, startFakeDynamodb } from "../fakes/dynamodb.ts";
import { testUsageStore } from "./usage-store.ts";

testUsageStore("DynamoDB by dynalite", async () => {
  const dynamodb = await startFakeDynamodb();
  let passed = 0;
  const now = () => Date.UTC(2026, 10, 23, 12) + passed;
  const place = { table: DYNAMODB_USAGE_TABLE, region: DYNAMODB_REGION, endpoint: dynamodb.url, credentials: dynamodbCredentials };
  // Time enough for a machine that is busy with other tests.
  const options = { ...place, now, timeoutMs: 1_500, attempts: 2, exchangeMs: 30_000, otherMs: 30_000 };
  const [store, other] = [createDynamodbUsageStore(options), createDynamodbUsageStore(options)];
  return {
    store,
    other,
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
      await dynamodb.close();
    },
  };
});
