import {
  type AccountAnswer,
  type AccountChange,
  type AccountExchange,
  type AccountState,
  type AccountWindow,
  type ExchangeAnswer,
  UsageStoreError,
} from "../../src/index.ts";
import { type Booking, book, countsUntil } from "./bookings.ts";

/** What a store keeps of one account: plain data of a bounded size. */
export interface AccountDocument {
  /** Of the latest change. */
  readonly limit: number | null;
  readonly window: AccountWindow;
  /** Milliseconds since the epoch. */
  readonly changedAt: number;
  /** Oldest first. */
  readonly bookings: readonly Booking[];
  /** Who exchanged last stands last. */
  readonly holders: readonly AccountHolder[];
}

/** What one instance holds of an account, and how its last exchange was answered. */
export interface AccountHolder {
  readonly name: string;
  readonly held: number;
  /** Milliseconds since the epoch: from then on it holds nothing. */
  readonly until: number;
  readonly sequence: number;
  /** Milliseconds since the epoch. */
  readonly answeredAt: number;
  readonly granted: boolean;
  readonly used: number;
  readonly heldByOthers: number;
  readonly roomInMs: number | null;
}

export interface BookedExchange {
  /** In the order of the changes. Null: the exchange had been booked before, and nothing changes. */
  readonly documents: readonly AccountDocument[] | null;
  readonly answer: ExchangeAnswer;
}

/** An answer is known for so long, in milliseconds, to give it again where it was lost. */
export const REMEMBERED_MS = 10 * 60_000;
/** What a change may ask for at most; a holder's end that lies further ahead was written by a clock that has been put right since. Milliseconds. */
export const MAX_TTL_MS = 3_600_000;
/** Of one account, those included that hold nothing any more and are remembered for their last answer. */
export const MAX_HOLDERS = 1_000;
const DAY_MS = 86_400_000;

/**
 * The law of accounts, for stores that read documents, write documents, and see to it that nobody does so in between. `documents` are those of the
 * changes' accounts in their order, null where there is none; `mayGrant` is false where an account of the same exchange that lies elsewhere has no room.
 * Throws `UsageStoreError` where an exchange comes too late or an account has too many holders.
 */
export function bookExchange(documents: readonly (AccountDocument | null)[], exchange: AccountExchange, now: number, mayGrant = true): BookedExchange {
  const before = answerBefore(documents, exchange);
  if (before !== null) return { documents: null, answer: before };
  const surveys = exchange.changes.map((change, at) => survey(documents[at] ?? null, change, exchange.holder, now));
  const granted = mayGrant && surveys.every(({ roomInMs }) => roomInMs === 0);
  const accounts = exchange.changes.map((change, at): AccountAnswer => {
    const { room, used, heldByOthers, roomInMs } = surveyAt(surveys, at);
    return { held: granted ? Math.max(change.need, Math.min(change.want, room)) : change.keep, used, heldByOthers, roomInMs };
  });
  return {
    answer: { granted, now, accounts },
    documents: exchange.changes.map((change, at): AccountDocument => {
      const { bookings, others } = surveyAt(surveys, at);
      const { held = 0, used = 0, heldByOthers = 0, roomInMs = null } = accounts[at] ?? {};
      const { holder: name, sequence, ttlMs } = exchange;
      const holder = { name, held, until: now + ttlMs, sequence, answeredAt: now, granted, used, heldByOthers, roomInMs };
      return { limit: change.limit, window: change.window, changedAt: now, bookings, holders: [...withRoomForOne(others, now), holder] };
    }),
  };
}

/** How an account stands; null: nothing of it counts any more. */
export function stateOf(account: string, document: AccountDocument, now: number): AccountState | null {
  const { limit, window } = document;
  const used = sum(document.bookings.filter((booking) => countsUntil(booking, window) > now).map(([, , amount]) => amount));
  const held = sum(document.holders.filter(({ until }) => until > now).map((holder) => holder.held));
  return used === 0 && held === 0 ? null : { account, used, held, limit, window };
}

