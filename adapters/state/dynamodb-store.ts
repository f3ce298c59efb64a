import { type StateStore, StateStoreError } from "../../src/index.ts";
import { type AwsClient, type AwsClientOptions, AwsError, createAwsClient } from "../aws/aws-client.ts";
import { checkStateKey, checkStateValue } from "./state-limits.ts";

export interface DynamodbStoreOptions extends Omit<AwsClientOptions, "service"> {
  /** Its partition key is `key`, a string, and there is no sort key; its TTL attribute is `expires`. */
  readonly table: string;
  /**
   * Milliseconds since the Unix epoch. DynamoDB has no clock that a condition could ask, so that entries end by the clocks of those who ask:
   * they must agree within what a lease can bear.
   */
  readonly now?: () => number;
}

/** The value once more escaped as JSON: six bytes for one, at the most. */
const MAX_ANSWER_BYTES = 2 * 1024 * 1024;

/** `key`, `value` and more are reserved words. */
const NAMES = { "#key": "key", "#version": "version", "#ends": "expiresMs" } as const;
const LIVE = "#version = :expected AND #ends > :now";

/**
 * State in a DynamoDB table: `key`, `value`, `version`, `expiresMs` (exact) and `expires` (whole seconds, by which DynamoDB removes it
 * within days). Throws at once on what is no table's name, no region or no endpoint.
 */
export function createDynamodbStore(options: DynamodbStoreOptions): StateStore {
  const { table, now = Date.now } = options;
  if (!/^[\w.-]{3,255}$/.test(table)) throw new TypeError("the name of a DynamoDB table has 3 to 255 letters, digits, dots, dashes and underscores");
  const client = createAwsClient({ ...options, service: "dynamodb" });
  let closed = false;

  function check(key: string, signal: AbortSignal): void {
    if (closed) throw new StateStoreError("the store is closed");
    checkStateKey(key, signal);
  }

  async function read(key: string, signal: AbortSignal): Promise<Item | null> {
    const item = readItem(await call(client, "GetItem", { TableName: table, Key: { key: { S: key } }, ConsistentRead: true }, signal));
    return item === null || item.endsAt <= now() ? null : item;
  }

  return {
    shared: true,
    async get(key, signal) {
      check(key, signal);
      const item = await read(key, signal).catch(rejectAsState);
      return item === null ? null : { value: item.value, version: item.version };
    },
    async put(key, value, { expected, ttlMs }, signal) {
      check(key, signal);
      checkStateValue(value, ttlMs);
      const version = crypto.randomUUID();
      const endsAt = Math.ceil(now() + ttlMs);
      const free = expected === null ? "attribute_not_exists(#key) OR #ends <= :now" : LIVE;
      const request = {
        TableName: table,
        Item: { key: { S: key }, value: { S: value }, version: { S: version }, expiresMs: { N: `${endsAt}` }, expires: { N: `${Math.ceil(endsAt / 1_000)}` } },
        // Our own version there already: an earlier try was carried out and its answer was lost.
        ConditionExpression: `(${free}) OR #version = :mine`,
        ExpressionAttributeNames: expected === null ? NAMES : { "#version": "version", "#ends": "expiresMs" },
        ExpressionAttributeValues: {
          ":now": { N: `${Math.floor(now())}` },
          ":mine": { S: version },
          ...(expected === null ? {} : { ":expected": { S: expected } }),
        },
      };
      try {
        await call(client, "PutItem", request, signal);
        return version;
      } catch (error) {
        if (isLost(error)) return null;
        return rejectAsState(error);
      }
    },
    async remove(key, expected, signal) {
      check(key, signal);
      const request = {
        TableName: table,
        Key: { key: { S: key } },
        ConditionExpression: LIVE,
        ExpressionAttributeNames: { "#version": "version", "#ends": "expiresMs" },
        ExpressionAttributeValues: { ":now": { N: `${Math.floor(now())}` }, ":expected": { S: expected } },
      };
      try {
        await call(client, "DeleteItem", request, signal);
        return true;
      } catch (error) {
        if (!isLost(error)) return rejectAsState(error);
        // It was sent before, and that may have removed it: then there is nothing left.
        return error.attempts > 1 && (await read(key, signal).catch(rejectAsState)) === null;
      }
    },
    async close() {
      closed = true;
    },
  };
}

interface Item {
  readonly value: string;
  readonly version: string;
  readonly endsAt: number;
}

function call(client: AwsClient, operation: string, body: unknown, signal: AbortSignal): Promise<unknown> {
  return client.call(`DynamoDB_20120810.${operation}`, body, { signal, maxBytes: MAX_ANSWER_BYTES });
}

/** Null: there is none. Throws on what this store has not written. */
function readItem(answer: unknown): Item | null {
  if (!isRecord(answer)) throw new StateStoreError("DynamoDB gave no proper answer");
  const item = answer["Item"];
  if (item === undefined) return null;
  const [value, version, endsAt] = isRecord(item) ? [attribute(item, "value", "S"), attribute(item, "version", "S"), attribute(item, "expiresMs", "N")] : [];
  if (value == null || version == null || endsAt == null || !Number.isFinite(Number(endsAt))) throw new StateStoreError("DynamoDB's item is not one of ours");
  return { value, version, endsAt: Number(endsAt) };
}

function attribute(item: Readonly<Record<string, unknown>>, name: string, type: "S" | "N"): string | null {
  const held = item[name];
  const text = isRecord(held) ? held[type] : null;
  return typeof text === "string" ? text : null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isLost(error: unknown): error is AwsError {
  return error instanceof AwsError && error.code === "ConditionalCheckFailedException";
}

/** By the code only; `AwsError` quotes nothing. */
function rejectAsState(error: unknown): never {
  if (error instanceof StateStoreError) throw error;
  throw new StateStoreError(error instanceof AwsError ? error.message : "DynamoDB: no answer");
}
