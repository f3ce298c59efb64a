import { type BrokerPorts, type Clock, createDegradations, type Degradations, type GenAiConventions } from "../../src/index.ts";
import { createLogWriter, type LogWriter } from "./log-writer.ts";
import type { Metrics } from "./metric-producer.ts";
import type { Otlp } from "./otlp.ts";
import { readTelemetrySettings } from "./telemetry-settings.ts";

/** What leaves a Node process about itself: spans and metrics to a collector where one is configured, JSON lines to standard output. */
export interface Telemetry {
  /** Null: no collector for traces is configured. */
  readonly tracer: BrokerPorts["tracer"];
  /** Which names of the GenAI conventions are spoken. */
  readonly conventions: GenAiConventions;
  /** Takes one line for standard output. Never waits, never throws. */
  readonly log: (line: string) => void;
  /** What is degraded in this process: told in the log, whether calls are or not. */
  readonly degradations: Degradations;
  /** Pushes these metrics too, where a collector is configured, and counts in them what telemetry drops. */
  observe(metrics: Metrics): void;
  /** Sends what waits. Never rejects: what could not be sent is counted. */
  flush(): Promise<void>;
  /** Sends what waits and stops, within `timeoutMs` whatever the collector does. Never rejects. */
  shutdown(timeoutMs: number): Promise<void>;
}

/** Starts telemetry as the standard `OTEL_*` variables say. Without an endpoint nothing is exported and no SDK is loaded. */
export async function startTelemetry(
  environment: Readonly<Record<string, string | undefined>>,
  options: { readonly clock: Clock; readonly writer?: LogWriter },
): Promise<Telemetry> {
  const writer = options.writer ?? createLogWriter();
  const degradations = createDegradations(options.clock, writer.log);
  const settings = readTelemetrySettings(environment);
  for (const warning of settings.warnings) writer.log(JSON.stringify({ time: new Date().toISOString(), level: "warn", msg: warning }));
  const wanted = settings.traces !== null || settings.metrics !== null;
  const otlp: Otlp | null = wanted ? (await import("./otlp.ts")).createOtlp(settings, degradations) : null;

  return {
    tracer: otlp?.tracer ?? null,
    conventions: settings.conventions,
    log: writer.log,
    degradations,
    observe(metrics) {
      metrics.watchDrops(() => ({ spans: otlp?.droppedSpans() ?? 0, log_lines: writer.dropped() }));
      otlp?.observe(metrics);
    },
    async flush() {
      await Promise.allSettled([otlp?.flush(), writer.flush()]);
    },
    async shutdown(timeoutMs) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, timeoutMs);
      });
      await Promise.race([late, Promise.allSettled([otlp?.shutdown(), writer.flush()])]);
      clearTimeout(timer);
    },
  };
}
