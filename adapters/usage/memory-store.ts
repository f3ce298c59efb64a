import { type AccountState, type UsageStore, UsageStoreError } from "../../src/index.ts";
import { type AccountDocument, bookExchange, forgottenAt, stateOf } from "./account-book.ts";
import { checkBatch, checkMax, checkQuery } from "./check-batch.ts";
import { checkExchange, checkRealm } from "./check-exchange.ts";
import { createMemoryLedger } from "./memory-ledger.ts";

export interface MemoryUsageStoreOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Of all realms together; 100,000 when left out. */
  readonly maxAccounts?: number;
  /** Rows of usage, of all realms together; 200,000 when left out. */
  readonly maxRows?: number;
}

/** A full store looks for what has ended no more often than this. Milliseconds. */
const SWEEP_MS = 1_000;

/** Limits and usage in this process: for one instance only, and gone when it ends. Refuses a new account with `UsageStoreError` when it is full of those that count. */
export function createMemoryUsageStore(options: MemoryUsageStoreOptions): UsageStore {
  const { now, maxAccounts = 100_000, maxRows = 200_000 } = options;
  /** By realm and account; those of a realm in the order of their last change. */
  const realms = new Map<string, Map<string, AccountDocument>>();
  const ledger = createMemoryLedger(maxRows);
  let size = 0;
  let sweptAt = Number.NEGATIVE_INFINITY;
  let closed = false;

  function open(): void {
    if (closed) throw new UsageStoreError("the store is closed");
  }

  function makeRoom(more: number, at: number): void {
    if (size + more > maxAccounts && Math.abs(at - sweptAt) >= SWEEP_MS) {
      sweptAt = at;
      for (const [realm, accounts] of realms) {
        for (const [account, document] of accounts) if (forgottenAt(document) <= at && accounts.delete(account)) size -= 1;
        if (accounts.size === 0) realms.delete(realm);
      }
    }
    if (size + more > maxAccounts) throw new UsageStoreError("the memory store is full of accounts");
  }

  return {
    shared: false,
    async exchange(exchange, signal) {
      open();
      checkExchange(exchange, signal);
      const at = now();
      const held = realms.get(exchange.realm);
      const before = exchange.changes.map(({ account }) => held?.get(account) ?? null);
      const { documents, answer } = bookExchange(before, exchange, at);
      if (documents === null) return answer;
      makeRoom(before.filter((document) => document === null).length, at);
      // The sweep may have taken the realm away.
      const accounts = realms.get(exchange.realm) ?? new Map<string, AccountDocument>();
      realms.set(exchange.realm, accounts);
      for (const [index, document] of documents.entries()) {
        const account = exchange.changes[index]?.account ?? "";
        if (!accounts.delete(account)) size += 1;
        accounts.set(account, document);
      }
      return answer;
    },
    async accounts(realm, max, signal) {
      open();
      checkRealm(realm, signal);
      checkMax(max);
      const at = now();
      const found: AccountState[] = [];
      for (const [account, document] of [...(realms.get(realm) ?? [])].reverse()) {
        if (found.length >= max) break;
        const state = stateOf(account, document, at);
        if (state !== null) found.push(state);
      }
      return found;
    },
    async record(batch, signal) {
      open();
      checkBatch(batch, signal);
      ledger.record(batch, now());
    },
    async usage(query, signal) {
      open();
      checkQuery(query, signal);
      return ledger.usage(query, now());
    },
    async incidents(realm, max, signal) {
      open();
      checkRealm(realm, signal);
      checkMax(max);
      return ledger.incidents(realm, max);
    },
    async close() {
      closed = true;
      realms.clear();
      ledger.clear();
    },
  };
}
