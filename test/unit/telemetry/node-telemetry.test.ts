import { afterEach, describe, expect, it } from "vitest";
import { createLogWriter } from "../../../adapters/telemetry/log-writer.ts";
import { startTelemetry, type Telemetry } from "../../../adapters/telemetry/node-telemetry.ts";
import { createAttribution } from "../../../src/attribution/create-attribution.ts";
import type { EgressEvent } from "../../../src/model/event.ts";
import { createFakeClock } from "../../fakes/clock.ts";
import { exchangeOf, failedOver, recordOf } from "../attribution/fixtures.ts";
import { attributesOf, type Collector, startCollector } from "./collector.ts";

const CANARY = "sk-canary-51c0";
const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

async function collect(behaviour: Parameters<typeof startCollector>[0] = {}): Promise<Collector> {
  const collector = await startCollector(behaviour);
  opened.push(collector);
  return collector;
}

async function start(environment: Record<string, string>) {
  const written: string[] = [];
  const writer = createLogWriter({
    write: (bytes, done) => {
      written.push(Buffer.from(bytes).toString("utf8"));
      setImmediate(() => done(null, bytes.byteLength));
    },
  });
  const telemetry = await startTelemetry(environment, { clock: createFakeClock(), writer });
  opened.push({ close: () => telemetry.shutdown(50) });
  const events: EgressEvent[] = [];
  const attribution = createAttribution({
    clock: createFakeClock(),
    tracer: telemetry.tracer,
    sink: { emit: (event) => events.push(event) },
    log: telemetry.log,
    schedule: setImmediate,
  });
  telemetry.observe(attribution.metrics);
  return { telemetry, attribution, written, events };
}

async function flush(telemetry: Telemetry, attribution: ReturnType<typeof createAttribution>): Promise<void> {
  attribution.drain();
  await telemetry.flush();
}

