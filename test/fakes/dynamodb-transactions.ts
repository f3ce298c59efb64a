/** What dynalite does not have, by single operations of it. */

/** One operation of dynalite, such as `PutItem`. */
export type SingleOperation = (operation: string, body: unknown) => Promise<{ readonly status: number; readonly text: string }>;

interface Named {
  readonly TableName: string;
  readonly Key?: Readonly<Record<string, unknown>>;
  readonly Item?: Readonly<Record<string, unknown>>;
  readonly ConditionExpression?: string;
  readonly ReturnValuesOnConditionCheckFailure?: string;
}

/** What was there before a write; null: nothing. */
interface Before {
  readonly table: string;
  readonly key: unknown;
  readonly item: unknown;
}

const OPERATIONS: Readonly<Record<string, string>> = { Put: "PutItem", Update: "UpdateItem", Delete: "DeleteItem" };
const KEY_ATTRIBUTES = ["key", "sort"];

/** A write that a condition refuses tells what is there instead, where it was asked for: `ReturnValuesOnConditionCheckFailure`. */
export async function tellingOldItem(operation: string, named: Named, run: SingleOperation): Promise<{ readonly status: number; readonly text: string }> {
  const { ReturnValuesOnConditionCheckFailure: wish, ...known } = named;
  const answer = await run(operation, known);
  if (wish !== "ALL_OLD" || answer.status === 200 || !answer.text.includes("ConditionalCheckFailedException")) return answer;
  const held = await run("GetItem", { TableName: named.TableName, Key: keyOf(named), ConsistentRead: true });
  const { Item } = JSON.parse(held.text) as { readonly Item?: unknown }; // DynamoDB's form
  return { status: answer.status, text: JSON.stringify({ ...(JSON.parse(answer.text) as object), ...(Item === undefined ? {} : { Item }) }) };
}

function keyOf({ Key, Item }: Named): Readonly<Record<string, unknown>> {
  const from = Key ?? Item ?? {};
  return Object.fromEntries(KEY_ATTRIBUTES.flatMap((name) => (name in from ? [[name, from[name]]] : [])));
}

/** Carries out all or nothing: what was there is written back when one of them is refused. Must run alone. */
export async function transactWrite(body: unknown, run: SingleOperation): Promise<{ readonly status: number; readonly text: string }> {
  const { TransactItems: items } = body as { readonly TransactItems: readonly Readonly<Record<string, Named>>[] }; // as the store sends it
  if (items.length === 0 || items.length > 100) return refused("com.amazon.coral.validate#ValidationException", {});
  const writes = items.map((item) => {
    const [kind = "", named] = Object.entries(item)[0] ?? [];
    if (named === undefined || OPERATIONS[kind] === undefined) throw new Error(`a transaction of ${kind} is not known here`);
    return { operation: OPERATIONS[kind] ?? "", named, key: keyOf(named) };
  });
  if (new Set(writes.map(({ key }) => JSON.stringify(key))).size < writes.length) return refused("com.amazon.coral.validate#ValidationException", {});
  const conditional = writes.filter(({ named }) => named.ConditionExpression !== undefined);
  const others = writes.filter(({ named }) => named.ConditionExpression === undefined);
  const before: Before[] = [];
  const write = async ({ operation, named, key }: (typeof writes)[number]) => {
    const held = await run("GetItem", { TableName: named.TableName, Key: key, ConsistentRead: true });
    const answer = await tellingOldItem(operation, named, run);
    if (answer.status === 200) before.push({ table: named.TableName, key, item: (JSON.parse(held.text) as { readonly Item?: unknown }).Item ?? null }); // DynamoDB's form
    return answer;
  };
  const answers = [];
  for (const one of conditional) {
    const answer = await write(one);
    answers.push(answer);
    if (answer.status !== 200) break;
  }
  if (answers.every(({ status }) => status === 200)) answers.push(...(await Promise.all(others.map(write))));
  const failed = answers.find(({ status }) => status !== 200);
  if (failed !== undefined) {
    for (const { table, key, item } of before)
      await (item === null ? run("DeleteItem", { TableName: table, Key: key }) : run("PutItem", { TableName: table, Item: item }));
    if (!failed.text.includes("ConditionalCheckFailedException")) return failed;
    const { Item } = JSON.parse(failed.text) as { readonly Item?: unknown }; // as above
    // As many as there are writes, and in their order.
    const CancellationReasons = writes.map((one) =>
      one === conditional[answers.length - 1] ? { Code: "ConditionalCheckFailed", ...(Item === undefined ? {} : { Item }) } : { Code: "None" },
    );
    return refused("com.amazonaws.dynamodb.v20120810#TransactionCanceledException", { CancellationReasons });
  }
  return { status: 200, text: "{}" };
}

function refused(type: string, more: Readonly<Record<string, unknown>>): { readonly status: number; readonly text: string } {
  return { status: 400, text: JSON.stringify({ __type: type, message: "", ...more }) };
}
