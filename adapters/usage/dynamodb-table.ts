import { UsageStoreError } from "../../src/index.ts";
import { type AwsClientOptions, AwsError, createAwsClient } from "../aws/aws-client.ts";
import { afterReal, pause } from "../aws/within-limit.ts";

export interface DynamodbTableOptions extends Omit<AwsClientOptions, "service"> {
  /** Its partition key is `key` and its sort key `sort`, both strings; its TTL attribute is `expires`. */
  readonly table: string;
}

/** What an item holds beside lists and maps, which are not used here. */
export type Item = Readonly<Record<string, string | number>>;

export interface ItemKey {
  readonly key: string;
  readonly sort: string;
}

export type ItemWrite =
  /** Replaces the item of `item.key` and `item.sort`, whatever there is. */
  | { readonly kind: "put"; readonly item: Item }
  /** The same if its `version` is the expected one; null: if there is none. */
  | { readonly kind: "replace"; readonly item: Item; readonly expected: string | null }
  /** Adds to numbers, which begin at 0, and sets the rest. */
  | { readonly kind: "add"; readonly at: ItemKey; readonly counts: Readonly<Record<string, number>>; readonly set: Item };

/** `found`: items that were not as they were expected, as they are; none: one is not there, or somebody else was writing at the same time. */
export type WriteOutcome = { readonly written: true } | { readonly written: false; readonly found: readonly Item[] };

export interface ItemRange {
  readonly key: string;
  /** Both inclusive, as texts are ordered. */
  readonly from: string;
  readonly to: string;
  readonly max: number;
  readonly newestFirst: boolean;
}

/** A table of DynamoDB, as far as usage needs it. All reject with `UsageStoreError`; what was throttled or not answered has been tried again by then. */
export interface DynamodbTable {
  /** In no order; what is not there is left out. Sees every write that was answered. */
  read(keys: readonly ItemKey[], signal: AbortSignal): Promise<readonly Item[]>;
  /** All or none. At most 100. */
  write(writes: readonly ItemWrite[], signal: AbortSignal): Promise<WriteOutcome>;
  /** May miss what was written in the last second. */
  range(range: ItemRange, signal: AbortSignal): Promise<readonly Item[]>;
}

/** DynamoDB reads so many at once, and answers 16 MB at most. */
const MAX_BATCH = 100;
const MAX_ANSWER_BYTES = 24 * 1024 * 1024;
const FIRST_PAUSE_MS = 30;

/** Throws at once on what is no table's name, no region or no endpoint. */
export function createDynamodbTable(options: DynamodbTableOptions): DynamodbTable {
  const { table, random = Math.random } = options;
  if (!/^[\w.-]{3,255}$/.test(table)) throw new TypeError("the name of a DynamoDB table has 3 to 255 letters, digits, dots, dashes and underscores");
  const client = createAwsClient({ ...options, service: "dynamodb" });
  const { after } = options.clock ?? { after: afterReal };

  async function call(
    operation: string,
    body: unknown,
    signal: AbortSignal,
    onRefused: (bytes: Uint8Array) => void = () => {},
  ): Promise<Readonly<Record<string, unknown>>> {
    const answer = await client.call(`DynamoDB_20120810.${operation}`, body, { signal, maxBytes: MAX_ANSWER_BYTES, onRefused });
    if (!isRecord(answer)) throw new UsageStoreError("DynamoDB gave no proper answer");
    return answer;
  }

  async function readBatch(keys: readonly ItemKey[], signal: AbortSignal): Promise<readonly Item[]> {
    const items: Item[] = [];
    let left: unknown = { [table]: { Keys: keys.map(attributesOf), ConsistentRead: true } };
    for (let round = 0; isRecord(left) && Object.keys(left).length > 0; round += 1) {
      // What it left out for want of throughput or size.
      if (round > 0) await pause((0.5 + random()) * FIRST_PAUSE_MS * Math.min(32, 2 ** round), signal, after);
      const answer = await call("BatchGetItem", { RequestItems: left }, signal);
      const found = isRecord(answer["Responses"]) ? answer["Responses"][table] : null;
      if (Array.isArray(found)) for (const item of found) items.push(readItem(item));
      left = answer["UnprocessedKeys"];
    }
    return items;
  }

  return {
    read: (keys, signal) =>
      rejectingAsUsage(async () => {
        const batches = Array.from({ length: Math.ceil(keys.length / MAX_BATCH) }, (_, at) => keys.slice(at * MAX_BATCH, (at + 1) * MAX_BATCH));
        const items: Item[] = [];
        for (const batch of batches) items.push(...(await readBatch(batch, signal)));
        return items;
      }),
    write: (writes, signal) =>
      rejectingAsUsage(async () => {
        const [only] = writes;
        if (only === undefined) return { written: true };
        let refusal: Uint8Array | null = null;
        const onRefused = (bytes: Uint8Array): void => {
          refusal = bytes;
        };
        try {
          // A transaction costs twice as much.
          if (writes.length > 1) await call("TransactWriteItems", { TransactItems: writes.map((write) => writeOf(table, write)) }, signal, onRefused);
          else await call(only.kind === "add" ? "UpdateItem" : "PutItem", Object.values(writeOf(table, only))[0], signal, onRefused);
          return { written: true };
        } catch (error) {
          if (error instanceof AwsError && LOST.has(error.code)) return { written: false, found: foundIn(refusal) };
          throw error;
        }
      }),
    range: ({ key, from, to, max, newestFirst }, signal) =>
      rejectingAsUsage(async () => {
        const items: Item[] = [];
        let start: unknown;
        do {
          const answer = await call(
            "Query",
            {
              TableName: table,
              KeyConditionExpression: "#key = :key AND #sort BETWEEN :from AND :to",
              ExpressionAttributeNames: { "#key": "key", "#sort": "sort" },
              ExpressionAttributeValues: attributesOf({ ":key": key, ":from": from, ":to": to }),
              ScanIndexForward: !newestFirst,
              Limit: max - items.length,
              ...(start === undefined ? {} : { ExclusiveStartKey: start }),
            },
            signal,
          );
          if (!Array.isArray(answer["Items"])) throw new UsageStoreError("DynamoDB gave no proper answer");
          for (const item of answer["Items"]) items.push(readItem(item));
          start = answer["LastEvaluatedKey"];
        } while (start !== undefined && items.length < max);
        return items;
      }),
  };
}

