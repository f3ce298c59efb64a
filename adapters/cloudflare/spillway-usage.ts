import { DurableObject, type DurableObjectContext, type DurableObjectStorage } from "cloudflare:workers";
import { type ExchangeAnswer, type Incident, type UsageBatch, type UsageQuery, UsageStoreError } from "../../src/index.ts";
import type { ExchangePart, ListedAccount, ObjectAnswer, StoredRow, UsageObject, UsagePlace } from "../usage/usage-object.ts";
import { type AccountTable, createAccountTable } from "./account-table.ts";
import { createUsageTable, type UsageTable } from "./usage-table.ts";

/** What has ended lies here so long before it is swept out, and what ends later is looked for no later than that. Milliseconds. */
const SWEEP_AFTER_MS = 10 * 60_000;
const SWEEP_WITHIN_MS = 6 * 3_600_000;

/**
 * One part of the limits and the usage that isolates share: a Durable Object that has accounts, or rows of usage, in SQLite. It runs one call at a time,
 * and between reading and writing nothing is awaited, so that each operation is atomic. Its clock counts.
 */
export class SpillwayUsage extends DurableObject implements UsageObject {
  readonly #storage: DurableObjectStorage;
  #accounts: AccountTable | null = null;
  #usage: UsageTable | null = null;
  #alarmIsSet = false;

  constructor(context: DurableObjectContext, bindings: unknown) {
    super(context, bindings);
    this.#storage = context.storage;
  }

  /** Tables are made when they are first wanted: an object has accounts or usage. */
  get #accountTable(): AccountTable {
    this.#accounts ??= createAccountTable(tablesOf(this.#storage));
    return this.#accounts;
  }

  get #usageTable(): UsageTable {
    this.#usage ??= createUsageTable(tablesOf(this.#storage));
    return this.#usage;
  }

  /** Who only reads makes no tables. */
  #has(table: "accounts" | "usage"): boolean {
    return this.#storage.sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", table).toArray().length > 0;
  }

  async exchange(part: ExchangePart): Promise<ObjectAnswer<ExchangeAnswer>> {
    const answer = answering(() => this.#accountTable.exchange(part));
    await this.#beAwakened();
    return answer;
  }

  accounts(max: number): ObjectAnswer<readonly ListedAccount[]> {
    return answering(() => (this.#has("accounts") ? this.#accountTable.accounts(max) : []));
  }

  async record(batch: UsageBatch): Promise<ObjectAnswer<null>> {
    const answer = answering(() => {
      this.#usageTable.record(batch);
      return null;
    });
    await this.#beAwakened();
    return answer;
  }

  usage(query: UsageQuery, after: UsagePlace | null): ObjectAnswer<readonly StoredRow[]> {
    return answering(() => (this.#has("usage") ? this.#usageTable.usage(query, after) : []));
  }

  incidents(max: number): ObjectAnswer<readonly Incident[]> {
    return answering(() => (this.#has("usage") ? this.#usageTable.incidents(max) : []));
  }

  /** Takes out what has ended, and says when the next ends; null: nothing is left. Milliseconds since the epoch. */
  sweep(): number | null {
    const ends = [this.#has("accounts") ? this.#accountTable.sweep() : null, this.#has("usage") ? this.#usageTable.sweep() : null];
    return ends.reduce((first, end) => (first === null || end === null ? (first ?? end) : Math.min(first, end)), null);
  }

  async alarm(): Promise<void> {
    const next = this.sweep();
    this.#alarmIsSet = next !== null;
    if (next !== null) await this.#storage.setAlarm(Math.min(Date.now() + SWEEP_WITHIN_MS, Math.max(Date.now() + SWEEP_AFTER_MS, next)));
  }

  async #beAwakened(): Promise<void> {
    if (this.#alarmIsSet) return;
    this.#alarmIsSet = true;
    if ((await this.#storage.getAlarm()) === null) await this.#storage.setAlarm(Date.now() + SWEEP_AFTER_MS);
  }
}

/** Methods of the platform's storage work on the storage only. */
function tablesOf(storage: DurableObjectStorage): Pick<DurableObjectStorage, "sql" | "transactionSync"> {
  return { sql: storage.sql, transactionSync: (work) => storage.transactionSync(work) };
}

function answering<Value>(work: () => Value): ObjectAnswer<Value> {
  try {
    return { value: work() };
  } catch (error) {
    if (error instanceof UsageStoreError) return { refused: error.message };
    throw error;
  }
}
