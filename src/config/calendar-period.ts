import type { LimitWindow } from "../model/limit.ts";

type CalendarPeriod = Extract<LimitWindow, { readonly kind: "calendar" }>["period"];

/** How a calendar window is written. A day of the calendar may last 23 or 25 hours, a month 28 days: the duration only names it. */
const PERIODS: Readonly<Record<string, CalendarPeriod>> = { "1m": "minute", "1h": "hour", "24h": "day", "168h": "week", "720h": "month" };

export const CALENDAR_DURATIONS: readonly string[] = Object.keys(PERIODS);

/** Null: no unit of the calendar is so long. */
export function calendarPeriod(duration: string): CalendarPeriod | null {
  return Object.hasOwn(PERIODS, duration) ? (PERIODS[duration] ?? null) : null;
}

/** Whether this is the name of a time zone (IANA), such as `Europe/Berlin`. Offsets such as `+01:00` are none: they know no daylight saving. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
