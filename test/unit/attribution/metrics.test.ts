import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMetrics } from "../../../src/attribution/metrics.ts";
import { UNKNOWN_USAGE } from "../../../src/model/operation.ts";
import { createFakeClock } from "../../fakes/clock.ts";
import { attemptOf, denied, failedOver, recordOf } from "./fixtures.ts";
import { parsePrometheus, type Sample } from "./prometheus-parser.ts";

const TAGS = { gateway: "egress-system/egress", route: "team-a/openai", namespace: "team-a", serviceAccount: "writer" };
const EU = { ...TAGS, backend: "XBackend/team-a/openai-eu" };

function counted(work: (metrics: ReturnType<typeof createMetrics>) => void, maxSeries?: number) {
  const metrics = createMetrics({ clock: createFakeClock(), ...(maxSeries === undefined ? {} : { maxSeries }) });
  work(metrics);
  return parsePrometheus(metrics.metricsText());
}

function value(samples: readonly Sample[], name: string, labels: Readonly<Record<string, string>>): number | undefined {
  const found = samples.filter((sample) => sample.name === name && Object.entries(labels).every(([key, text]) => sample.labels[key] === text));
  expect(found.length, `${name} ${JSON.stringify(labels)}`).toBeLessThan(2);
  return found[0]?.value;
}

