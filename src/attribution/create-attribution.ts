import { ProxyTracerProvider, type Tracer, trace } from "@opentelemetry/api";
import type { Identified } from "../model/call.ts";
import type { AttemptRecord, CallRecord } from "../model/call-record.ts";
import type { Cleared } from "../model/cleared.ts";
import type { Exchange } from "../model/exchange.ts";
import type { Clock, EventSink } from "../model/ports.ts";
import type { DebugWindow } from "../model/snapshot.ts";
import { accessLogLine } from "./access-log.ts";
import type { AuditLog } from "./audit-log.ts";
import { eventsOf } from "./call-events.ts";
import { startAttempt, startRecord } from "./call-record.ts";
import { type CallSpans, createCallSpans } from "./call-spans.ts";
import { createDebugGate, debugLine } from "./debug-log.ts";
import { createDenialLimiter } from "./denial-limiter.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { type GenAiConventions, SCOPE } from "./semconv.ts";
import { formatTraceparent, parseTraceparent } from "./traceparent.ts";

export type { Tracer } from "@opentelemetry/api";

export interface AttributionOptions {
  readonly clock: Clock;
  /** Null: the tracer of the provider that is registered with `@opentelemetry/api`; while none is, no span is made. */
  readonly tracer: Tracer | null;
  readonly sink: EventSink;
  /** Takes one JSON object per call, without line break. Must not wait. Null: no line is made. */
  readonly log: ((line: string) => void) | null;
  /** Runs the work after the answer has left: `setImmediate` on Node, `waitUntil` elsewhere. */
  readonly schedule: (work: () => void) => void;
  /** Settled calls that may wait; beyond it they are counted and dropped. Their metrics are counted all the same. */
  readonly queueBound?: number;
  /** Left out: those of 1.41. */
  readonly conventions?: GenAiConventions;
  readonly metrics?: Metrics;
  /** Left out: there is no audit log. */
  readonly audit?: AuditLog;
  /** Counts each settled call for the usage ledger, at once. Left out: nobody keeps one. */
  readonly countUsage?: (record: CallRecord) => void;
}

export interface Attribution {
  readonly metrics: Metrics;
  /** Begins the record of a call. */
  begin(exchange: Exchange, id: string): CallRecord;
  /** The decisions on this call are told of too, if its window is open for it. Costs one comparison else. */
  debug(record: CallRecord, window: DebugWindow, identified: Identified): void;
  /** Adds an attempt that starts now; `model` is what is sent upstream, null while it is not known. */
  beginAttempt(record: CallRecord, cleared: Cleared, model: string | null): AttemptRecord;
  /** Counts a copy of the call that went to a mirror, or did not; `outcome` as that of an attempt, or why it was not sent. `attempt`: it was tried. Never throws. */
  mirrored(record: CallRecord, backend: string, outcome: string, attempt?: AttemptRecord): void;
  /** Closes a call: exactly once whatever is called how often, and never throws. */
  settle(record: CallRecord): void;
  /** The `traceparent` to hand on, where the route opted in: this call's own span, known before the call ends. */
  traceparentFor(record: CallRecord): string;
  /** Works off at once all that waits: before an instance is frozen or ends. */
  drain(): void;
  /** The same, and ends the audit log: for when no call can follow. */
  close(): void;
}

const DEFAULT_QUEUE_BOUND = 4_096;
/** Records per turn, so that a burst does not hold up the calls that are going on: about 2 ms. */
const BATCH = 64;

