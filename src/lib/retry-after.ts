import { find } from "./header-list.ts";

/** A longer wait is no use to a caller, and a hostile or broken upstream could otherwise park itself for years. */
const MAX_RETRY_AFTER_MS = 10 * 60 * 1_000;
const SECONDS = /^\d{1,15}$/;
/** IMF-fixdate, the only form that RFC 9110 section 5.6.7 lets a sender write; `Date.parse` alone would take `1-2` for a date. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * Milliseconds to wait by a `Retry-After` header (RFC 9110 section 10.2.3), at most ten minutes; null when it says nothing usable:
 * garbage, a negative number, a date in the past. `now` is in milliseconds since the epoch: give the answer's own `Date` where there is one.
 */
export function parseRetryAfter(value: string, now: number): number | null {
  const text = value.trim();
  if (SECONDS.test(text)) return Math.min(Number(text) * 1_000, MAX_RETRY_AFTER_MS);
  if (!HTTP_DATE.test(text)) return null;
  const wait = Date.parse(text) - now;
  // A comparison with NaN is false, so a date that is none (`31 Feb 2026 99:00:00`) is null too.
  return wait >= 0 ? Math.min(wait, MAX_RETRY_AFTER_MS) : null;
}

/** The same from the headers of an answer: a date counts from the answer's own `Date`, since its sender's clock may not be ours, and from `now` where there is none. */
export function retryAfterIn(headers: readonly string[], now: number): number | null {
  const value = find(headers, "retry-after");
  if (value === null) return null;
  const sentAt = Date.parse(find(headers, "date") ?? "");
  return parseRetryAfter(value, Number.isNaN(sentAt) ? now : sentAt);
}
