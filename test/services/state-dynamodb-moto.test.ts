import { describe } from "vitest";
import { createDynamodbStore } from "../../adapters/state/dynamodb-store.ts";
import { testStateStore } from "../contracts/state-store.ts";
import { createTable, DYNAMODB_REGION, dynamodbCredentials } from "../fakes/dynamodb.ts";

const url = process.env["SPILLWAY_MOTO_URL"];
const missing = url === undefined || url === "";
if (missing) process.stderr.write("MISSING: moto. Start `moto_server -H 127.0.0.1 -p PORT` and set SPILLWAY_MOTO_URL=http://127.0.0.1:PORT\n");

let last: Promise<unknown> = Promise.resolve();

/** Moto looks at a condition and writes in two steps, with other requests between them; DynamoDB does not, and dynalite shows that. */
const oneAtATime: typeof fetch = (input, init) => {
  const answer = last.then(() => fetch(input, init));
  last = answer.then(
    () => {},
    () => {},
  );
  return answer;
};

describe.skipIf(missing)(`state in DynamoDB by moto${missing ? " (MISSING: SPILLWAY_MOTO_URL is not set)" : ""}`, () => {
  const endpoint = url ?? "";
  let tables = 0;

  testStateStore("DynamoDB by moto", async () => {
    const table = `spillway-${process.pid}-${Date.now()}-${tables++}`;
    await createTable(endpoint, table);
    let passed = 0;
    const options = {
      table,
      region: DYNAMODB_REGION,
      endpoint,
      credentials: dynamodbCredentials,
      now: () => Date.now() + passed,
      fetch: oneAtATime,
      timeoutMs: 20_000,
    };
    const [store, other] = [createDynamodbStore(options), createDynamodbStore(options)];
    return {
      store,
      other,
      hurried: null,
      async pass(ms) {
        passed += ms;
      },
      realTime: false,
      // Others use this moto too.
      outage: null,
      async close() {
        await store.close();
        await other.close();
      },
    };
  });
});