/** Stage 10: accounts for every call outside its hot path. What fails here is counted, and no call notices. */
export function createAttribution(options: AttributionOptions): Attribution {
  const { clock, sink, log, schedule, queueBound = DEFAULT_QUEUE_BOUND, audit = null, countUsage = null } = options;
  const given = options.tracer === null ? null : createCallSpans(options.tracer, options.conventions);
  const metrics = options.metrics ?? createMetrics({ clock, conventions: options.conventions ?? "1.41" });
  const debugGate = createDebugGate(clock);
  const limitDenials = createDenialLimiter(clock);
  let queue: CallRecord[] = [];
  let scheduled = false;
  let registered: { readonly tracer: Tracer; readonly spans: CallSpans } | null = null;

  /** Null while nobody wants spans: then none is built. A provider may be registered at any time. */
  function spansNow(): CallSpans | null {
    if (given !== null) return given;
    const tracer = registeredTracer();
    if (tracer === null) return null;
    if (registered?.tracer !== tracer) registered = { tracer, spans: createCallSpans(tracer, options.conventions) };
    return registered.spans;
  }

  function writeOne(record: CallRecord): void {
    const { withheld } = record;
    if (!withheld.includes("telemetry")) attempt("spans", () => spansNow()?.write(record));
    attempt("log_lines", () => {
      record.trace ??= parentTrace(record);
      if (log === null) return;
      log(accessLogLine(record));
      if (record.debug !== null) log(debugLine(record, record.debug));
    });
    const suppressed = limitDenials(record);
    if (audit !== null) attempt("audit", () => audit.settled(record, suppressed));
    if (withheld.includes("events")) return;
    attempt("events", () => {
      for (const event of eventsOf(record, suppressed)) sink.emit(event);
    });
  }

  function attempt(item: string, work: () => void): void {
    try {
      work();
    } catch {
      // The other two must still be written, and the error may hold anything: it is counted, never printed.
      metrics.dropped(item, 1);
    }
  }

  function drainSome(limit: number): void {
    const batch = queue.length <= limit ? queue : queue.slice(0, limit);
    queue = queue.length <= limit ? [] : queue.slice(limit);
    for (const record of batch) writeOne(record);
  }

  function wake(): void {
    if (scheduled || queue.length === 0) return;
    scheduled = true;
    try {
      schedule(() => {
        scheduled = false;
        drainSome(BATCH);
        wake();
      });
    } catch {
      // The next settled call tries again.
      scheduled = false;
    }
  }

  return {
    metrics,
    begin(exchange, id) {
      metrics.callStarted();
      return startRecord(exchange, id, clock);
    },
    debug(record, window, identified) {
      if (log !== null) record.debug = debugGate(window, identified);
    },
    beginAttempt: (record, cleared, model) => startAttempt(record, cleared, model, clock.monotonic()),
    mirrored(record, backend, outcome, copy) {
      attempt("metrics", () => metrics.mirrored(record, backend, outcome));
      if (copy !== undefined && audit !== null) attempt("audit", () => audit.mirrored(record, copy));
    },
    settle(record) {
      if (record.settled) return;
      record.settled = true;
      record.ended ??= clock.monotonic();
      attempt("metrics", () => metrics.callSettled(record));
      // Not from the queue, which may be full: what is charged has to add up.
      if (countUsage !== null) attempt("usage", () => countUsage(record));
      if (queue.length >= queueBound) {
        metrics.dropped("records", 1);
        audit?.dropped(record);
        return;
      }
      queue.push(record);
      wake();
    },
    traceparentFor(record) {
      if (record.trace === null) attempt("spans", () => spansNow()?.startEarly(record));
      // Without telemetry there is no span of ours: the caller's own goes on, or a trace begins that nobody recorded.
      record.trace ??= parentTrace(record) ?? { traceId: randomId(16), spanId: randomId(8), flags: 0 };
      return formatTraceparent(record.trace);
    },
    drain() {
      drainSome(Number.POSITIVE_INFINITY);
    },
    close() {
      drainSome(Number.POSITIVE_INFINITY);
      if (audit !== null) attempt("audit", audit.close);
    },
  };
}

/** A proxy without a provider behind it gives no tracer, and a provider gives the same tracer each time. */
function registeredTracer(): Tracer | null {
  const provider = trace.getTracerProvider();
  if (provider instanceof ProxyTracerProvider) return provider.getDelegateTracer(SCOPE) ?? null;
  return provider.getTracer(SCOPE);
}

function parentTrace(record: CallRecord): CallRecord["trace"] {
  return parseTraceparent(record.traceparent);
}

/** Hexadecimal, never all zero (which W3C forbids): a version 4 UUID has bits that are always set in its first 16 digits. */
function randomId(bytes: 8 | 16): string {
  return crypto
    .randomUUID()
    .replaceAll("-", "")
    .slice(0, bytes * 2);
}
