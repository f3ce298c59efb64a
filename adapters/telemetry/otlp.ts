import type { Tracer } from "@opentelemetry/api";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { defaultResource, type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { RandomIdGenerator } from "@opentelemetry/sdk-trace";
import type { DegradedPort } from "../../src/index.ts";
import { createBoundedSpans } from "./bounded-spans.ts";
import { createMetricProducer, type Metrics } from "./metric-producer.ts";
import { createRecordTracer } from "./record-tracer.ts";
import { samplerOf } from "./sampler-of.ts";
import type { OtlpTarget, TelemetrySettings } from "./telemetry-settings.ts";

/** Instrumentation scope of the spans. */
const SCOPE = "spillway";

/** What sends spans and metrics to a collector. */
export interface Otlp {
  /** Null when traces are not exported. */
  readonly tracer: Tracer | null;
  observe(metrics: Metrics): void;
  /** Spans that were made and never arrived. */
  droppedSpans(): number;
  /** Sends what waits; rejects when the collector does not take it. */
  flush(): Promise<void>;
  shutdown(): Promise<void>;
}

/** Loads OpenTelemetry's SDK; imported only when an endpoint is configured, because it costs more at start than the rest of the broker. */
export function createOtlp(settings: TelemetrySettings, degraded: DegradedPort): Otlp {
  const resource = defaultResource().merge(resourceFromAttributes(settings.resource));
  const onExport = (signal: "traces" | "metrics") => (isTaken: boolean) => {
    if (isTaken) degraded.leave("collector", signal);
    else degraded.enter("collector", signal, "unavailable");
  };
  const traces = settings.traces === null ? null : createTraces(settings, settings.traces, resource, onExport("traces"));
  let observed: Metrics | null = null;
  const metrics = settings.metrics === null ? null : createMeterProvider(settings, settings.metrics, resource, () => observed, onExport("metrics"));
  return {
    tracer: traces?.tracer ?? null,
    observe(source) {
      observed = source;
    },
    droppedSpans: () => traces?.dropped() ?? 0,
    flush: async () => settleAll([traces?.processor.forceFlush(), metrics?.forceFlush()]),
    shutdown: async () => settleAll([traces?.processor.shutdown(), metrics?.shutdown()]),
  };
}

type OnExport = (isTaken: boolean) => void;

function createTraces(settings: TelemetrySettings, target: OtlpTarget, resource: Resource, onExport: OnExport) {
  const { processor, dropped } = createBoundedSpans(new OTLPTraceExporter(exporterOptions(target)), settings.batch, onExport);
  const tracer = createRecordTracer({ sampler: samplerOf(settings.sampler), ids: new RandomIdGenerator(), processor, resource, scope: SCOPE });
  return { tracer, processor, dropped };
}

function createMeterProvider(
  settings: TelemetrySettings,
  target: OtlpTarget,
  resource: Resource,
  source: () => Metrics | null,
  onExport: OnExport,
): MeterProvider {
  const exporter = new OTLPMetricExporter(exporterOptions(target));
  const send = exporter.export.bind(exporter);
  exporter.export = (batch, callback) =>
    send(batch, (result) => {
      // 0 is success (ExportResultCode of @opentelemetry/core).
      onExport(result.code === 0);
      callback(result);
    });
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: settings.metricIntervalMs,
    // The reader refuses a time limit longer than its interval.
    exportTimeoutMillis: Math.min(30_000, settings.metricIntervalMs),
    metricProducers: [createMetricProducer(source, () => Date.now())],
  });
  return new MeterProvider({ resource, readers: [reader] });
}

function exporterOptions(target: OtlpTarget) {
  return { url: target.url, headers: { ...target.headers }, timeoutMillis: target.timeoutMs, concurrencyLimit: 4 };
}

/** Waits for both, so that one that fails does not cut the other short; then fails if either did. */
async function settleAll(work: readonly (Promise<void> | undefined)[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((result) => result.status === "rejected");
  if (failed !== undefined) throw new Error("the collector did not take everything");
}
