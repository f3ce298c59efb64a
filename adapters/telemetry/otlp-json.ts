import type { Attributes, AttributeValue, HrTime } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

/** Spans of one resource and scope as OTLP/JSON has them (OTLP 1.x, `ExportTraceServiceRequest`): ids in hex, times as text of nanoseconds, kinds from one on. */
export function otlpJson(resource: Attributes, scope: string, spans: readonly ReadableSpan[]): object {
  return { resourceSpans: [{ resource: { attributes: attributesOf(resource) }, scopeSpans: [{ scope: { name: scope }, spans: spans.map(spanOf) }] }] };
}

function spanOf(span: ReadableSpan): object {
  const { traceId, spanId, traceFlags } = span.spanContext();
  const parent = span.parentSpanContext?.spanId;
  return {
    traceId,
    spanId,
    ...(parent === undefined ? {} : { parentSpanId: parent }),
    flags: traceFlags,
    name: span.name,
    kind: span.kind + 1,
    startTimeUnixNano: nanoseconds(span.startTime),
    endTimeUnixNano: nanoseconds(span.endTime),
    attributes: attributesOf(span.attributes),
    droppedEventsCount: span.droppedEventsCount,
    droppedLinksCount: span.droppedLinksCount,
    status: { code: span.status.code, ...(span.status.message === undefined ? {} : { message: span.status.message }) },
  };
}

function nanoseconds([seconds, rest]: HrTime): string {
  return `${seconds}${String(rest).padStart(9, "0")}`;
}

function attributesOf(attributes: Attributes): object[] {
  return Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value: anyValue(value) }]));
}

function anyValue(value: AttributeValue | null): object {
  if (Array.isArray(value)) return { arrayValue: { values: value.map((one) => anyValue(one ?? null)) } };
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value !== "number") return {};
  // 64-bit integers are text in the JSON of Protocol Buffers.
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
