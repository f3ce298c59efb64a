import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  RandomIdGenerator,
  type ReadableSpan,
  type Sampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { describe, expect, it } from "vitest";
import { createRecordTracer } from "../../../adapters/telemetry/record-tracer.ts";

const parent = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: 1, isRemote: true };

function start(sampler: Sampler = new AlwaysOnSampler()) {
  const ended: ReadableSpan[] = [];
  const onEnd = (span: ReadableSpan) => void ended.push(span);
  const resource = resourceFromAttributes({ "service.name": "spillway" });
  const tracer = createRecordTracer({ sampler, ids: new RandomIdGenerator(), processor: { onEnd }, resource, scope: "spillway" });
  const processor = { onStart: () => {}, onEnd, forceFlush: async () => {}, shutdown: async () => {} };
  const provider = new TracerProvider({ sampler, resource, spanProcessors: [processor] });
  return { ended, tracer, sdk: provider.getTracer("spillway") };
}

describe("the record tracer", () => {
  it("makes the span that the SDK's own tracer makes", () => {
    const { ended, tracer, sdk } = start();
    for (const one of [tracer, sdk]) {
      const context = trace.setSpanContext(ROOT_CONTEXT, parent);
      const span = one.startSpan("chat gpt-5", { kind: SpanKind.SERVER, startTime: [100, 999_999_999], attributes: { a: 1, b: ["x"] } }, context);
      span.updateName("chat gpt-5-mini").setAttributes({ a: 2, c: true }).setAttribute("d", "e").setStatus({ code: SpanStatusCode.ERROR });
      span.end([102, 1]);
      span.setAttribute("late", true).updateName("late");
      span.end([200, 0]);
    }
    const plain = ended.map(({ name, kind, startTime, endTime, duration, status, attributes, parentSpanContext, links, events, droppedAttributesCount }) => {
      return { name, kind, startTime, endTime, duration, status, attributes, parentSpanContext, links, events, droppedAttributesCount };
    });
    expect(plain).toHaveLength(2);
    expect(plain[0]).toEqual(plain[1]);
    expect(ended[0]?.spanContext()).toMatchObject({ traceId: parent.traceId, traceFlags: 1 });
    expect(ended[0]?.instrumentationScope.name).toBe(ended[1]?.instrumentationScope.name);
  });

  it("does what the sampler says, and gives ids even to what is not recorded", () => {
    const { ended, tracer } = start(new ParentBasedSampler({ root: new AlwaysOffSampler() }));
    const dark = tracer.startSpan("root");
    expect(dark.isRecording()).toBe(false);
    expect(trace.isSpanContextValid(dark.spanContext())).toBe(true);
    dark.end();
    const lit = tracer.startSpan("child", {}, trace.setSpanContext(ROOT_CONTEXT, parent));
    expect(lit.isRecording()).toBe(true);
    lit.end();
    expect(ended.map((span) => span.name)).toEqual(["child"]);
  });

  it("begins a trace of its own where the parent is none, or is not wanted", () => {
    const { tracer } = start();
    const invalid = trace.setSpanContext(ROOT_CONTEXT, { ...parent, traceId: "0".repeat(32) });
    const unwanted = trace.setSpanContext(ROOT_CONTEXT, parent);
    const ids = [tracer.startSpan("a"), tracer.startSpan("b", {}, invalid), tracer.startSpan("c", { root: true }, unwanted)].map(
      (span) => span.spanContext().traceId,
    );
    expect(new Set([...ids, parent.traceId]).size).toBe(4);
  });

  it("never ends a span before it began, and says what it does not keep", () => {
    const { ended, tracer } = start();
    const span = tracer.startSpan("a", { startTime: new Date(5_000) });
    span
      .addEvent("x")
      .addLink({ context: parent })
      .addLinks([{ context: parent }]);
    span.recordException(new Error("x"));
    span.end(4_000);
    expect(ended[0]).toMatchObject({ startTime: [5, 0], endTime: [5, 0], duration: [0, 0], droppedEventsCount: 2, droppedLinksCount: 2 });
    expect(tracer.startActiveSpan("b", (active) => active.isRecording())).toBe(true);
  });
});
