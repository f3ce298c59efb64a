import {
  type Attributes,
  type Context,
  type HrTime,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  type SpanStatus,
  SpanStatusCode,
  type TimeInput,
  TraceFlags,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import { type IdGenerator, type ReadableSpan, type Sampler, SamplingDecision, type SpanProcessor } from "@opentelemetry/sdk-trace";

export interface RecordTracerOptions {
  readonly sampler: Sampler;
  readonly ids: IdGenerator;
  readonly processor: Pick<SpanProcessor, "onEnd">;
  readonly resource: Resource;
  readonly scope: string;
}

/**
 * A tracer for spans that are written after the fact, from records that are valid by their types. The SDK's own tracer copies and checks
 * every attribute twice (measured: three quarters of the cost of a span); this one keeps what it is given. Sampler, ids, processor and
 * exporter are the SDK's. Of a span it knows name, kind, times, status and attributes: events and links are counted as dropped.
 */
export function createRecordTracer(options: RecordTracerOptions): Tracer {
  const startSpan = (name: string, spanOptions: SpanOptions = {}, context: Context = ROOT_CONTEXT): Span => start(options, name, spanOptions, context);
  return {
    startSpan,
    // The overloads cannot be written on an object's method; the function is always the last argument.
    startActiveSpan: ((name: string, ...rest: unknown[]) => {
      const run = rest.at(-1);
      return typeof run === "function" ? run(startSpan(name)) : undefined;
    }) as Tracer["startActiveSpan"],
  };
}

function start(options: RecordTracerOptions, name: string, spanOptions: SpanOptions, context: Context): Span {
  const parent = spanOptions.root === true ? undefined : trace.getSpanContext(context);
  const validParent = parent !== undefined && isSpanContextValid(parent) ? parent : undefined;
  const traceId = validParent?.traceId ?? options.ids.generateTraceId();
  const kind = spanOptions.kind ?? SpanKind.INTERNAL;
  const attributes = spanOptions.attributes ?? {};
  const sampled = options.sampler.shouldSample(context, traceId, name, kind, attributes, []);
  const isSampled = sampled.decision === SamplingDecision.RECORD_AND_SAMPLED;
  const spanContext: SpanContext = { traceId, spanId: options.ids.generateSpanId(), traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE };
  if (sampled.decision === SamplingDecision.NOT_RECORD) return trace.wrapSpanContext(spanContext);
  return new RecordSpan(options, {
    name,
    kind,
    spanContext,
    parent: validParent,
    startTime: hrTime(spanOptions.startTime),
    attributes: { ...attributes, ...sampled.attributes },
  });
}

interface SpanStart {
  readonly name: string;
  readonly kind: SpanKind;
  readonly spanContext: SpanContext;
  readonly parent: SpanContext | undefined;
  readonly startTime: HrTime;
  readonly attributes: Attributes;
}

class RecordSpan implements Span, ReadableSpan {
  name: string;
  readonly kind: SpanKind;
  readonly parentSpanContext?: SpanContext;
  readonly startTime: HrTime;
  endTime: HrTime = [0, 0];
  duration: HrTime = [0, 0];
  status: SpanStatus = { code: SpanStatusCode.UNSET };
  readonly attributes: Attributes;
  readonly links = [];
  readonly events = [];
  readonly resource: Resource;
  readonly instrumentationScope: { readonly name: string };
  readonly droppedAttributesCount = 0;
  droppedEventsCount = 0;
  droppedLinksCount = 0;
  ended = false;
  readonly #context: SpanContext;
  readonly #processor: RecordTracerOptions["processor"];

  constructor(options: RecordTracerOptions, started: SpanStart) {
    this.name = started.name;
    this.kind = started.kind;
    this.startTime = started.startTime;
    this.attributes = started.attributes;
    if (started.parent !== undefined) this.parentSpanContext = started.parent;
    this.resource = options.resource;
    this.instrumentationScope = { name: options.scope };
    this.#context = started.spanContext;
    this.#processor = options.processor;
  }

  spanContext(): SpanContext {
    return this.#context;
  }

  isRecording(): boolean {
    return !this.ended;
  }

  setAttribute(key: string, value: Attributes[string]): this {
    if (!this.ended) this.attributes[key] = value;
    return this;
  }

  setAttributes(attributes: Attributes): this {
    if (!this.ended) Object.assign(this.attributes, attributes);
    return this;
  }

  setStatus(status: SpanStatus): this {
    if (!this.ended) this.status = status;
    return this;
  }

  updateName(name: string): this {
    if (!this.ended) this.name = name;
    return this;
  }

  addEvent(): this {
    this.droppedEventsCount += 1;
    return this;
  }

  addLink(): this {
    this.droppedLinksCount += 1;
    return this;
  }

  addLinks(links: readonly unknown[]): this {
    this.droppedLinksCount += links.length;
    return this;
  }

  recordException(): void {
    this.droppedEventsCount += 1;
  }

  end(endTime?: TimeInput): void {
    if (this.ended) return;
    this.ended = true;
    const end = hrTime(endTime);
    const nanoseconds = Math.max(0, (end[0] - this.startTime[0]) * 1e9 + (end[1] - this.startTime[1]));
    // A span cannot end before it began.
    this.endTime = nanoseconds === 0 ? this.startTime : end;
    this.duration = [Math.floor(nanoseconds / 1e9), nanoseconds % 1e9];
    this.#processor.onEnd(this);
  }
}

/** Numbers and dates are milliseconds since the epoch; nothing is now. */
function hrTime(time: TimeInput | undefined): HrTime {
  if (Array.isArray(time)) return time;
  const epoch = time === undefined ? Date.now() : Number(time);
  const seconds = Math.floor(epoch / 1000);
  return [seconds, Math.round((epoch - seconds * 1000) * 1e6)];
}