describe("metrics", () => {
  it("counts a call under exactly the five labels, and what belongs to the metric", () => {
    const { samples } = counted((metrics) => {
      metrics.callStarted();
      metrics.callSettled(recordOf());
    });
    const request = samples.find((sample) => sample.name === "egress_requests_total");
    expect(request).toEqual({ name: "egress_requests_total", labels: { ...EU, outcome: "ok", code: "200" }, value: 1 });
    expect(value(samples, "egress_attempts_total", { ...EU, outcome: "answer" })).toBe(1);
    expect(value(samples, "egress_io_bytes_total", { ...EU, direction: "request" })).toBe(321);
    expect(value(samples, "egress_io_bytes_total", { ...EU, direction: "response" })).toBe(4_567);
    expect(value(samples, "egress_tokens_total", { ...EU, type: "input" })).toBe(100);
    expect(value(samples, "egress_tokens_total", { ...EU, type: "output" })).toBe(20);
    expect(value(samples, "egress_tokens_total", { ...EU, type: "cache_read" })).toBe(40);
    expect(value(samples, "egress_tokens_total", { ...EU, type: "reasoning" })).toBe(5);
    expect(value(samples, "egress_tokens_total", { ...EU, type: "cache_write" })).toBeUndefined();
    expect(value(samples, "http_server_request_duration_seconds_sum", EU)).toBeCloseTo(0.2505);
    expect(value(samples, "egress_time_to_first_byte_seconds_sum", EU)).toBeCloseTo(0.15);
    expect(value(samples, "http_client_request_duration_seconds_sum", EU)).toBeCloseTo(0.19);
  });

  it("counts dollars, and apart from them calls whose price in dollars is not known", () => {
    const usage = recordOf().answer?.usage ?? UNKNOWN_USAGE;
    const charged = { usage, estimated: false };
    const cost = { nanos: 2_500_000, currency: "USD", source: "policy", estimated: false };
    const { samples } = counted((metrics) => {
      metrics.callSettled(recordOf({ charged, cost }));
      metrics.callSettled(recordOf({ charged, cost: { ...cost, nanos: 500_000_000 } }));
      metrics.callSettled(recordOf({ charged, cost: { ...cost, currency: "EUR" } }));
      metrics.callSettled(recordOf({ charged }));
      metrics.callSettled(recordOf({ charged: null }));
      metrics.callSettled(recordOf({ charged: { usage: UNKNOWN_USAGE, estimated: true } }));
    });
    expect(value(samples, "egress_cost_total", EU)).toBeCloseTo(0.5025, 12);
    expect(value(samples, "egress_cost_unknown_total", EU)).toBe(2);
  });

  it("puts every attempt and failover under the backend that it was made at", () => {
    const { samples } = counted((metrics) => metrics.callSettled(failedOver()));
    const us = { ...TAGS, backend: "XBackend/team-a/openai-us" };
    expect(value(samples, "egress_attempts_total", us)).toBe(1);
    expect(value(samples, "egress_failovers_total", { ...us, reason: "overloaded" })).toBe(1);
    expect(value(samples, "egress_attempts_total", EU)).toBe(1);
    expect(value(samples, "egress_requests_total", us)).toBeUndefined();
  });

  it("does not call it a failover when the same backend is tried again, or none", () => {
    const again = attemptOf({ failoverReason: "overloaded" });
    const { samples } = counted((metrics) => metrics.callSettled(recordOf({ attempts: [again, again] })));
    expect(value(samples, "egress_attempts_total", EU)).toBe(2);
    expect(value(samples, "egress_failovers_total", {})).toBeUndefined();
  });

  it("counts refusals by code, with a word for what is not known", () => {
    const { samples } = counted((metrics) => {
      metrics.callSettled(denied());
      metrics.callSettled(denied({ caller: null, refusal: "identity_missing", route: "", status: 401 }));
    });
    expect(value(samples, "egress_refusals_total", { ...TAGS, backend: "_NONE", code: "region_locked" })).toBe(1);
    expect(value(samples, "egress_refusals_total", { route: "_NONE", namespace: "_NONE", serviceAccount: "_NONE", code: "identity_missing" })).toBe(1);
  });

  it("keeps a gauge of the calls in progress", () => {
    const { samples } = counted((metrics) => {
      metrics.callStarted();
      metrics.callStarted();
      metrics.callSettled(recordOf());
    });
    expect(value(samples, "http_server_active_requests", {})).toBe(1);
  });

  it("cannot be made to grow: callers beyond the bound share one series", () => {
    const { samples } = counted((metrics) => {
      for (let index = 0; index < 500; index += 1) {
        metrics.callSettled(recordOf({ caller: { namespace: `team-${index}`, serviceAccount: null, workload: null, proof: { kind: "jwt", issuer: "oidc" } } }));
      }
    }, 10);
    const requests = samples.filter((sample) => sample.name === "egress_requests_total");
    expect(requests).toHaveLength(11);
    expect(value(samples, "egress_requests_total", { namespace: "_OTHER" })).toBe(490);
  });

  it("cannot be made to grow by reasons either", () => {
    const { samples } = counted((metrics) => {
      for (let index = 0; index < 500; index += 1)
        metrics.callSettled(recordOf({ attempts: [attemptOf({ failoverReason: `reason ${index}` }), attemptOf({ backend: "other" })] }));
    });
    const failovers = samples.filter((sample) => sample.name === "egress_failovers_total");
    expect(failovers.length).toBeLessThan(100);
    expect(failovers.reduce((sum, sample) => sum + sample.value, 0)).toBe(500);
  });

  it("tells of configuration, secrets and drops", async () => {
    const clock = createFakeClock();
    const metrics = createMetrics({ clock });
    metrics.configLoad(true, clock.now());
    metrics.configLoad(false, clock.now());
    metrics.watchSecrets(() => ({ fresh: 3, stale: 1 }));
    metrics.watchDrops(() => ({ spans: 7 }));
    metrics.watchDrops(() => ({ spans: 1 }));
    metrics.dropped("records", 2);
    await clock.advance(90_000);
    const { samples } = parsePrometheus(metrics.metricsText());
    expect(value(samples, "egress_config_reloads_total", { outcome: "ok" })).toBe(1);
    expect(value(samples, "egress_config_reloads_total", { outcome: "failed" })).toBe(1);
    expect(value(samples, "egress_config_snapshot_age_seconds", {})).toBe(90);
    expect(value(samples, "egress_secret_cache", { state: "stale" })).toBe(1);
    expect(value(samples, "egress_telemetry_dropped_total", { item: "spans" })).toBe(8);
    expect(value(samples, "egress_telemetry_dropped_total", { item: "records" })).toBe(2);
  });

  it("writes text that a strict parser reads back, whatever the labels hold", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), fc.string({ maxLength: 40 }), (namespace, route) => {
        const { samples, types } = counted((metrics) =>
          metrics.callSettled(recordOf({ route, caller: { namespace, serviceAccount: 'a"\\\n', workload: null, proof: { kind: "jwt", issuer: "oidc" } } })),
        );
        const request = samples.find((sample) => sample.name === "egress_requests_total");
        expect(request?.labels["namespace"]).toBe(namespace);
        expect(request?.labels["route"]).toBe(route === "" ? "_NONE" : route);
        expect(request?.labels["serviceAccount"]).toBe('a"\\\n');
        expect(types["http_server_request_duration_seconds"]).toBe("histogram");
      }),
      { numRuns: 20 },
    );
  });

  it("puts every measurement into one bucket, the one whose bound it does not exceed", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 2_000_000, noNaN: true }), { minLength: 1, maxLength: 30 }), (durations) => {
        const { samples } = counted((metrics) => {
          for (const duration of durations) metrics.callSettled(recordOf({ ended: 1_000 + duration }));
        });
        const buckets = samples.filter((sample) => sample.name === "http_server_request_duration_seconds_bucket");
        for (const bucket of buckets) {
          const bound = bucket.labels["le"] === "+Inf" ? Number.POSITIVE_INFINITY : Number(bucket.labels["le"]);
          expect(bucket.value).toBe(durations.filter((duration) => Math.max(0, 1_000 + duration - 1_000) / 1000 <= bound).length);
        }
      }),
      { numRuns: 20 },
    );
  });
});
