import type { GenAiConventions } from "../../src/index.ts";

/** Where one signal goes. */
export interface OtlpTarget {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

export interface SamplerSetting {
  readonly root: "always_on" | "always_off" | "traceidratio";
  /** Follow the caller's decision where there is one. */
  readonly parentBased: boolean;
  /** 0 to 1; used by `traceidratio`. */
  readonly ratio: number;
}

export interface TelemetrySettings {
  /** Null: no spans are made. */
  readonly traces: OtlpTarget | null;
  /** Null: no metrics are pushed; `/-/metrics` is served all the same. */
  readonly metrics: OtlpTarget | null;
  readonly resource: Readonly<Record<string, string>>;
  readonly sampler: SamplerSetting;
  readonly batch: { readonly maxQueue: number; readonly maxBatch: number; readonly delayMs: number; readonly timeoutMs: number };
  readonly metricIntervalMs: number;
  /** Which names the attributes and metrics of calls to models have. */
  readonly conventions: GenAiConventions;
  /** What could not be understood and was replaced by its default; without values, which may be secrets. */
  readonly warnings: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

const GENAI_OPT_IN = "gen_ai_latest_experimental";
const SAMPLERS: ReadonlySet<string> = new Set(["always_on", "always_off", "traceidratio"]);
const DEFAULT_COLLECTOR = "http://localhost:4318";

/** Reads OpenTelemetry's standard variables. Nothing is exported unless an endpoint, or `OTEL_TRACES_EXPORTER=otlp`, says so. Never throws. */
export function readTelemetrySettings(environment: Environment): TelemetrySettings {
  const warnings: string[] = [];
  const read = (name: string): string | null => environment[name]?.trim() || null;

  function number(name: string, fallback: number, smallest: number): number {
    const text = read(name);
    if (text === null) return fallback;
    const value = Number(text);
    if (Number.isFinite(value) && value >= smallest) return value;
    warnings.push(`${name} is not a number of at least ${smallest}; ${fallback} is used`);
    return fallback;
  }

  function pairs(name: string): Record<string, string> {
    const result: Record<string, string> = {};
    for (const entry of (read(name) ?? "").split(",")) {
      if (entry.trim() === "") continue;
      const equals = entry.indexOf("=");
      const key = entry.slice(0, Math.max(0, equals)).trim();
      const value = decode(entry.slice(equals + 1).trim());
      if (key === "" || value === null) warnings.push(`an entry of ${name} is not key=value with percent-encoding; it is left out`);
      else result[key] = value;
    }
    return result;
  }

  function target(signal: "traces" | "metrics"): OtlpTarget | null {
    const upper = signal.toUpperCase();
    const exporter = read(`OTEL_${upper}_EXPORTER`);
    if (exporter !== null && exporter !== "otlp") {
      if (exporter !== "none") warnings.push(`OTEL_${upper}_EXPORTER knows otlp and none; ${signal} are not exported`);
      return null;
    }
    const own = read(`OTEL_EXPORTER_OTLP_${upper}_ENDPOINT`);
    const shared = read("OTEL_EXPORTER_OTLP_ENDPOINT") ?? (exporter === "otlp" ? DEFAULT_COLLECTOR : null);
    // The standard: the signal's own endpoint is used as it stands, the shared one gets the signal's path.
    const url = own ?? (shared === null ? null : `${shared.replace(/\/+$/, "")}/v1/${signal}`);
    if (url === null) return null;
    if (!/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : "")) {
      warnings.push(`the OTLP endpoint for ${signal} is not an http or https URL; ${signal} are not exported`);
      return null;
    }
    return {
      url,
      headers: { ...pairs("OTEL_EXPORTER_OTLP_HEADERS"), ...pairs(`OTEL_EXPORTER_OTLP_${upper}_HEADERS`) },
      timeoutMs: number(`OTEL_EXPORTER_OTLP_${upper}_TIMEOUT`, number("OTEL_EXPORTER_OTLP_TIMEOUT", 10_000, 1), 1),
    };
  }

  function sampler(): SamplerSetting {
    const name = read("OTEL_TRACES_SAMPLER") ?? "parentbased_always_on";
    const parentBased = name.startsWith("parentbased_");
    const root = parentBased ? name.slice("parentbased_".length) : name;
    if (!isRoot(root)) {
      warnings.push("OTEL_TRACES_SAMPLER is not a known sampler; parentbased_always_on is used");
      return { root: "always_on", parentBased: true, ratio: 1 };
    }
    const ratio = number("OTEL_TRACES_SAMPLER_ARG", 1, 0);
    return { root, parentBased, ratio: Math.min(1, ratio) };
  }

  function conventions(): GenAiConventions {
    const wished = (read("OTEL_SEMCONV_STABILITY_OPT_IN") ?? "").split(",").map((one) => one.trim());
    // HTTP is spoken in its stable form anyway.
    if (wished.some((one) => one !== "" && one !== "http" && one !== GENAI_OPT_IN)) {
      warnings.push(`OTEL_SEMCONV_STABILITY_OPT_IN has a word that is not known here; ${GENAI_OPT_IN} is`);
    }
    return wished.includes(GENAI_OPT_IN) ? "latest" : "1.41";
  }

  const disabled = read("OTEL_SDK_DISABLED")?.toLowerCase() === "true";
  const traces = disabled ? null : target("traces");
  const metrics = disabled ? null : target("metrics");
  if ((traces !== null || metrics !== null) && read("OTEL_EXPORTER_OTLP_PROTOCOL") === "grpc") {
    warnings.push("OTEL_EXPORTER_OTLP_PROTOCOL=grpc is not spoken; OTLP goes out as http/json, so the endpoint must be the collector's HTTP port");
  }
  const attributes = pairs("OTEL_RESOURCE_ATTRIBUTES");
  const maxQueue = number("OTEL_BSP_MAX_QUEUE_SIZE", 2_048, 1);
  return {
    traces,
    metrics,
    resource: { ...attributes, "service.name": read("OTEL_SERVICE_NAME") ?? attributes["service.name"] ?? "spillway" },
    sampler: sampler(),
    batch: {
      maxQueue,
      maxBatch: Math.min(maxQueue, number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512, 1)),
      delayMs: number("OTEL_BSP_SCHEDULE_DELAY", 5_000, 1),
      timeoutMs: number("OTEL_BSP_EXPORT_TIMEOUT", 30_000, 1),
    },
    conventions: conventions(),
    metricIntervalMs: number("OTEL_METRIC_EXPORT_INTERVAL", 60_000, 1),
    // Both signals read the shared variables.
    warnings: [...new Set(warnings)],
  };
}

function isRoot(name: string): name is SamplerSetting["root"] {
  return SAMPLERS.has(name);
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
