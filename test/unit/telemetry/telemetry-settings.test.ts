import { describe, expect, it } from "vitest";
import { readTelemetrySettings } from "../../../adapters/telemetry/telemetry-settings.ts";

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/base" };

describe("readTelemetrySettings", () => {
  it("exports nothing unless told to", () => {
    expect(readTelemetrySettings({})).toMatchObject({ traces: null, metrics: null, warnings: [] });
    expect(readTelemetrySettings({ ...ENDPOINT, OTEL_SDK_DISABLED: "true" })).toMatchObject({ traces: null, metrics: null });
    expect(readTelemetrySettings({ ...ENDPOINT, OTEL_TRACES_EXPORTER: "none" })).toMatchObject({
      traces: null,
      metrics: { url: "http://collector:4318/base/v1/metrics" },
    });
  });

  it("builds the signal's path on the shared endpoint and takes the signal's own as it stands", () => {
    const settings = readTelemetrySettings({ ...ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://traces.example/in" });
    expect(settings.traces?.url).toBe("https://traces.example/in");
    expect(settings.metrics?.url).toBe("http://collector:4318/base/v1/metrics");
  });

  it("uses the collector on localhost when the exporter is named without an endpoint", () => {
    expect(readTelemetrySettings({ OTEL_TRACES_EXPORTER: "otlp" }).traces?.url).toBe("http://localhost:4318/v1/traces");
  });

  it("joins headers, the signal's own winning, and decodes them", () => {
    const settings = readTelemetrySettings({ ...ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS: "a=1, b=x%20y=", OTEL_EXPORTER_OTLP_TRACES_HEADERS: "a=2" });
    expect(settings.traces?.headers).toEqual({ a: "2", b: "x y=" });
    expect(settings.metrics?.headers).toEqual({ a: "1", b: "x y=" });
  });

  it.each([
    ["always_off", undefined, { root: "always_off", parentBased: false, ratio: 1 }],
    ["parentbased_traceidratio", "0.25", { root: "traceidratio", parentBased: true, ratio: 0.25 }],
    ["traceidratio", "7", { root: "traceidratio", parentBased: false, ratio: 1 }],
    [undefined, undefined, { root: "always_on", parentBased: true, ratio: 1 }],
    ["nonsense", undefined, { root: "always_on", parentBased: true, ratio: 1 }],
  ])("reads the sampler %s %s", (name, argument, expected) => {
    expect(readTelemetrySettings({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: argument }).sampler).toEqual(expected);
  });

  it("replaces what it cannot read by the default and says so without the value", () => {
    const settings = readTelemetrySettings({
      ...ENDPOINT,
      OTEL_BSP_MAX_QUEUE_SIZE: "many",
      OTEL_EXPORTER_OTLP_HEADERS: "secret%zz",
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
    });
    expect(settings.batch.maxQueue).toBe(2_048);
    const warned = settings.warnings.map((warning) => /OTEL_[A-Z_]+/.exec(warning)?.[0]);
    expect(warned).toEqual(["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_BSP_MAX_QUEUE_SIZE"]);
    expect(settings.warnings.join()).not.toContain("secret");
  });

  it("keeps a batch inside its queue", () => {
    expect(readTelemetrySettings({ OTEL_BSP_MAX_QUEUE_SIZE: "100" }).batch).toMatchObject({ maxQueue: 100, maxBatch: 100 });
  });

  it("names the service by the variable, then by the resource, then by the product", () => {
    const resource = { OTEL_RESOURCE_ATTRIBUTES: "service.name=from-resource,team=a" };
    expect(readTelemetrySettings({}).resource).toEqual({ "service.name": "spillway" });
    expect(readTelemetrySettings(resource).resource).toEqual({ "service.name": "from-resource", team: "a" });
    expect(readTelemetrySettings({ ...resource, OTEL_SERVICE_NAME: "named" }).resource["service.name"]).toBe("named");
  });

  it.each([
    [undefined, "1.41", 0],
    ["", "1.41", 0],
    ["gen_ai_latest_experimental", "latest", 0],
    ["http, gen_ai_latest_experimental", "latest", 0],
    ["gen_ai_newest", "1.41", 1],
    ["gen_ai_latest_experimental,database", "latest", 1],
  ] as const)("reads OTEL_SEMCONV_STABILITY_OPT_IN=%s as conventions %s", (words, conventions, warnings) => {
    const settings = readTelemetrySettings({ OTEL_SEMCONV_STABILITY_OPT_IN: words });
    expect([settings.conventions, settings.warnings.length]).toEqual([conventions, warnings]);
  });
});
