import type { AttemptRecord, CallRecord } from "../model/call-record.ts";
import { isDenial } from "../model/is-denial.ts";
import type { RegionEvidence } from "../model/region.ts";

/**
 * What the lock came to for the whole call: that an answer came from outside says more than that the call was refused. `deny` is any refusal by policy,
 * whether a lock was the reason or not.
 */
export function decisionOf(record: CallRecord): RegionEvidence["decision"] {
  if (record.attempts.some((attempt) => attempt.region?.decision === "violated")) return "violated";
  if (record.refusal !== null && isDenial(record.refusal)) return "deny";
  return record.lock.length > 0 ? "allow" : "unlocked";
}

/** What is known of where an attempt is processed, flat, as events and the audit log tell it. `countries` null: unknown, which is not nowhere. */
export interface LockEvidence {
  readonly [name: string]: string | null | readonly string[];
  readonly evidence: string | null;
  readonly evidenceRule: string | null;
  readonly checkedAt: string | null;
  readonly regions: readonly string[];
  readonly countries: readonly string[] | null;
}

export function evidenceOf({ region }: Pick<AttemptRecord, "region">): LockEvidence {
  return {
    evidence: region?.evidence ?? null,
    evidenceRule: region?.rule ?? null,
    checkedAt: region?.checkedAt ?? null,
    regions: region?.regions ?? [],
    countries: region?.countries ?? null,
  };
}
