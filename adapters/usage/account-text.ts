import { UsageStoreError } from "../../src/index.ts";
import type { AccountDocument, AccountHolder } from "./account-book.ts";
import type { Booking } from "./bookings.ts";

/** The form's number, limit, window, changedAt, bookings, holders: fields by their places, since what has many holders is paid for by the byte. */
type AccountTuple = readonly [1, number | null, AccountDocument["window"], number, readonly Booking[], readonly HolderTuple[]];
type HolderTuple = readonly [
  name: string,
  held: number,
  until: number,
  sequence: number,
  answeredAt: number,
  granted: 0 | 1,
  used: number,
  heldByOthers: number,
  roomInMs: number | null,
];

/** An account as a text that stores can keep. */
export function writeAccount({ limit, window, changedAt, bookings, holders }: AccountDocument): string {
  const tuple: AccountTuple = [1, limit, window, changedAt, bookings, holders.map(holderTuple)];
  return JSON.stringify(tuple);
}

/** Throws `UsageStoreError` on what `writeAccount` has not written. */
export function readAccount(text: string): AccountDocument {
  const [form, limit, window, changedAt, bookings, holders] = parse(text);
  if (form !== 1) throw new UsageStoreError("an account was written by a release that this one does not know");
  return { limit, window, changedAt, bookings, holders: holders.map(holderOf) };
}

function holderTuple({ name, held, until, sequence, answeredAt, granted, used, heldByOthers, roomInMs }: AccountHolder): HolderTuple {
  return [name, held, until, sequence, answeredAt, granted ? 1 : 0, used, heldByOthers, roomInMs];
}

function holderOf([name, held, until, sequence, answeredAt, granted, used, heldByOthers, roomInMs]: HolderTuple): AccountHolder {
  return { name, held, until, sequence, answeredAt, granted: granted === 1, used, heldByOthers, roomInMs };
}

function parse(text: string): AccountTuple {
  try {
    const tuple: unknown = JSON.parse(text);
    // Nobody but this store writes there: its form's number is what tells.
    if (Array.isArray(tuple) && tuple.length === 6) return tuple as unknown as AccountTuple;
  } catch {
    // Said below, without the parser's error, which quotes the text.
  }
  throw new UsageStoreError("an account in the store is not one of ours");
}