/** Of a condition, of a transaction in which one did not hold or which met another one, and of a write that met a transaction. */
const LOST: ReadonlySet<string> = new Set(["ConditionalCheckFailedException", "TransactionCanceledException", "TransactionConflictException"]);

/** What DynamoDB says of items whose condition did not hold. */
function foundIn(refusal: Uint8Array | null): readonly Item[] {
  if (refusal === null) return [];
  // It was read before: as JSON it has a code.
  const answer: unknown = JSON.parse(new TextDecoder().decode(refusal));
  if (!isRecord(answer)) return [];
  const reasons: readonly unknown[] = Array.isArray(answer["CancellationReasons"]) ? answer["CancellationReasons"] : [answer];
  const failed = reasons.filter(isRecord).filter((reason) => reason === answer || reason["Code"] !== "None");
  const items = failed.flatMap((reason) => (isRecord(reason["Item"]) ? [readItem(reason["Item"])] : []));
  // Of some that are not told nobody knows.
  return items.length === failed.length ? items : [];
}

function writeOf(TableName: string, write: ItemWrite): Readonly<Record<string, unknown>> {
  if (write.kind === "put") return { Put: { TableName, Item: attributesOf(write.item) } };
  if (write.kind === "replace") {
    const { item, expected } = write;
    // What is there in its place saves a reading.
    const put = { TableName, Item: attributesOf(item), ReturnValuesOnConditionCheckFailure: "ALL_OLD" };
    if (expected === null) return { Put: { ...put, ConditionExpression: "attribute_not_exists(#key)", ExpressionAttributeNames: { "#key": "key" } } };
    const values = attributesOf({ ":expected": expected });
    return { Put: { ...put, ConditionExpression: "#version = :expected", ExpressionAttributeNames: NAME_OF_VERSION, ExpressionAttributeValues: values } };
  }
  const { at, counts, set } = write;
  const names: Record<string, string> = {};
  const values: Record<string, string | number> = {};
  // All by other names: `from`, `region`, `namespace` and more are reserved words.
  const named = (field: string, value: string | number): readonly [name: string, value: string] => {
    const place = Object.keys(names).length;
    names[`#f${place}`] = field;
    values[`:v${place}`] = value;
    return [`#f${place}`, `:v${place}`];
  };
  const sets = Object.entries(set).map(([field, value]) => named(field, value).join(" = "));
  const adds = Object.entries(counts).map(([field, value]) => named(field, value).join(" "));
  const parts = [...(sets.length > 0 ? [`SET ${sets.join(", ")}`] : []), ...(adds.length > 0 ? [`ADD ${adds.join(", ")}`] : [])];
  const update = { TableName, Key: attributesOf({ key: at.key, sort: at.sort }), UpdateExpression: parts.join(" ") };
  return { Update: { ...update, ExpressionAttributeNames: names, ExpressionAttributeValues: attributesOf(values) } };
}

const NAME_OF_VERSION = { "#version": "version" } as const;

function attributesOf(fields: Item | ItemKey): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, typeof value === "number" ? { N: `${value}` } : { S: value }]));
}

/** Throws on what this store has not written. */
function readItem(item: unknown): Item {
  const fields: Record<string, string | number> = {};
  for (const [name, held] of Object.entries(isRecord(item) ? item : {})) {
    const text = isRecord(held) ? held["S"] : null;
    const number = isRecord(held) ? held["N"] : null;
    if (typeof text === "string") fields[name] = text;
    else if (typeof number === "string" && Number.isFinite(Number(number))) fields[name] = Number(number);
    else throw new UsageStoreError("DynamoDB's item is not one of ours");
  }
  return fields;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The time by which DynamoDB removes an item, of milliseconds: whole seconds, never before it. */
export function secondsOf(time: number): number {
  return Math.ceil(time / 1_000);
}

/** SHA-256 in hexadecimal: part of a key, which has room for 1,024 bytes only. */
export async function digestOf(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** By the code only; `AwsError` quotes nothing. */
async function rejectingAsUsage<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    throw usageErrorOf(error);
  }
}

function usageErrorOf(error: unknown): UsageStoreError {
  if (error instanceof UsageStoreError) return error;
  // What DynamoDB says where an item's keys are not those of the table.
  if (error instanceof AwsError && error.code === "ValidationException") {
    return new UsageStoreError(
      `${error.message}: the table of usage has the partition key \`key\` and the sort key \`sort\`, which the table of the state has not`,
    );
  }
  return new UsageStoreError(error instanceof AwsError ? error.message : "DynamoDB: no answer");
}
