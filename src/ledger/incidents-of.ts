import type { CallRecord } from "../model/call-record.ts";
import type { RefusalCode } from "../model/errors.ts";
import { failedOverTo } from "../model/failed-over-to.ts";
import { isDenial } from "../model/is-denial.ts";
import type { Incident } from "../model/usage-store.ts";
import { cleanKey, usageKeyOf } from "./usage-of.ts";

const OF_LIMITS: ReadonlySet<RefusalCode> = new Set<RefusalCode>(["limit_exceeded", "limits_unavailable"]);

/** A store takes 1,024, and the gate may add a sentence. UTF-16 units. */
const MAX_TEXT = 800;
const NONE: readonly Incident[] = [];

/** What of a settled call people want to see: each time it went on to another destination, and that it was refused. Most calls give none. */
export function incidentsOf(record: CallRecord, now: number): readonly Incident[] {
  const { refusal } = record;
  const isRefused = refusal !== null && (isDenial(refusal) || OF_LIMITS.has(refusal));
  if (!isRefused && record.attempts.length < 2) return NONE;
  const { namespace, serviceAccount, model, backend } = cleanKey(usageKeyOf(record));
  const base = { time: now, id: record.id.slice(0, MAX_TEXT), namespace, serviceAccount, route: record.route };
  const failovers = record.attempts.flatMap((attempt, index): Incident[] => {
    const to = failedOverTo(record, index);
    if (to === null) return [];
    const detail = `${attempt.status === 0 ? attempt.outcome : `Status ${attempt.status}`}; the call went on to ${to}.`;
    const reason = attempt.failoverReason ?? "";
    return [{ ...base, kind: "failover", model: attempt.model ?? model, backend: attempt.backend, reason, detail }];
  });
  if (!isRefused) return failovers;
  return [...failovers, { ...base, kind: "denied", model, backend, reason: refusal, detail: (record.refusalDetail ?? "").slice(0, MAX_TEXT) }];
}
