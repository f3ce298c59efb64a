import type { AuditFacts, AuditScope } from "../model/audit.ts";
import type { AttemptRecord, CallRecord } from "../model/call-record.ts";
import { isDenial } from "../model/is-denial.ts";
import { decisionOf, evidenceOf } from "./lock-evidence.ts";

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
    authCallout: record.authCallout === null ? null : attemptFacts(record.authCallout),
    excluded: record.excluded.map(({ backend, reason }) => ({ backend, reason })),
    suppressed,
    requestBytes: record.requestBytes,
    responseBytes: record.responseBytes,
  };
}

/** What the audit log says of a copy: whose it is, and where it went. */
export function mirrorFacts(record: CallRecord, attempt: AttemptRecord): AuditFacts {
  const { caller } = record;
  return {
    request: record.id,
    rule: record.rule || null,
    namespace: caller?.namespace ?? null,
    serviceAccount: caller?.serviceAccount ?? null,
    lock: record.lock,
    attempts: [attemptFacts(attempt)],
  };
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
    ...evidenceOf(attempt),
    policies: region?.policies ?? [],
    reason: region?.reason ?? null,
  };
}
