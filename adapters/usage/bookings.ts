import type { AccountWindow } from "../../src/index.ts";

/** So much was booked between two moments, in milliseconds since the epoch: in a part of a sliding window, or in a period. */
export type Booking = readonly [from: number, to: number, amount: number];

const PARTS = 60;
/** A sliding window has one part more than its parts in time; parts of another length are left from before the window was changed. */
const MAX_BOOKINGS = 64;

/** Until when a booking counts, in milliseconds since the epoch; the moment itself is out. */
export function countsUntil([, to]: Booking, window: AccountWindow): number {
  return window.kind === "sliding" ? to + window.ms : to;
}

/** What counts under this window at this moment, once `used` is booked. Oldest first. */
export function book(bookings: readonly Booking[], window: AccountWindow, used: number, now: number): readonly Booking[] {
  switch (window.kind) {
    case "none":
      return [];
    case "sliding":
      return bounded(bookSliding(bookings, window.ms, used, now).filter((booking) => countsUntil(booking, window) > now));
    case "until":
      return bounded(bookUntil(bookings, window.from, window.at, used, now));
  }
}

function bookSliding(bookings: readonly Booking[], ms: number, used: number, now: number): readonly Booking[] {
  const length = Math.ceil(ms / PARTS);
  const from = Math.floor(now / length) * length;
  const to = from + length;
  // What lies ahead was booked for a period, or by a clock that has been put right since: it counts from now.
  const past = bookings.filter((booking) => booking[1] < to);
  const ahead = bookings.filter((booking) => booking[1] >= to);
  return withAmount(past, [Math.min(from, ...ahead.map((booking) => booking[0])), to, total(ahead, used)]);
}

function bookUntil(bookings: readonly Booking[], from: number, at: number, used: number, now: number): readonly Booking[] {
  const live = bookings.filter((booking) => booking[1] > now);
  // A period that is over: somebody's clock is behind, and what was used then no longer counts.
  if (at <= now) return live;
  const overlaps = (booking: Booking) => booking[1] > from && booking[0] < at;
  const own: Booking = [from, at, total(bookings.filter(overlaps), used)];
  return withAmount(
    live.filter((booking) => !overlaps(booking)),
    own,
  ).toSorted((one, other) => one[1] - other[1]);
}

function withAmount(bookings: readonly Booking[], booking: Booking): readonly Booking[] {
  return booking[2] === 0 ? bookings : [...bookings, booking];
}

/** The two oldest become one that counts as long as the later of them. */
function bounded(bookings: readonly Booking[]): readonly Booking[] {
  const [first, second, ...rest] = bookings;
  if (bookings.length <= MAX_BOOKINGS || first === undefined || second === undefined) return bookings;
  return bounded([[first[0], second[1], total([first, second], 0)], ...rest]);
}

function total(bookings: readonly Booking[], more: number): number {
  return bookings.reduce((sum, booking) => Math.min(Number.MAX_SAFE_INTEGER, sum + booking[2]), more);
}
