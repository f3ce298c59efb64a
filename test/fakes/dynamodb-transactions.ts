/** What dynalite does not have: `TransactWriteItems`, by single operations of it while nobody else may ask. */

/** One operation of dynalite, such as `PutItem`. */
export type SingleOperation = (operation: string, body: unknown) => Promise<{ readonly status: number; readonly text: string }>;

interface Named {
  readonly TableName: string;
  readonly Key?: Readonly<Record<string, unknown>>;
  readonly Item?: Readonly<Record<string, unknown>>;
  readonly ConditionExpression?: string;
}

/** What was there before a write; null: nothing. */
interface Before {
  readonly table: string;
  readonly key: unknown;
  readonly item: unknown;
}

const OPERATIONS: Readonly<Record<string, string>> = { Put: "PutItem", Update: "UpdateItem", Delete: "DeleteItem" };
const KEY_ATTRIBUTES = ["key", "sort"];

/** Carries out all or nothing: what was there is written back when one of them is refused. Must run alone. */
export async function transactWrite(body: unknown, run: SingleOperation): Promise<{ readonly status: number; readonly text: string }> {
  const { TransactItems: items } = body as { readonly TransactItems: readonly Readonly<Record<string, Named>>[] }; // as the store sends it
  if (items.length === 0 || items.length > 100) return refused("com.amazon.coral.validate#ValidationException", {});
  const writes = items.map((item) => {
    const [kind = "", named] = Object.entries(item)[0] ?? [];
    if (named === undefined || OPERATIONS[kind] === undefined) throw new Error(`a transaction of ${kind} is not known here`);
    const from = named.Key ?? named.Item ?? {};
    const key = Object.fromEntries(KEY_ATTRIBUTES.flatMap((name) => (name in from ? [[name, from[name]]] : [])));
    return { operation: OPERATIONS[kind] ?? "", named, key };
  });
  if (new Set(writes.map(({ key }) => JSON.stringify(key))).size < writes.length) return refused("com.amazon.coral.validate#ValidationException", {});
  const conditional = writes.filter(({ named }) => named.ConditionExpression !== undefined);
  const others = writes.filter(({ named }) => named.ConditionExpression === undefined);
  const before: Before[] = [];
  const write = async ({ operation, named, key }: (typeof writes)[number]) => {
    const held = await run("GetItem", { TableName: named.TableName, Key: key, ConsistentRead: true });
    const answer = await run(operation, named);
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
    return refused("com.amazonaws.dynamodb.v20120810#TransactionCanceledException", { CancellationReasons: [{ Code: "ConditionalCheckFailed" }] });
  }
  return { status: 200, text: "{}" };
}

function refused(type: string, more: Readonly<Record<string, unknown>>): { readonly status: number; readonly text: string } {
  return { status: 400, text: JSON.stringify({ __type: type, message: "", ...more }) };
}
