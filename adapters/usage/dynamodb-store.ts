import type { UsageStore } from "../../src/index.ts";
import { UsageStoreError } from "../../src/index.ts";
import { afterReal, LimitReached, withinLimit } from "../aws/within-limit.ts";
import { checkBatch, checkMax, checkQuery } from "./check-batch.ts";
import { checkExchange, checkRealm } from "./check-exchange.ts";
import { createDynamodbAccounts } from "./dynamodb-accounts.ts";
import { createDynamodbTable, type DynamodbTableOptions } from "./dynamodb-table.ts";
import { createDynamodbUsage } from "./dynamodb-usage.ts";

export interface DynamodbUsageStoreOptions extends DynamodbTableOptions {
  /**
   * Milliseconds since the epoch. DynamoDB has no clock that a condition could ask, so that accounts are counted by the clocks of those who ask; for one
   * account time never goes back. A clock that is behind counts as if no time had passed; one that is ahead lets windows end early by as much.
   */
  readonly now?: () => number;
  /** Milliseconds for one exchange with all its tries; 5,000 when left out. */
  readonly exchangeMs?: number;
  /** Milliseconds for anything else; 20,000 when left out. */
  readonly otherMs?: number;
}

/**
 * Limits and usage in a DynamoDB table of their own: partition key `key`, sort key `sort`, both strings, TTL attribute `expires`. Throws at once on
 * what is no table's name, no region or no endpoint.
 */
export function createDynamodbUsageStore(options: DynamodbUsageStoreOptions): UsageStore {
  const { now = Date.now, random = Math.random, exchangeMs = 5_000, otherMs = 20_000 } = options;
  const after = options.clock?.after ?? afterReal;
  const parts = { table: createDynamodbTable({ timeoutMs: 2_000, ...options }), now: () => Math.floor(now()), random, after };
  const accounts = createDynamodbAccounts(parts);
  const ledger = createDynamodbUsage(parts);
  let closed = false;

  async function within<Value>(ms: number, signal: AbortSignal, work: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
    if (closed) throw new UsageStoreError("the store is closed");
    try {
      return await withinLimit({ ms, signal, after }, work);
    } catch (error) {
      if (error instanceof UsageStoreError) throw error;
      throw new UsageStoreError(error instanceof LimitReached ? `DynamoDB: ${error.message}` : "DynamoDB: no answer");
    }
  }

  return {
    shared: true,
    async exchange(exchange, signal) {
      checkExchange(exchange, signal);
      return await within(exchangeMs, signal, (inTime) => accounts.exchange(exchange, inTime));
    },
    async accounts(realm, max, signal) {
      checkRealm(realm, signal);
      checkMax(max);
      return await within(otherMs, signal, (inTime) => accounts.accounts(realm, max, inTime));
    },
    async record(batch, signal) {
      checkBatch(batch, signal);
      return await within(otherMs, signal, (inTime) => ledger.record(batch, inTime));
    },
    async usage(query, signal) {
      checkQuery(query, signal);
      return await within(otherMs, signal, (inTime) => ledger.usage(query, inTime));
    },
    async incidents(realm, max, signal) {
      checkRealm(realm, signal);
      checkMax(max);
      return await within(otherMs, signal, (inTime) => ledger.incidents(realm, max, inTime));
    },
    async close() {
      closed = true;
    },
  };
}
