import type { Tracer } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { RandomIdGenerator, type ReadableSpan } from "@opentelemetry/sdk-trace";
import type { GenAiConventions } from "../../src/index.ts";
import { otlpJson } from "./otlp-json.ts";
import { createRecordTracer } from "./record-tracer.ts";
import { samplerOf } from "./sampler-of.ts";
import { type OtlpTarget, readTelemetrySettings } from "./telemetry-settings.ts";

/** Instrumentation scope of the spans. */
const SCOPE = "spillway";

/** Spans of a Worker on their way to a collector. */
export interface WorkerTraces {
  /** Null: no collector is named, and no spans are made. */
  readonly tracer: Tracer | null;
  /** Which names of the GenAI conventions are spoken. */
  readonly conventions: GenAiConventions;
  /** Sends what waits by itself: on Workers one call must not wait for what another began. Never rejects. */
  flush(signal: AbortSignal): Promise<void>;
  /** Spans that never arrived. */
  dropped(): number;
}

/**
 * OTLP/JSON by `fetch`, behind each call. The variables are OpenTelemetry's own (`OTEL_EXPORTER_OTLP_ENDPOINT`, …). Its processor and exporter share timers
 * and promises among calls, which a Worker must not; a batch that the collector does not take is dropped and counted, not tried again.
 */
export function createWorkerTraces(environment: Readonly<Record<string, string | undefined>>, complain: (text: string) => void): WorkerTraces {
  const settings = readTelemetrySettings(environment);
  for (const warning of settings.warnings) complain(warning);
  const { traces: target, batch, conventions } = settings;
  const waiting: ReadableSpan[] = [];
  let dropped = 0;
  if (target === null) return { tracer: null, conventions, flush: async () => undefined, dropped: () => 0 };
  const processor = {
    onEnd: (span: ReadableSpan): void => {
      if (waiting.length < batch.maxQueue) waiting.push(span);
      else dropped += 1;
    },
  };
  const resource = resourceFromAttributes(settings.resource);
  return {
    tracer: createRecordTracer({ sampler: samplerOf(settings.sampler), ids: new RandomIdGenerator(), processor, resource, scope: SCOPE }),
    conventions,
    dropped: () => dropped,
    flush: async (signal) => {
      while (waiting.length > 0) {
        const spans = waiting.splice(0, batch.maxBatch);
        const taken = await send(target, JSON.stringify(otlpJson(settings.resource, SCOPE, spans)), signal).catch(() => false);
        if (taken) continue;
        dropped += spans.length;
        complain(`the collector of traces did not take ${spans.length} spans`);
        return;
      }
    },
  };
}

/** False: the collector does not take it. Rejects when it cannot be reached in time. */
async function send({ url, headers, timeoutMs }: OtlpTarget, body: string, signal: AbortSignal): Promise<boolean> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  // Its headers hold a key: they follow no redirect.
  const answer = await fetch(url, { method: "POST", headers: { ...headers, "content-type": "application/json" }, body, redirect: "manual", signal: limit });
  await answer.body?.cancel();
  return answer.ok;
}
