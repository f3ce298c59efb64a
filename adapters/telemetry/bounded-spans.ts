import { TraceFlags } from "@opentelemetry/api";
import { BatchSpanProcessor, type SpanExporter, type SpanProcessor } from "@opentelemetry/sdk-trace";
import type { TelemetrySettings } from "./telemetry-settings.ts";

export interface BoundedSpans {
  readonly processor: SpanProcessor;
  /** Spans that never arrived: the queue was full, or the collector did not take them. */
  dropped(): number;
}

/** OpenTelemetry's batch processor with the drops counted and each batch told of: the processor itself tells of them only in its debug output. */
export function createBoundedSpans(exporter: SpanExporter, batch: TelemetrySettings["batch"], onExport: (isTaken: boolean) => void): BoundedSpans {
  let waiting = 0;
  let dropped = 0;
  const counting: SpanExporter = {
    export(spans, callback) {
      exporter.export(spans, (result) => {
        // What is on its way is held as well: a collector that takes and never answers would be handed batch after batch.
        waiting -= spans.length;
        // 0 is success (ExportResultCode of @opentelemetry/core).
        if (result.code !== 0) dropped += spans.length;
        onExport(result.code === 0);
        callback(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
  const batching = new BatchSpanProcessor({
    exporter: counting,
    maxQueueSize: batch.maxQueue,
    maxExportBatchSize: batch.maxBatch,
    scheduledDelayMillis: batch.delayMs,
    exportTimeoutMillis: batch.timeoutMs,
  });
  return {
    processor: {
      onStart: (span, context) => batching.onStart(span, context),
      onEnd(span) {
        if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return;
        if (waiting >= batch.maxQueue) {
          dropped += 1;
          return;
        }
        waiting += 1;
        batching.onEnd(span);
      },
      forceFlush: () => batching.forceFlush(),
      shutdown: () => batching.shutdown(),
    },
    dropped: () => dropped,
  };
}
