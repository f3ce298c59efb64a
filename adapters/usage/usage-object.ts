import type { AccountExchange, AccountState, ExchangeAnswer, Incident, UsageBatch, UsageCounts, UsageQuery } from "../../src/index.ts";

/** What the objects of class `SpillwayUsage` answer to; over the platform's calls every answer comes later. Values are plain data. */
export interface UsageObject {
  exchange(part: ExchangePart): Answer<ExchangeAnswer>;
  accounts(max: number): Answer<readonly ListedAccount[]>;
  record(batch: UsageBatch): Answer<null>;
  usage(query: UsageQuery, after: UsagePlace | null): Answer<readonly StoredRow[]>;
  incidents(max: number): Answer<readonly Incident[]>;
}

/** What the law refuses is an answer: of what an object throws nothing but a text would arrive. */
export type ObjectAnswer<Value> = { readonly value: Value } | { readonly refused: string };
type Answer<Value> = ObjectAnswer<Value> | Promise<ObjectAnswer<Value>>;

/** The share of one exchange that the accounts of one object have. */
export interface ExchangePart {
  /** Its sequence is even for an exchange, and odd for the giving back that follows it. */
  readonly exchange: AccountExchange;
  /** The clock of the object that was asked first, so that one exchange has one time; null: this is the first. Milliseconds since the epoch. */
  readonly now: number | null;
  /** False: another object has no room. What was used is booked, and nothing is granted. */
  readonly mayGrant: boolean;
}

export interface ListedAccount {
  readonly state: AccountState;
  readonly changedAt: number;
}

/** A row's place in the order in which rows are read. */
export interface UsagePlace {
  readonly from: number;
  readonly who: string;
}

/** `who` is the row's key as `keyOf` writes it. */
export interface StoredRow extends UsagePlace {
  readonly counts: UsageCounts;
}

/** Rows of one answer: what is called between Workers has 32 MiB. */
export const ROWS_AT_ONCE = 1_000;
