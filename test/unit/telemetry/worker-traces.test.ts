import { afterEach, describe, expect, it } from "vitest";
import { createWorkerTraces } from "../../../adapters/telemetry/worker-traces.ts";
import { type Collector, startCollector } from "./collector.ts";

const signal = new AbortController().signal;

describe("traces of a Worker", () => {
  let collector: Collector | null = null;
  afterEach(async () => {
    await collector?.close();
    collector = null;
  });
  const complaints: string[] = [];
  const tracesTo = (url: string, more: Record<string, string> = {}) =>
    createWorkerTraces({ OTEL_EXPORTER_OTLP_ENDPOINT: url, ...more }, (text) => complaints.push(text));
  const emit = (traces: ReturnType<typeof createWorkerTraces>, count: number) => {
    for (let index = 0; index < count; index += 1)
      traces.tracer
        ?.startSpan(`span ${index}`, {
          startTime: 1_700_000_000_123,
          attributes: { text: "ünï", whole: 7, part: 0.5, yes: true, list: ["a", "b"], big: 2 ** 60 },
        })
        .end(1_700_000_000_456);
  };

  it("are none without an endpoint", async () => {
    const traces = createWorkerTraces({}, (text) => complaints.push(text));
    expect(traces.tracer).toBeNull();
    await traces.flush(signal);
    expect(traces.dropped()).toBe(0);
  });

  it("leave with a flush only, in batches, and arrive as they were", async () => {
    collector = await startCollector();
    const traces = tracesTo(collector.url, { OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "4", OTEL_SERVICE_NAME: "egress" });
    emit(traces, 10);
    expect(collector.received).toHaveLength(0);
    await traces.flush(signal);
    expect(collector.received.map(({ path }) => path)).toEqual(Array(3).fill("/v1/traces"));
    const spans = collector.spans();
    expect(spans.map(({ name }) => name)).toEqual(Array.from({ length: 10 }, (_, index) => `span ${index}`));
    expect(spans[0]).toMatchObject({ kind: 1, startTimeUnixNano: "1700000000123000000", endTimeUnixNano: "1700000000456000000" });
    expect(spans[0]?.traceId).toMatch(/^[0-9a-f]{32}$/);
    const [request] = collector.received;
    const attributes = '[{"key":"text","value":{"stringValue":"ünï"}},{"key":"whole","value":{"intValue":"7"}},{"key":"part","value":{"doubleValue":0.5}}';
    expect(request?.text).toContain(attributes);
    expect(request?.text).toContain('{"key":"list","value":{"arrayValue":{"values":[{"stringValue":"a"},{"stringValue":"b"}]}}}');
    expect(request?.text).toContain('{"key":"service.name","value":{"stringValue":"egress"}}');
    await traces.flush(signal);
    expect(collector.received).toHaveLength(3);
  });

  it.each([
    ["refuses", { status: 503 }],
    ["sends elsewhere", { status: 307 }],
    ["hangs", { hang: true }],
  ])("are dropped and counted when the collector %s", async (_what, behaviour) => {
    collector = await startCollector(behaviour);
    const traces = tracesTo(collector.url, { OTEL_EXPORTER_OTLP_TIMEOUT: "100" });
    emit(traces, 3);
    await traces.flush(signal);
    expect(traces.dropped()).toBe(3);
    expect(complaints.at(-1)).toBe("the collector of traces did not take 3 spans");
  });

  it("are bounded while nobody takes them", async () => {
    const traces = tracesTo("http://127.0.0.1:9", { OTEL_BSP_MAX_QUEUE_SIZE: "5" });
    emit(traces, 12);
    expect(traces.dropped()).toBe(7);
    await traces.flush(signal);
    expect(traces.dropped()).toBe(12);
  });
});