/** From when on a document may be removed, in milliseconds since the epoch. */
export function forgottenAt({ bookings, holders, window }: AccountDocument): number {
  const keptMs = window.kind === "until" ? DAY_MS : 0;
  const ends = [
    ...bookings.map((booking) => countsUntil(booking, window) + keptMs),
    ...holders.map(({ until, answeredAt }) => Math.max(until, answeredAt + REMEMBERED_MS)),
  ];
  return Math.max(0, ...ends);
}

interface Survey {
  readonly bookings: readonly Booking[];
  readonly others: readonly AccountHolder[];
  readonly used: number;
  readonly heldByOthers: number;
  /** What this holder may hold; negative where more was used than there is. */
  readonly room: number;
  readonly roomInMs: number | null;
}

function survey(document: AccountDocument | null, change: AccountChange, holder: string, now: number): Survey {
  const bookings = book(document?.bookings ?? [], change.window, change.used, now);
  const others = (document?.holders ?? [])
    .filter(({ name, until, answeredAt }) => name !== holder && Math.max(until, answeredAt + REMEMBERED_MS) > now)
    .map((other) => (other.until > now + MAX_TTL_MS ? { ...other, until: now + MAX_TTL_MS } : other));
  const holding = others.filter(({ held, until }) => held > 0 && until > now);
  const used = sum(bookings.map(([, , amount]) => amount));
  const heldByOthers = sum(holding.map(({ held }) => held));
  const room = change.limit === null ? Number.MAX_SAFE_INTEGER : change.limit - used - heldByOthers;
  const releases = [
    ...bookings.map((booking) => [countsUntil(booking, change.window), booking[2]] as const),
    ...holding.map(({ until, held }) => [until, held] as const),
  ];
  return { bookings, others, used, heldByOthers, room, roomInMs: roomInMs(change, room, releases, now) };
}

/** What is kept anyway fits always: calls under way cannot be undone. */
function roomInMs(
  { need, keep, limit }: AccountChange,
  room: number,
  releases: readonly (readonly [at: number, amount: number])[],
  now: number,
): number | null {
  if (need <= room || need === keep) return 0;
  if (limit !== null && need > limit) return null;
  let free = room;
  for (const [at, amount] of releases.toSorted(([one], [other]) => one - other)) {
    free += amount;
    if (free >= need) return at - now;
  }
  // Sums that were cut off at 2^53 may fall short of what is released.
  return Math.max(0, ...releases.map(([at]) => at - now));
}

/** The answer that was given to the same exchange; null: there was none. */
function answerBefore(documents: readonly (AccountDocument | null)[], { holder, sequence, changes }: AccountExchange): ExchangeAnswer | null {
  const lasts = changes.map((_, at) => documents[at]?.holders.find(({ name }) => name === holder) ?? null);
  if (lasts.some((last) => last !== null && last.sequence > sequence)) throw new UsageStoreError("the exchange was overtaken by a later one");
  const again = lasts.filter((last) => last?.sequence === sequence).filter((last) => last !== null);
  const [first] = again;
  if (first === undefined) return null;
  if (again.length !== changes.length) throw new UsageStoreError("the exchange's number was used for other accounts");
  return {
    granted: first.granted,
    now: first.answeredAt,
    accounts: again.map(({ held, used, heldByOthers, roomInMs }) => ({ held, used, heldByOthers, roomInMs })),
  };
}

function withRoomForOne(others: readonly AccountHolder[], now: number): readonly AccountHolder[] {
  if (others.length < MAX_HOLDERS) return others;
  // Those that hold nothing are remembered for lost answers only: the one longest ago goes first.
  const idle = others.find(({ held, until }) => held === 0 || until <= now);
  if (idle === undefined) throw new UsageStoreError("too many instances hold a part of one account");
  return others.filter((other) => other !== idle);
}

function surveyAt(surveys: readonly Survey[], at: number): Survey {
  const found = surveys[at];
  if (found === undefined) throw new UsageStoreError("an exchange has a survey for each change");
  return found;
}

/** Amounts stay whole numbers that are exact: what is more than 2^53 counts as that. */
function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => Math.min(Number.MAX_SAFE_INTEGER, total + amount), 0);
}
