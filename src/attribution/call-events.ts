import type { CallRecord } from "../model/call-record.ts";
import type { EgressEvent } from "../model/event.ts";
import { failedOverTo } from "../model/failed-over-to.ts";
import { isDenial } from "../model/is-denial.ts";
import { epochOf } from "./call-record.ts";
import { unitsOf } from "./cost-units.ts";
import { decisionOf, evidenceOf } from "./lock-evidence.ts";

/**
 * The events that a settled call gives rise to: denied, one per failover, and completed (usage) when anything was attempted.
 * `suppressed` is how many denials before this one were not told of; null: this one is not either.
 */
export function eventsOf(record: CallRecord, suppressed: number | null): readonly EgressEvent[] {
  const events: EgressEvent[] = [];
  const time = epochOf(record, record.ended ?? record.started);
  const who = whoAndWhere(record);
  if (record.refusal !== null && isDenial(record.refusal) && suppressed !== null) {
    events.push({
      type: "egress.denied",
      time,
      subject: subjectOf(record),
      data: {
        ...who,
        code: record.refusal,
        detail: record.refusalDetail,
        status: record.status,
        model: record.requestedModel,
        limits: limitsOf(record),
        lock: record.lock,
        decision: decisionOf(record),
        suppressed,
        excluded: record.excluded.map(({ backend, reason }) => `${backend}: ${reason}`),
      },
    });
  }
  for (const [index, attempt] of record.attempts.entries()) {
    const to = failedOverTo(record, index);
    if (to === null) continue;
    events.push({
      type: "egress.failover",
      time: epochOf(record, attempt.ended ?? record.ended ?? attempt.started),
      subject: attempt.backend,
      data: {
        ...who,
        from: attempt.backend,
        to,
        reason: attempt.failoverReason,
        outcome: attempt.outcome,
        status: attempt.status,
        attempt: index + 1,
      },
    });
  }
  const last = record.attempts.at(-1);
  if (last !== undefined) {
    const usage = record.answer?.usage ?? null;
    events.push({
      type: "egress.completed",
      time,
      subject: subjectOf(record),
      data: {
        ...who,
        backend: last.backend,
        region: last.region === null || last.region.regions.length === 0 ? null : last.region.regions.join(","),
        regionDecision: last.region?.decision ?? null,
        lock: record.lock,
        decision: decisionOf(record),
        ...evidenceOf(last),
        outcome: record.outcome,
        refusal: record.refusal,
        status: record.status,
        attempts: record.attempts.length,
        operation: record.operation.name,
        model: record.requestedModel,
        responseModel: record.answer?.responseModel ?? null,
        inputTokens: usage?.inputTokens ?? null,
        outputTokens: usage?.outputTokens ?? null,
        cacheReadTokens: usage?.cacheReadTokens ?? null,
        cacheWriteTokens: usage?.cacheWriteTokens ?? null,
        reasoningTokens: usage?.reasoningTokens ?? null,
        usageEstimated: record.charged?.estimated ?? false,
        limits: limitsOf(record),
        cost: record.cost === null ? null : unitsOf(record.cost),
        costCurrency: record.cost?.currency ?? null,
        costSource: record.cost?.source ?? null,
        costEstimated: record.cost?.estimated ?? null,
        requestBytes: record.requestBytes,
        responseBytes: record.responseBytes,
        durationMs: record.ended === null ? null : Math.round(record.ended - record.started),
      },
    });
  }
  return events;
}

/** What limits said but that there was room. */
function limitsOf({ limits }: CallRecord): readonly string[] {
  return limits.filter(({ outcome }) => outcome !== "held").map(({ limit, outcome, action }) => `${limit}: ${outcome} (${action})`);
}

function subjectOf(record: CallRecord): string {
  return record.rule || record.route || record.gateway || record.authority;
}

function whoAndWhere(record: CallRecord): EgressEvent["data"] {
  return {
    requestId: record.id,
    traceId: record.trace?.traceId ?? null,
    gateway: record.gateway || null,
    route: record.route || null,
    rule: record.rule || null,
    namespace: record.caller?.namespace ?? null,
    serviceAccount: record.caller?.serviceAccount ?? null,
    workload: record.caller?.workload ?? null,
  };
}
