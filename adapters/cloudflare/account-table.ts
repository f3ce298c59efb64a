import type { DurableObjectStorage } from "cloudflare:workers";
import { type AccountExchange, type ExchangeAnswer, UsageStoreError } from "../../src/index.ts";
import { type AccountDocument, bookExchange, forgottenAt, stateOf } from "../usage/account-book.ts";
import { readAccount, writeAccount } from "../usage/account-text.ts";
import type { ExchangePart, ListedAccount } from "../usage/usage-object.ts";

/** Accounts of one object; each call reads, weighs and writes without waiting, so that nothing comes between. */
export interface AccountTable {
  exchange(part: ExchangePart): ExchangeAnswer;
  accounts(max: number): readonly ListedAccount[];
  /** Takes out what has ended; gives when the next ends, in milliseconds since the epoch; null: there is none. */
  sweep(): number | null;
}

/** Of one object; a realm has several. */
const MAX_ACCOUNTS = 200_000;

/** `text` columns hold JSON, since not every JavaScript text is Unicode. */
export function createAccountTable({ sql, transactionSync }: Pick<DurableObjectStorage, "sql" | "transactionSync">): AccountTable {
  sql.exec("CREATE TABLE IF NOT EXISTS accounts (account TEXT PRIMARY KEY, document TEXT NOT NULL, changed INTEGER NOT NULL, ends INTEGER NOT NULL)");
  sql.exec("CREATE INDEX IF NOT EXISTS accounts_by_end ON accounts (ends)");
  sql.exec("CREATE INDEX IF NOT EXISTS accounts_by_change ON accounts (changed)");
  let size = Number(sql.exec("SELECT COUNT(*) AS size FROM accounts").toArray()[0]?.["size"]);

  function read(account: string): AccountDocument | null {
    const [row] = sql.exec("SELECT document FROM accounts WHERE account = ?", JSON.stringify(account)).toArray();
    return row === undefined ? null : readAccount(String(row["document"]));
  }

  function sweep(): number | null {
    size -= sql.exec("DELETE FROM accounts WHERE ends <= ? RETURNING 1", Date.now()).toArray().length;
    const [next] = sql.exec("SELECT MIN(ends) AS ends FROM accounts").toArray();
    return typeof next?.["ends"] === "number" ? next["ends"] : null;
  }

  function makeRoom(more: number): void {
    if (size + more > MAX_ACCOUNTS) sweep();
    if (size + more > MAX_ACCOUNTS) throw new UsageStoreError("the Durable Object is full of accounts");
    size += more;
  }

  return {
    exchange({ exchange, now, mayGrant }) {
      const documents = exchange.changes.map(({ account }) => read(account));
      // Machines' clocks differ: for one account time never goes back.
      const time = documents.reduce((latest, document) => Math.max(latest, document?.changedAt ?? 0), now ?? Date.now());
      if (isGivenBack(documents, exchange)) {
        const { answer } = bookExchange(documents, { ...exchange, sequence: exchange.sequence + 1 }, time);
        return { ...answer, granted: false };
      }
      const booked = bookExchange(documents, exchange, time, mayGrant);
      const { documents: written, answer } = booked;
      if (written === null) return answer;
      makeRoom(documents.filter((document) => document === null).length);
      transactionSync(() => {
        for (const [at, document] of written.entries()) {
          const account = JSON.stringify(exchange.changes[at]?.account);
          const place = [account, writeAccount(document), document.changedAt, Math.ceil(forgottenAt(document))] as const;
          sql.exec("INSERT OR REPLACE INTO accounts (account, document, changed, ends) VALUES (?, ?, ?, ?)", ...place);
        }
      });
      return answer;
    },
    accounts(max) {
      const now = Date.now();
      const rows = sql.exec("SELECT account, document FROM accounts WHERE ends > ? ORDER BY changed DESC LIMIT ?", now, 2 * max).toArray();
      return rows
        .flatMap((row) => {
          const document = readAccount(String(row["document"]));
          const state = stateOf(String(JSON.parse(String(row["account"]))), document, Math.max(now, document.changedAt));
          return state === null ? [] : [{ state, changedAt: document.changedAt }];
        })
        .slice(0, max);
    },
    sweep,
  };
}

/** The same exchange once more, after what it was granted here was given back. */
function isGivenBack(documents: readonly (AccountDocument | null)[], { holder, sequence }: AccountExchange): boolean {
  return sequence % 2 === 0 && documents.some((document) => document?.holders.some(({ name, sequence: last }) => name === holder && last === sequence + 1));
}
