import { createServer, type IncomingMessage, request as sendRequest } from "node:http";
import type { AddressInfo } from "node:net";
import dynalite from "dynalite";
import { createTable, DYNAMODB_REGION, DYNAMODB_TABLE } from "./dynamodb.ts";

/** An operation on the ledger as the store sees it. `state` is what a write says of the event. */
export interface StoreOperation {
  readonly name: string;
  readonly key: string;
  readonly state: "running" | "answered" | "published" | null;
  /** A write that wants nobody to hold the event. */
  readonly claims: boolean;
  readonly version: string | null;
}

/** What becomes of an operation: it is carried out and answered; it never arrives; it is carried out and its answer is lost; the store is down. */
export type StoreFate = "go" | "unheard" | "unanswered" | "down";

/** DynamoDB in this process, by dynalite, behind a proxy that sees each operation and decides what becomes of it. */
export interface EventStore {
  /** What a broker needs to use it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Decides over each operation, before it is carried out. */
  decide: (operation: StoreOperation) => StoreFate;
  /** Called when the operation was carried out, before its answer goes back. */
  done: (operation: StoreOperation) => void;
  /** Claims that were carried out: of this key, or in all. */
  leases(key?: string): number;
  /** Operations that came. */
  readonly seen: StoreOperation[];
  close(): Promise<void>;
}

export async function startEventStore(): Promise<EventStore> {
  const tables = dynalite({ createTableMs: 0, deleteTableMs: 0 });
  const port = await listen(tables);
  await createTable(`http://127.0.0.1:${port}`);
  const claimed = new Map<string, Set<string>>();
  const seen: StoreOperation[] = [];
  const store = { decide: (_: StoreOperation): StoreFate => "go", done: (_: StoreOperation): void => {} };
  const front = createServer(async (request, response) => {
    const chunks: Uint8Array[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      // The broker was killed in the middle of its question.
      return;
    }
    const body = Buffer.concat(chunks);
    const operation = readOperation(request, body);
    seen.push(operation);
    const fate = store.decide(operation);
    if (fate === "down") return void request.socket.destroy();
    if (fate === "unheard") return;
    const { status, text } = await forward(request, body, port);
    if (status === 200 && operation.claims && operation.version !== null) {
      // By its version: one that is sent twice is one claim.
      claimed.set(operation.key, (claimed.get(operation.key) ?? new Set()).add(operation.version));
    }
    store.done(operation);
    if (fate === "unanswered") return;
    response.writeHead(status, { "content-type": "application/x-amz-json-1.0" }).end(text);
  });
  const endpoint = `http://127.0.0.1:${await listen(front)}`;
  return Object.assign(store, {
    seen,
    leases: (key?: string) => (key === undefined ? [...claimed.values()].reduce((sum, { size }) => sum + size, 0) : (claimed.get(key)?.size ?? 0)),
    environment: {
      SPILLWAY_STATE: `dynamodb:${DYNAMODB_TABLE}`,
      AWS_ENDPOINT_URL_DYNAMODB: endpoint,
      AWS_REGION: DYNAMODB_REGION,
      AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
      AWS_SECRET_ACCESS_KEY: "not-a-secret",
    },
    close: async () => {
      front.close();
      front.closeAllConnections();
      tables.closeAllConnections();
      await new Promise<void>((resolve) => tables.close(() => resolve()));
    },
  });
}

interface PutItem {
  readonly Key?: { readonly key: { readonly S: string } };
  readonly Item?: { readonly key: { readonly S: string }; readonly value: { readonly S: string }; readonly version: { readonly S: string } };
  readonly ConditionExpression?: string;
}

function readOperation(request: IncomingMessage, body: Buffer): StoreOperation {
  const name = String(request.headers["x-amz-target"]).split(".").at(-1) ?? "";
  const said = JSON.parse(body.toString()) as PutItem; // what the broker's own client sends
  const value = /^\{"state":"(running|answered|published)"/.exec(said.Item?.value.S ?? "")?.[1] ?? null;
  return {
    name,
    key: said.Key?.key.S ?? said.Item?.key.S ?? "",
    state: value as StoreOperation["state"], // the expression takes no other word
    claims: value === "running" && (said.ConditionExpression ?? "").includes("attribute_not_exists"),
    version: said.Item?.version.S ?? null,
  };
}

function forward(request: IncomingMessage, body: Uint8Array, port: number): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const onward = sendRequest({ host: "127.0.0.1", port, method: "POST", path: request.url, headers: request.headers }, async (response) => {
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
