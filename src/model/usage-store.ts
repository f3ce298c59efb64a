/**
 * Where limits are counted and usage is kept. One file per implementation in `adapters/usage/`; all pass `test/contracts/usage-store.ts`.
 * Every method rejects with `UsageStoreError` when the store gives no proper answer.
 */
export interface UsageStore {
  /** False: only this instance sees it. */
  readonly shared: boolean;
  /** Books what was used, gives back and grants, for all accounts or none, in one round trip. */
  exchange(exchange: AccountExchange, signal: AbortSignal): Promise<ExchangeAnswer>;
  /** Accounts of a realm that still count, those changed last first. For people; no call waits for it. */
  accounts(realm: string, max: number, signal: AbortSignal): Promise<readonly AccountState[]>;
  /** Adds usage, exactly once a batch id, however often it is sent within ten minutes. */
  record(batch: UsageBatch, signal: AbortSignal): Promise<void>;
  /** Usage of hours or days that begin in `[from, to)`, in no order; rows of the same hour and key are one. */
  usage(query: UsageQuery, signal: AbortSignal): Promise<readonly UsageRow[]>;
  /** What happened last, the newest first; at most `max`, and at most 500 are kept. */
  incidents(realm: string, max: number, signal: AbortSignal): Promise<readonly Incident[]>;
  close(): Promise<void>;
}

/** The store cannot be reached, or gave no proper answer. Its message is for the log and quotes no value. */
export class UsageStoreError extends Error {
  override readonly name = "UsageStoreError";
}

/**
 * What one instance tells the store. An instance holds a part of an account, which others cannot use: what its calls under way may still need, and
 * perhaps some more, so that the next call needs no round trip (a lease). What it holds ends `ttlMs` after its last exchange for that account.
 */
export interface AccountExchange {
  /** `namespace/name` of the Gateway. A store in a cluster keeps a realm's accounts together. */
  readonly realm: string;
  /** The instance: a name that no other has; 1 to 200 UTF-16 units. */
  readonly holder: string;
  /**
   * Grows with every exchange of this holder. The same number again, within ten minutes, is the same exchange again: it is answered as it was, and changes
   * nothing. A number smaller than the last for one of its accounts is refused: exchanges for one account must not overtake each other.
   */
  readonly sequence: number;
  /** Whole, at most an hour. */
  readonly ttlMs: number;
  /** 1 to `MAX_CHANGES`, no account twice. */
  readonly changes: readonly AccountChange[];
}

/** Accounts of one exchange, at most. */
export const MAX_CHANGES = 32;

/** Amounts are whole, not negative, and below 2^53. */
export interface AccountChange {
  /** At most 1,024 UTF-16 units; names of limits, namespaces, models and the like, never a secret. */
  readonly account: string;
  readonly window: AccountWindow;
  /** Used and held together may grow to this; null: everything is granted. */
  readonly limit: number | null;
  /** Was used since the last exchange, out of what was held or beyond it: booked now, whatever else becomes of the exchange. */
  readonly used: number;
  /** Calls under way were promised so much: held in any case, be it beyond the limit. */
  readonly keep: number;
  /** The least that must be held, at least `keep`; where it cannot be, nothing of the whole exchange is granted, and every account holds `keep`. */
  readonly need: number;
  /** What is held if there is room, at least `need`. */
  readonly want: number;
}

export type AccountWindow =
  /** What was booked in the last `ms` counts: in 60 parts, a part until its last moment is over, so that no span of `ms` ever holds more than the limit. */
  | { readonly kind: "sliding"; readonly ms: number }
  /**
   * A period from one moment until another (milliseconds since the epoch): what was booked in it counts until it is over. A period that overlaps the one
   * before takes over what that counted, since then the policy was changed; one that begins at its end starts with nothing. Forgotten a day after.
   */
  | { readonly kind: "until"; readonly from: number; readonly at: number }
  /** Nothing that was booked counts; only what is held does. */
  | { readonly kind: "none" };

export interface ExchangeAnswer {
  /** False: for want of room in one account nothing was granted. */
  readonly granted: boolean;
  /** The store's clock, milliseconds since the epoch. */
  readonly now: number;
  /** In the order of the changes. */
  readonly accounts: readonly AccountAnswer[];
}

export interface AccountAnswer {
  /** By this holder, from now on. */
  readonly held: number;
  /** Counts as used at this moment. */
  readonly used: number;
  /** By all other holders. */
  readonly heldByOthers: number;
  /** Milliseconds until `need` may fit if nobody else uses anything; 0: it fits; null: it can never fit, being larger than the limit. What others hold may come back any time and is counted as used until their time is up. */
  readonly roomInMs: number | null;
}

export interface AccountState {
  readonly account: string;
  readonly used: number;
  /** By all holders. */
  readonly held: number;
  /** The limit and window of the latest change. */
  readonly limit: number | null;
  readonly window: AccountWindow;
}

/** Rows of one batch, at most. */
export const MAX_ROWS = 1_000;

/** What calls used since the last batch of this instance. No text of it is longer than 1,024 UTF-16 units. */
export interface UsageBatch {
  /** Unique for ever; the same batch is sent again under the same id. */
  readonly id: string;
  readonly realm: string;
  /** At most `MAX_ROWS`; each key at most once an hour; `from` is the beginning of an hour. The store adds up days (UTC) itself. */
  readonly rows: readonly UsageRow[];
  /** At most 500. */
  readonly incidents: readonly Incident[];
}

/** Whose usage it is. Empty: not known, or none. */
export interface UsageKey {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** As the provider was asked for it. */
  readonly model: string;
  readonly backend: string;
  /** Where it was processed, as the door found it: regions or countries, joined by commas. */
  readonly region: string;
}

/** Whole numbers that add up. */
export interface UsageCounts {
  readonly requests: number;
  /** Calls that ended in a refusal, an error of the upstream or of the broker. */
  readonly errors: number;
  /** Calls refused by a limit. */
  readonly limited: number;
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly audioTokens: number;
  /** Billionths of a US dollar, of calls whose price is known. */
  readonly costNanos: number;
  /** Calls that used tokens whose price is not known. */
  readonly unpriced: number;
  /** Calls whose tokens are an estimate, for want of the provider's own word. */
  readonly estimated: number;
}

export interface UsageRow extends UsageKey, UsageCounts {
  /** Beginning of the hour or day, milliseconds since the epoch. */
  readonly from: number;
}

export interface UsageQuery {
  readonly realm: string;
  /** Hours are kept for 8 days, days for 400. */
  readonly interval: "hour" | "day";
  readonly from: number;
  readonly to: number;
}

/** A call that was refused or moved on to another destination: what people want to see first. Without content and secrets. */
export interface Incident {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly kind: "denied" | "failover";
  /** The call's request id. */
  readonly id: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly route: string;
  readonly model: string;
  /** The destination that was left or that refused; empty: none was reached. */
  readonly backend: string;
  /** A refusal code or a reason of failover. */
  readonly reason: string;
  /** One sentence of the broker's own. */
  readonly detail: string;
}
