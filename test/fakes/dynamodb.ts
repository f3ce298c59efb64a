import { createServer, type IncomingMessage, type ServerResponse, request as sendRequest } from "node:http";
import type { AddressInfo } from "node:net";
import dynalite from "dynalite";
import { AwsError, createAwsClient } from "../../adapters/aws/aws-client.ts";
import { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, isSigned } from "./aws-signature.ts";

export const DYNAMODB_REGION = "eu-central-1";
export const DYNAMODB_TABLE = "spillway-state";

/** DynamoDB on loopback, by dynalite, which looks at no signature: in front of it every one is computed again and compared. */
export interface FakeDynamodb {
  readonly url: string;
  /** Operations that came, in order, such as `PutItem`. */
  readonly operations: string[];
  /** `down` breaks connections, `stalled` does not answer, `answer-lost` carries out one request, then breaks the connection and is `up`. */
  mode: "up" | "down" | "stalled" | "answer-lost" | "throttled";
  close(): Promise<void>;
}

export const dynamodbCredentials = async () => ({ accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY, sessionToken: null });

export async function startFakeDynamodb(): Promise<FakeDynamodb> {
  const tables = dynalite({ createTableMs: 0, deleteTableMs: 0 });
  const tablesPort = await listen(tables);
  const operations: string[] = [];
  const fake: { mode: FakeDynamodb["mode"] } = { mode: "up" };
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
    const { status, text } = await forward(request, body, tablesPort);
    if (fake.mode === "answer-lost") {
      fake.mode = "up";
      return void request.socket.destroy();
    }
    answer(response, status, text);
  });
  const url = `http://127.0.0.1:${await listen(front)}`;
  await createTable(url);
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

/** As the deployment's template makes it. */
export async function createTable(endpoint: string, table = DYNAMODB_TABLE): Promise<void> {
  const client = createAwsClient({ service: "dynamodb", region: DYNAMODB_REGION, credentials: dynamodbCredentials, endpoint });
  const signal = new AbortController().signal;
  const call = (operation: string, body: unknown) => client.call(`DynamoDB_20120810.${operation}`, body, { signal });
  await call("CreateTable", {
    TableName: table,
    AttributeDefinitions: [{ AttributeName: "key", AttributeType: "S" }],
    KeySchema: [{ AttributeName: "key", KeyType: "HASH" }],
    BillingMode: "PAY_PER_REQUEST",
  });
  for (;;) {
    const found = await call("GetItem", { TableName: table, Key: { key: { S: "probe" } } }).catch((error: unknown) => error);
    // A table that is being made cannot be asked yet.
    if (!(found instanceof AwsError)) return;
    if (found.code !== "ResourceNotFoundException") throw found;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "application/x-amz-json-1.0" }).end(text);
}

function forward(request: IncomingMessage, body: Uint8Array, port: number): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const onward = sendRequest({ host: "127.0.0.1", port, method: request.method, path: request.url, headers: request.headers }, async (response) => {
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
