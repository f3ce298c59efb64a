import type { LimitWindow } from "../../model/limit.ts";

type CalendarWindow = Extract<LimitWindow, { readonly kind: "calendar" }>;

/** A span of time, milliseconds since the epoch; `end` no longer belongs to it. */
export interface Period {
  readonly start: number;
  readonly end: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/**
 * The minute, hour, day, week (from Monday) or month of the window's time zone to which `time` belongs. A day has 23 or 25 hours where the clocks change,
 * and begins with its first moment where there is no midnight. Throws a `RangeError` for a zone that nobody knows. Some ten microseconds: for once a period.
 */
export function periodAt({ period, timeZone }: CalendarWindow, time: number): Period {
  // The time of a store is known in fractions; a period begins at a whole millisecond.
  const moment = Math.floor(time);
  const local = moment + offsetAt(timeZone, moment);
  // Minutes and hours are counted from the offset of the moment itself: an hour that the clocks repeat is two.
  if (period === "minute" || period === "hour") {
    const length = period === "minute" ? MINUTE_MS : HOUR_MS;
    const start = moment - mod(local, length);
    return { start, end: start + length };
  }
  const date = new Date(local);
  const year = date.getUTCFullYear();
  const month = date.getUTCMonth();
  const day = date.getUTCDate();
  const begins = (daysOn: number, monthsOn: number, from: number): number => firstMomentOf(timeZone, Date.UTC(year, month + monthsOn, from + daysOn));
  if (period === "month") return { start: begins(0, 0, 1), end: begins(0, 1, 1) };
  if (period === "day") return { start: begins(0, 0, day), end: begins(1, 0, day) };
  const monday = day - ((date.getUTCDay() + 6) % 7);
  return { start: begins(0, 0, monday), end: begins(7, 0, monday) };
}

/** When a local date begins; `midnight` is its midnight, written as if it were UTC. */
function firstMomentOf(timeZone: string, midnight: number): number {
  const before = offsetAt(timeZone, midnight - DAY_MS);
  const after = offsetAt(timeZone, midnight + DAY_MS);
  const moments = [midnight - before, midnight - after].filter((moment) => moment + offsetAt(timeZone, moment) === midnight);
  // Where the clocks jump over midnight neither holds, and the date begins when they jump.
  return moments.length === 0 ? midnight - before : Math.min(...moments);
}

const MAX_FORMATTERS = 64;
const formatters = new Map<string, Intl.DateTimeFormat>();

/** What is added to UTC to get the local time, in milliseconds. */
function offsetAt(timeZone: string, time: number): number {
  if (timeZone === "UTC") return 0;
  const fields: Record<string, number> = {};
  for (const { type, value } of formatterOf(timeZone).formatToParts(time)) fields[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = fields;
  return Date.UTC(year, month - 1, day, hour, minute, second) - (time - mod(time, 1_000));
}

/** Making one takes a hundred times as long as using it. */
function formatterOf(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known !== undefined) return known;
  if (formatters.size >= MAX_FORMATTERS) formatters.clear();
  const formatter = new Intl.DateTimeFormat("en-US", {
    timeZone,
    calendar: "gregory",
    numberingSystem: "latn",
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  formatters.set(timeZone, formatter);
  return formatter;
}

/** Never negative, unlike `%`. */
function mod(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor;
}