describe("startTelemetry", () => {
  it("exports nothing and loads no SDK by default", async () => {
    const { telemetry } = await start({});
    expect(telemetry.tracer).toBeNull();
  });

  it("sends a call and its attempts to the collector as one trace", async () => {
    const collector = await collect();
    const { telemetry, attribution } = await start({
      OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`,
      OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=blue%20team",
      OTEL_SERVICE_NAME: "egress",
      OTEL_RESOURCE_ATTRIBUTES: "k8s.namespace.name=egress-system",
    });
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    attribution.settle(failedOver({ traceparent: `00-${traceId}-b7ad6b7169203331-01` }));
    await flush(telemetry, attribution);
    const spans = collector.spans();
    const root = spans.find((span) => span.kind === 2);
    const attempts = spans.filter((span) => span.kind === 3);
    expect(root).toMatchObject({ traceId, parentSpanId: "b7ad6b7169203331", name: "chat gpt-5" });
    expect(root?.attributes).toMatchObject({ "egress.source.namespace": "team-a", "gen_ai.usage.input_tokens": 100 });
    expect(root?.resource).toMatchObject({ "service.name": "egress", "k8s.namespace.name": "egress-system" });
    expect(BigInt(root?.endTimeUnixNano ?? 0) - BigInt(root?.startTimeUnixNano ?? 0)).toBe(250_500_000n);
    expect(attempts.map((span) => span.parentSpanId)).toEqual([root?.spanId, root?.spanId]);
    expect(attempts[0]?.attributes).toMatchObject({ "egress.failover.reason": "overloaded" });
    expect(collector.received.find(({ path }) => path === "/v1/traces")?.headers["x-tenant"]).toBe("blue team");
  });

  it("pushes the broker's own metrics under the names of the conventions", async () => {
    const collector = await collect();
    const { telemetry, attribution } = await start({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${collector.url}/v1/metrics` });
    expect(telemetry.tracer).toBeNull();
    attribution.settle(recordOf());
    attribution.settle(recordOf());
    await flush(telemetry, attribution);
    const named = (name: string) => collector.metrics().find((metric) => metric.name === name);
    expect(named("egress.requests")?.sum).toMatchObject({ isMonotonic: true, aggregationTemporality: 2 });
    const [request] = named("egress.requests")?.sum?.dataPoints ?? [];
    expect(request?.asDouble).toBe(2);
    expect(attributesOf(request?.attributes)).toEqual({
      gateway: "egress-system/egress",
      route: "team-a/openai",
      backend: "XBackend/team-a/openai-eu",
      namespace: "team-a",
      serviceAccount: "writer",
      outcome: "ok",
      code: "200",
    });
    const [duration] = named("http.server.request.duration")?.histogram?.dataPoints ?? [];
    expect(named("http.server.request.duration")?.unit).toBe("s");
    expect(Number(duration?.count)).toBe(2);
    expect(duration?.bucketCounts).toHaveLength((duration?.explicitBounds?.length ?? 0) + 1);
    expect(named("gen_ai.client.token.usage")?.histogram?.dataPoints.map((point) => point.sum)).toEqual([200, 40]);
    expect(named("http.server.active_requests")?.sum?.isMonotonic).toBe(false);
  });

  it("lets no secret and no content out: spans, metrics, log and events", async () => {
    const collector = await collect();
    const { telemetry, attribution, written, events } = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    const headers = ["authorization", `Bearer ${CANARY}`, "x-api-key", CANARY, "cookie", CANARY, "baggage", CANARY, "tracestate", `a=${CANARY}`];
    const record = attribution.begin(exchangeOf({ target: `/v1/chat/completions?key=${CANARY}`, headers }), "req-9");
    Object.assign(record, { ...recordOf(), path: record.path, userAgent: record.userAgent, traceparent: record.traceparent, settled: false });
    Object.assign(record, { prompt: CANARY, answer: { ...recordOf().answer, text: CANARY } });
    attribution.traceparentFor(record);
    attribution.settle(record);
    await flush(telemetry, attribution);
    expect(collector.spans().length).toBeGreaterThan(0);
    expect(collector.metrics().length).toBeGreaterThan(0);
    expect(events.length).toBeGreaterThan(0);
    expect(written.join("")).toContain('"request_id"');
    const everything = [
      ...collector.received.map(({ text, headers: sent }) => text + JSON.stringify(sent)),
      ...written,
      JSON.stringify(events),
      attribution.metrics.metricsText(),
    ];
    for (const text of everything) expect(text).not.toContain(CANARY);
  });

  it.each([
    ["hangs", { hang: true }],
    ["refuses", { status: 400 }],
  ])("F34: a collector that %s slows nothing and holds no memory: what does not fit is dropped and counted", async (_what, behaviour) => {
    const collector = await collect(behaviour);
    const { telemetry, attribution } = await start({
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/v1/traces`,
      OTEL_BSP_MAX_QUEUE_SIZE: "64",
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "32",
      OTEL_BSP_EXPORT_TIMEOUT: "200",
    });
    for (let round = 0; round < 50; round += 1) {
      for (let index = 0; index < 20; index += 1) attribution.settle(recordOf());
      attribution.drain();
    }
    const before = performance.now();
    await telemetry.shutdown(100);
    expect(performance.now() - before).toBeLessThan(5_000);
    const dropped = Number(/egress_telemetry_dropped_total\{item="spans"\} (\d+)/.exec(attribution.metrics.metricsText())?.[1]);
    // 2,000 spans were made; 64 may wait and a batch of 32 may be on its way.
    expect(dropped).toBeGreaterThanOrEqual(2_000 - 64 - 32);
    expect(attribution.metrics.metricsText()).toMatch(/egress_requests_total\{[^}]*\} 1000\n/);
  });

  it("does not wait at shutdown for a collector that is not there", async () => {
    const { telemetry, attribution } = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" });
    attribution.settle(recordOf());
    attribution.drain();
    const before = performance.now();
    await telemetry.shutdown(200);
    expect(performance.now() - before).toBeLessThan(5_000);
  });

  it("says in the log which variable it could not read, and not what was in it", async () => {
    const { telemetry, written } = await start({ OTEL_TRACES_SAMPLER: CANARY, OTEL_EXPORTER_OTLP_ENDPOINT: `ftp://${CANARY}` });
    await telemetry.flush();
    expect(telemetry.tracer).toBeNull();
    expect(written.join("")).toContain("OTEL_TRACES_SAMPLER");
    expect(written.join("")).not.toContain(CANARY);
  });
});
