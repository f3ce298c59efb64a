import { type Context, type HrTime, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, type Tracer, trace } from "@opentelemetry/api";
import type { AttemptRecord, CallRecord } from "../model/call-record.ts";
import { attemptAttributes, attemptError, callAttributes, errorType, requestAttributes, type SpanAttributes, spanName } from "./call-attributes.ts";
import { epochOf } from "./call-record.ts";
import type { GenAiConventions } from "./semconv.ts";
import { parseTraceparent } from "./traceparent.ts";

/** Turns records into spans with the times that they had. */
export interface CallSpans {
  /** Starts the root span now, because its id must leave before the call ends, and notes it in `record.trace`. Does nothing the second time. */
  startEarly(record: CallRecord): void;
  /** Makes and ends the root span and one child per attempt. */
  write(record: CallRecord): void;
}

/**
 * A settled record becomes a SERVER span under the caller's own span, with a CLIENT span per attempt below it. OpenTelemetry's API takes
 * no given span ids, so only where the id must be known early (`propagateTrace`) is the root span started on the hot path.
 */
export function createCallSpans(tracer: Tracer, conventions: GenAiConventions = "1.41"): CallSpans {
  // Weak: a record that is dropped from the queue takes its span with it.
  const early = new WeakMap<CallRecord, Span>();

  function startRoot(record: CallRecord, attributes: SpanAttributes): Span {
    const options = { kind: SpanKind.SERVER, startTime: timeOf(record, record.started), attributes };
    return tracer.startSpan(spanName(record, record.requestedModel), options, parentContext(record));
  }

  function note(record: CallRecord, span: Span): void {
    const { traceId, spanId, traceFlags } = span.spanContext();
    if (trace.isSpanContextValid(span.spanContext())) record.trace = { traceId, spanId, flags: traceFlags };
  }

  return {
    startEarly(record) {
      if (early.has(record)) return;
      const span = startRoot(record, requestAttributes(record));
      early.set(record, span);
      note(record, span);
    },
    write(record) {
      const started = early.get(record);
      const root = started ?? startRoot(record, callAttributes(record, conventions));
      if (started !== undefined) {
        early.delete(record);
        root.updateName(spanName(record, record.requestedModel));
        root.setAttributes(callAttributes(record, conventions));
      } else note(record, root);
      // Not sampled: the children would not be either.
      if (!root.isRecording()) return;
      const context = trace.setSpan(ROOT_CONTEXT, root);
      const end = record.ended ?? record.started;
      const child = (attempt: AttemptRecord, name: string, index: number): void => {
        const options = { kind: SpanKind.CLIENT, startTime: timeOf(record, attempt.started), attributes: attemptAttributes(record, attempt, index) };
        const span = tracer.startSpan(name, options, context);
        if (attemptError(attempt) !== null) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end(timeOf(record, attempt.ended ?? end));
      };
      if (record.authCallout !== null) child(record.authCallout, "authorize", 0);
      for (const [index, attempt] of record.attempts.entries()) child(attempt, spanName(record, attempt.model ?? record.requestedModel), index);
      // A 4xx is the caller's fault: a SERVER span leaves its status unset (HTTP conventions, "Status").
      if (errorType(record) !== null && (record.status >= 500 || record.status < 400)) root.setStatus({ code: SpanStatusCode.ERROR });
      root.end(timeOf(record, end));
    },
  };
}

function parentContext(record: CallRecord): Context {
  const parent = parseTraceparent(record.traceparent);
  if (parent === null) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId: parent.traceId, spanId: parent.spanId, traceFlags: parent.flags, isRemote: true });
}

/** Seconds and nanoseconds: a bare number would be taken for an offset to the process start when it is small. */
function timeOf(record: CallRecord, monotonic: number): HrTime {
  const epoch = epochOf(record, monotonic);
  const seconds = Math.floor(epoch / 1000);
  return [seconds, Math.min(999_999_999, Math.round((epoch - seconds * 1000) * 1e6))];
}
