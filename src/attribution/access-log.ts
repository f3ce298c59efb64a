import type { AttemptRecord, CallRecord } from "../model/call-record.ts";
import { unitsOf } from "./cost-units.ts";

/**
 * The access-log line of a call: one JSON object without line break. An allow-list: every field is written out here, so that what is
 * added to the record one day is not printed by accident. No headers, no query, no bodies.
 */
export function accessLogLine(record: CallRecord): string {
  const { caller, answer } = record;
  const usage = answer?.usage ?? null;
  const last = record.attempts.at(-1);
  return JSON.stringify({
    time: new Date(record.startedAt).toISOString(),
    level: record.outcome === "broker_error" || record.status >= 500 ? "error" : "info",
    msg: "egress",
    request_id: record.id,
    trace_id: record.trace?.traceId ?? null,
    span_id: record.trace?.spanId ?? null,
    namespace: caller?.namespace ?? null,
    service_account: caller?.serviceAccount ?? null,
    workload: caller?.workload ?? null,
    proof: caller?.proof.kind ?? null,
    issuer: caller?.proof.issuer ?? null,
    hop: record.hop,
    brokers: caller?.proof.kind === "broker" ? caller.proof.actors : [],
    gateway: record.gateway,
    listener: record.listener,
    route: record.route,
    rule: record.rule,
    method: record.method,
    scheme: record.scheme,
    host: record.authority,
    path: record.path,
    operation: record.operation.name,
    model: record.requestedModel,
    response_model: answer?.responseModel ?? null,
    response_id: answer?.responseId ?? null,
    streaming: record.streaming,
    backend: last?.backend ?? null,
    region: last === undefined ? null : regionName(last),
    region_decision: last?.region?.decision ?? null,
    auth_callout: record.authCallout === null ? null : attemptEntry(record.authCallout),
    attempts: record.attempts.map((attempt) => attemptEntry(attempt)),
    excluded: record.excluded.map(({ backend, reason }) => ({ backend, reason })),
    outcome: record.outcome,
    refusal: record.refusal,
    detail: record.refusalDetail,
    status: record.status,
    finish_reasons: answer?.finishReasons ?? [],
    input_tokens: usage?.inputTokens ?? null,
    output_tokens: usage?.outputTokens ?? null,
    cache_read_tokens: usage?.cacheReadTokens ?? null,
    cache_write_tokens: usage?.cacheWriteTokens ?? null,
    reasoning_tokens: usage?.reasoningTokens ?? null,
    usage_estimated: record.charged?.estimated ?? false,
    limits: record.limits.map(({ limit, outcome, action }) => ({ limit, outcome, action })),
    cost: record.cost === null ? null : unitsOf(record.cost),
    cost_currency: record.cost?.currency ?? null,
    cost_source: record.cost?.source ?? null,
    cost_estimated: record.cost?.estimated ?? null,
    request_bytes: record.requestBytes,
    response_bytes: record.responseBytes,
    first_byte_ms: record.firstByte === null ? null : milliseconds(record.firstByte - record.started),
    duration_ms: record.ended === null ? null : milliseconds(record.ended - record.started),
    client: record.remoteAddress,
    user_agent: record.userAgent,
    snapshot: record.snapshot,
  });
}

function attemptEntry(attempt: AttemptRecord): Readonly<Record<string, string | number | null>> {
  return {
    backend: attempt.backend,
    region: regionName(attempt),
    status: attempt.status,
    outcome: attempt.outcome,
    cause: attempt.cause,
    failover: attempt.failoverReason,
    held_back: attempt.heldBack,
    model: attempt.model,
    credential: attempt.credential,
    duration_ms: attempt.ended === null ? null : milliseconds(attempt.ended - attempt.started),
  };
}

/** One word, where there are several regions too; null: unknown. */
function regionName({ region }: AttemptRecord): string | null {
  return region === null || region.regions.length === 0 ? null : region.regions.join(",");
}

/** Three decimals: microseconds are all that a clock of ours can tell. */
function milliseconds(value: number): number {
  return Math.round(value * 1000) / 1000;
}
