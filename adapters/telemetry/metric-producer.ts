import { type HrTime, ValueType } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { AggregationTemporality, type DataPoint, DataPointType, type Histogram, type MetricData, type MetricProducer } from "@opentelemetry/sdk-metrics";
import type { Attribution } from "../../src/index.ts";

/** The broker's own registry. */
export type Metrics = Attribution["metrics"];
type Family = ReturnType<Metrics["collect"]>[number];
type Point = Family["points"][number];

const CUMULATIVE = AggregationTemporality.CUMULATIVE;

/** Hands the broker's own registry to OpenTelemetry's metric reader, which knows how to batch, time and send it. `now` is milliseconds since the epoch. */
export function createMetricProducer(source: () => Metrics | null, now: () => number): MetricProducer {
  return {
    async collect() {
      const metrics = source();
      const families = metrics === null ? [] : metrics.collect();
      const startTime = hrTime(metrics?.since ?? 0);
      const endTime = hrTime(now());
      return {
        // The reader puts the SDK's resource in its place.
        resourceMetrics: {
          resource: resourceFromAttributes({}),
          scopeMetrics: families.length === 0 ? [] : [{ scope: { name: "spillway" }, metrics: families.map((family) => metricOf(family, startTime, endTime)) }],
        },
        errors: [],
      };
    },
  };
}

function metricOf({ instrument, points }: Family, startTime: HrTime, endTime: HrTime): MetricData {
  const descriptor = { name: instrument.name, description: instrument.help, unit: instrument.unit, valueType: ValueType.DOUBLE };
  const base = { descriptor, aggregationTemporality: CUMULATIVE };
  const time = { startTime, endTime };
  if (instrument.kind === "histogram") {
    const dataPoints = points.map(
      (point): DataPoint<Histogram> => ({ ...time, attributes: attributesOf(point), value: histogramOf(point, instrument.bounds) }),
    );
    return { ...base, dataPointType: DataPointType.HISTOGRAM, dataPoints };
  }
  const dataPoints = points.map((point): DataPoint<number> => ({ ...time, attributes: attributesOf(point), value: point.value }));
  if (instrument.kind === "gauge") return { ...base, dataPointType: DataPointType.GAUGE, dataPoints };
  return { ...base, dataPointType: DataPointType.SUM, isMonotonic: instrument.kind === "counter", dataPoints };
}

function histogramOf(point: Point, bounds: readonly number[]): Histogram {
  return { count: point.count, sum: point.value, buckets: { boundaries: [...bounds], counts: [...point.buckets] } };
}

function attributesOf(point: Point): Record<string, string> {
  return Object.fromEntries(point.labels);
}

function hrTime(epoch: number): HrTime {
  const seconds = Math.floor(epoch / 1000);
  return [seconds, Math.round((epoch - seconds * 1000) * 1e6)];
}
