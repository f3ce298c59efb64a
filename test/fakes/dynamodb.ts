import { createServer, type IncomingMessage, type ServerResponse, request as sendRequest } from "node:http";
import type { AddressInfo } from "node:net";
import dynalite from "dynalite";
import { AwsError, createAwsClient } from "../../adapters/aws/aws-client.ts";
import { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, isSigned } from "./aws-signature.ts";
import { type SingleOperation, tellingOldItem, transactWrite } from "./dynamodb-transactions.ts";

export const DYNAMODB_REGION = "eu-central-1";
export const DYNAMODB_TABLE = "spillway-state";
/** With a sort key. */
export const DYNAMODB_USAGE_TABLE = "spillway-usage";

/** DynamoDB on loopback, by dynalite, which looks at no signature and knows no transactions: in front of it signatures are computed again and compared, and transactions run alone. */
export interface FakeDynamodb {
  readonly url: string;
  /** Operations that came, in order, such as `PutItem`. */
  readonly operations: string[];
  /** `down` breaks connections, `stalled` does not answer, `answer-lost` carries out one request, then breaks the connection and is `up`. */
  mode: "up" | "down" | "stalled" | "answer-lost" | "throttled";
  /** So many transactions from now on are cancelled, as when another one is at the same item. */
  conflicts: number;
  close(): Promise<void>;
}

export const dynamodbCredentials = async () => ({ accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY, sessionToken: null });

export async function startFakeDynamodb(): Promise<FakeDynamodb> {
  const tables = dynalite({ createTableMs: 0, deleteTableMs: 0 });
  const tablesPort = await listen(tables);
  const operations: string[] = [];
  const fake: { mode: FakeDynamodb["mode"]; conflicts: number } = { mode: "up", conflicts: 0 };
  const turns = createTurns();
  const front = createServer(async (request, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    operations.push(String(request.headers["x-amz-target"]).split(".").at(-1) ?? "");
    if (fake.mode === "down") return void request.socket.destroy();
    if (fake.mode === "stalled") return;
    if (!(await isSigned(request, body.toString(), { region: DYNAMODB_REGION, service: "dynamodb" }))) {
      return answer(response, 400, JSON.stringify({ __type: "com.amazon.coral.service#InvalidSignatureException", message: "" }));
    }
    if (fake.mode === "throttled") return answer(response, 400, JSON.stringify({ __type: "com.amazonaws.dynamodb.v20120810#ThrottlingException" }));
    const { status, text } = await carryOut(request, body);
    if (fake.mode === "answer-lost") {
      fake.mode = "up";
      return void request.socket.destroy();
    }
    answer(response, status, text);
  });
  function carryOut(request: IncomingMessage, body: Uint8Array): Promise<{ readonly status: number; readonly text: string }> {
    const single: SingleOperation = (operation, part) => forward(request, Buffer.from(JSON.stringify(part)), tablesPort, `DynamoDB_20120810.${operation}`);
    const operation = String(request.headers["x-amz-target"]).split(".").at(-1) ?? "";
    if (operation === "PutItem") return turns.together(() => tellingOldItem(operation, JSON.parse(body.toString()), single));
    if (operation !== "TransactWriteItems") return turns.together(() => forward(request, body, tablesPort));
    if (fake.conflicts > 0) {
      fake.conflicts -= 1;
      return Promise.resolve(CONFLICT);
    }
    return turns.alone(() => transactWrite(JSON.parse(body.toString()), single));
  }
  const url = `http://127.0.0.1:${await listen(front)}`;
  await createTable(url);
  await createTable(url, DYNAMODB_USAGE_TABLE, ["key", "sort"]);
  operations.length = 0;
  return Object.assign(fake, {
    url,
    operations,
    close: async () => {
      front.close();
      front.closeAllConnections();
      tables.closeAllConnections();
      await new Promise<void>((resolve) => tables.close(() => resolve()));
    },
  });
}

const CONFLICT = {
  status: 400,
  text: JSON.stringify({
    __type: "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    message: "",
    CancellationReasons: [{ Code: "TransactionConflict" }],
  }),
};

/** Work that may run together, and work that must run alone; in the order in which it came. */
function createTurns() {
  let last: Promise<unknown> = Promise.resolve();
  const running = new Set<Promise<unknown>>();
  return {
    together<Value>(work: () => Promise<Value>): Promise<Value> {
      const done = last.then(work);
      const over: Promise<void> = done
        .then(
          () => {},
          () => {},
        )
        .then(() => void running.delete(over));
      running.add(over);
      return done;
    },
    alone<Value>(work: () => Promise<Value>): Promise<Value> {
      const done = Promise.all([last, ...running]).then(work);
      last = done.catch(() => {});
      return done;
    },
  };
}

/** As the deployment's template makes it; `keys` are the partition key and, perhaps, the sort key. */
export async function createTable(endpoint: string, table = DYNAMODB_TABLE, keys: readonly string[] = ["key"]): Promise<void> {
  const client = createAwsClient({ service: "dynamodb", region: DYNAMODB_REGION, credentials: dynamodbCredentials, endpoint });
  const signal = new AbortController().signal;
  const call = (operation: string, body: unknown) => client.call(`DynamoDB_20120810.${operation}`, body, { signal });
  await call("CreateTable", {
    TableName: table,
    AttributeDefinitions: keys.map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
    KeySchema: keys.map((AttributeName, at) => ({ AttributeName, KeyType: at === 0 ? "HASH" : "RANGE" })),
    BillingMode: "PAY_PER_REQUEST",
  });
  for (;;) {
    const found = await call("GetItem", { TableName: table, Key: Object.fromEntries(keys.map((name) => [name, { S: "probe" }])) }).catch(
      (error: unknown) => error,
    );
    // A table that is being made cannot be asked yet.
    if (!(found instanceof AwsError)) return;
    if (found.code !== "ResourceNotFoundException") throw found;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "application/x-amz-json-1.0" }).end(text);
}

function forward(
  request: IncomingMessage,
  body: Uint8Array,
  port: number,
  target = String(request.headers["x-amz-target"]),
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { ...request.headers, "x-amz-target": target, "content-length": body.byteLength };
    const onward = sendRequest({ host: "127.0.0.1", port, method: request.method, path: request.url, headers }, async (response) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of response) chunks.push(chunk);
      resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
    });
    onward.on("error", reject);
    onward.end(body);
  });
}

function listen(server: ReturnType<typeof createServer>): Promise<number> {
  return new Promise((resolve) => {
    // A TCP server's address is an AddressInfo once it listens.
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}
