import type { AuditFacts, AuditScope } from "../model/audit.ts";
import type { AttemptRecord, CallRecord } from "../model/call-record.ts";
import type { RegionEvidence } from "../model/region.ts";
import { isDenial } from "./call-events.ts";

/** Whether the audit log tells of this call. A call that was denied before anybody knew who called is told of as often as the denial limiter lets through. */
export function isAudited(record: CallRecord, scope: AuditScope): boolean {
  return scope === "all" || record.lock.length > 0 || isDenied(record);
}

/**
 * What the audit log says of a call. An allow-list, as the access log is: no header, no path, no query, no body. `suppressed` is how many denials
 * before this one were not told of.
 */
export function auditFacts(record: CallRecord, suppressed: number): AuditFacts {
  const { caller } = record;
  return {
    request: record.id,
    trace: record.trace?.traceId ?? null,
    snapshot: record.snapshot,
    gateway: record.gateway || null,
    route: record.route || null,
    rule: record.rule || null,
    namespace: caller?.namespace ?? null,
    serviceAccount: caller?.serviceAccount ?? null,
    workload: caller?.workload ?? null,
    proof: caller?.proof.kind ?? null,
    issuer: caller?.proof.issuer ?? null,
    method: record.method,
    operation: record.operation.name,
    model: record.requestedModel,
    lock: record.lock,
    decision: decisionOf(record),
    refusal: record.refusal,
    detail: record.refusalDetail,
    status: record.status,
    outcome: record.outcome,
    attempts: record.attempts.map(attemptFacts),
    excluded: record.excluded.map(({ backend, reason }) => ({ backend, reason })),
    suppressed,
    requestBytes: record.requestBytes,
    responseBytes: record.responseBytes,
  };
}

/** What the lock came to for the whole call: that one answer came from outside says more than that another was refused. */
function decisionOf(record: CallRecord): RegionEvidence["decision"] {
  if (record.attempts.some((attempt) => attempt.region?.decision === "violated")) return "violated";
  if (isDenied(record)) return "deny";
  return record.lock.length > 0 ? "allow" : "unlocked";
}

function isDenied(record: CallRecord): boolean {
  return record.refusal !== null && isDenial(record.refusal);
}

function attemptFacts(attempt: AttemptRecord): AuditFacts {
  const { region } = attempt;
  return {
    backend: attempt.backend,
    host: attempt.hostname,
    port: attempt.port,
    model: attempt.model,
    outcome: attempt.outcome,
    status: attempt.status,
    decision: region?.decision ?? null,
    evidence: region?.evidence ?? null,
    evidenceRule: region?.rule ?? null,
    checkedAt: region?.checkedAt ?? null,
    regions: region?.regions ?? [],
    // Null: unknown, which is not the same as nowhere.
    countries: region?.countries ?? null,
    policies: region?.policies ?? [],
    reason: region?.reason ?? null,
  };
}
