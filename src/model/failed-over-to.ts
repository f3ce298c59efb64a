import type { CallRecord } from "./call-record.ts";

/**
 * Where the call went from this attempt, when it went on to another backend; null when it was tried again at the same one, or nowhere.
 */
export function failedOverTo(record: CallRecord, index: number): string | null {
  const attempt = record.attempts[index];
  const next = record.attempts[index + 1];
  if (attempt === undefined || next === undefined || attempt.failoverReason === null) return null;
  return next.backend === attempt.backend ? null : next.backend;
}
