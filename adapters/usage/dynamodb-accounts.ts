import { type AccountExchange, type AccountState, type ExchangeAnswer, UsageStoreError } from "../../src/index.ts";
import { pause } from "../aws/within-limit.ts";
import { type AccountDocument, bookExchange, forgottenAt, stateOf } from "./account-book.ts";
import { readAccount, writeAccount } from "./account-text.ts";
import { type DynamodbTable, digestOf, type Item, type ItemKey, type ItemWrite, secondsOf } from "./dynamodb-table.ts";
import { createTurnTaking } from "./turn-taking.ts";

export interface DynamodbAccountsOptions {
  readonly table: DynamodbTable;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: () => number;
  readonly after: (ms: number, callback: () => void) => () => void;
}

export interface DynamodbAccounts {
  exchange(exchange: AccountExchange, signal: AbortSignal): Promise<ExchangeAnswer>;
  accounts(realm: string, max: number, signal: AbortSignal): Promise<readonly AccountState[]>;
}

/** An account as it was read or written last; the write of another instance since then makes ours fail, and it is read again. */
interface Known {
  readonly document: AccountDocument;
  readonly version: string;
  /** Until when the realm's list names it. Milliseconds since the epoch. */
  readonly listedUntil: number;
}

interface Place {
  readonly account: string;
  readonly digest: string;
}

const DAY_MS = 86_400_000;
/** Accounts that an instance remembers between exchanges. */
const MAX_KNOWN = 2_000;
/** An item has 400 KB, its keys and numbers included. */
const MAX_DOCUMENT_BYTES = 380_000;
/** Accounts of one realm that are looked at for people. */
const MAX_LISTED = 5_000;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 250;

/**
 * Accounts in a table: `account/REALM/DIGEST`, one item each with its version, and `accounts/REALM`, which names them, written about once a day. An
 * exchange writes only where all of its accounts are still as they were when it was weighed: one round trip while nobody else uses them.
 */
export function createDynamodbAccounts({ table, now, random, after }: DynamodbAccountsOptions): DynamodbAccounts {
  const known = new Map<string, Known>();
  const turns = createTurnTaking();

  async function look(keys: readonly ItemKey[], signal: AbortSignal): Promise<void> {
    const found = new Map((await table.read(keys, signal)).map((item) => [String(item["key"]), item]));
    for (const { key } of keys) {
      const item = found.get(key);
      if (item === undefined) known.delete(key);
      else remember(key, knownOf(item));
    }
  }

  function remember(key: string, entry: Known): void {
    known.delete(key);
    known.set(key, entry);
    for (const oldest of known.keys()) {
      if (known.size <= MAX_KNOWN) return;
      known.delete(oldest);
    }
  }

  async function exchangeAt(exchange: AccountExchange, places: readonly Place[], keys: readonly ItemKey[], signal: AbortSignal): Promise<ExchangeAnswer> {
    let unsure: readonly ItemKey[] = keys.filter(({ key }) => !known.has(key));
    let isTold = false;
    for (let round = 0; !signal.aborted; round += 1) {
      await look(unsure, signal);
      const before = keys.map(({ key }) => known.get(key) ?? null);
      // DynamoDB has no clock that a condition could ask: it is ours, and for one account it never goes back.
      const time = before.reduce((latest, entry) => Math.max(latest, entry?.document.changedAt ?? 0), now());
      const booked = booking(
        () =>
          bookExchange(
            before.map((entry) => entry?.document ?? null),
            exchange,
            time,
          ),
        isTold || unsure.length === keys.length,
      );
      isTold = false;
      if (booked?.documents === null) return booked.answer;
      let found: readonly Item[] = [];
      if (booked !== null) {
        const written = booked.documents.map((document, at) => entryOf(document, before[at] ?? null));
        const writes = written.flatMap((entry, at) => writesOf(exchange.realm, places[at], entry, before[at] ?? null));
        const outcome = await table.write(writes, signal);
        if (outcome.written) {
          for (const [at, entry] of written.entries()) remember(keys[at]?.key ?? "", entry);
          return booked.answer;
        }
        found = outcome.found;
      }
      // Somebody else was faster, or an earlier sending of this very write was carried out: its sequence tells.
      unsure = found.length > 0 ? [] : keys;
      isTold = found.length === keys.length;
      for (const { key } of unsure) known.delete(key);
      for (const item of found) remember(String(item["key"]), knownOf(item));
      if (round > 0) await pause((0.5 + random()) * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** round), signal, after);
    }
    throw new UsageStoreError("DynamoDB: others were writing the same accounts all the time");
  }

  return {
    async exchange(exchange, signal) {
      const places = await Promise.all(exchange.changes.map(async ({ account }) => ({ account, digest: await digestOf(JSON.stringify(account)) })));
      const keys = places.map(({ digest }) => accountKey(exchange.realm, digest));
      // Two of one instance would only make each other fail.
      return await turns(
        keys.map(({ key }) => key),
        () => exchangeAt(exchange, places, keys, signal),
      );
    },
    async accounts(realm, max, signal) {
      const listed = await table.range({ key: `accounts/${realm}`, from: "0", to: "~", max: MAX_LISTED, newestFirst: false }, signal);
      const items = await table.read(
        listed.map(({ sort }) => accountKey(realm, String(sort))),
        signal,
      );
      return items
        .map((item) => ({ account: String(JSON.parse(String(item["account"]))), document: knownOf(item).document }))
        .toSorted((one, other) => other.document.changedAt - one.document.changedAt)
        .flatMap(({ account, document }) => stateOf(account, document, Math.max(now(), document.changedAt)) ?? [])
        .slice(0, max);
    },
  };
}

/** Null: it was refused, perhaps only since what is remembered is not how things are. */
function booking<Booked>(book: () => Booked, isRead: boolean): Booked | null {
  try {
    return book();
  } catch (error) {
    if (isRead) throw error;
    return null;
  }
}

function accountKey(realm: string, digest: string): ItemKey {
  return { key: `account/${realm}/${digest}`, sort: "-" };
}

function entryOf(document: AccountDocument, before: Known | null): Known {
  const until = forgottenAt(document);
  const listedUntil = before !== null && before.listedUntil >= until ? before.listedUntil : until + DAY_MS;
  // Never one that was there before: an item that was removed and made anew must not be taken for the one that is remembered.
  return { document, version: crypto.randomUUID(), listedUntil };
}

function writesOf(realm: string, place: Place | undefined, entry: Known, before: Known | null): ItemWrite[] {
  const { account = "", digest = "" } = place ?? {};
  const document = writeAccount(entry.document);
  if (document.length > MAX_DOCUMENT_BYTES / 3 && new TextEncoder().encode(document).length > MAX_DOCUMENT_BYTES) {
    throw new UsageStoreError("too many instances hold a part of one account");
  }
  const { version, listedUntil } = entry;
  const item = {
    ...accountKey(realm, digest),
    account: JSON.stringify(account),
    document,
    version,
    listedUntil,
    expires: secondsOf(forgottenAt(entry.document)),
  };
  const write: ItemWrite = { kind: "replace", item, expected: before?.version ?? null };
  if (listedUntil === before?.listedUntil) return [write];
  return [write, { kind: "put", item: { key: `accounts/${realm}`, sort: digest, expires: secondsOf(listedUntil) } }];
}

function knownOf(item: Item): Known {
  const { document, version, listedUntil } = item;
  if (typeof document !== "string" || typeof version !== "string" || typeof listedUntil !== "number") {
    throw new UsageStoreError("DynamoDB's item is not one of ours");
  }
  return { document: readAccount(document), version, listedUntil };
}
