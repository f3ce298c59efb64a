import type { CallRecord } from "../model/call-record.ts";
import type { Degradation } from "../model/degradation.ts";
import { failedOverTo } from "../model/failed-over-to.ts";
import type { LimitVerdict } from "../model/limit.ts";
import type { Clock } from "../model/ports.ts";
import { knownMethod } from "./call-attributes.ts";
import { unitsOf } from "./cost-units.ts";
import { GENAI_INSTRUMENTS, GENAI_LABELS } from "./genai-instruments.ts";
import { createGenAiMetrics } from "./genai-metrics.ts";
import { INSTRUMENTS, type Instrument, SERIES_LABELS } from "./instruments.ts";
import { prometheusText } from "./prometheus-text.ts";
import { type GenAiConventions, OTHER } from "./semconv.ts";
import { add, addKnown, type Cell, cellsOf, createSeries, observe, type Series } from "./series.ts";
import { createSeriesIndex } from "./series-index.ts";

/** One metric with all its points: neutral, so that Prometheus text and OTLP are made of the same thing. */
export interface MetricFamily {
  readonly instrument: Instrument;
  readonly points: readonly MetricPoint[];
}

export interface MetricPoint {
  /** `[name, value]` pairs. */
  readonly labels: readonly (readonly [string, string])[];
  /** The sum of the measurements for a histogram. */
  readonly value: number;
  /** Measurements of a histogram; 0 for others. */
  readonly count: number;
  /** Measurements per bucket, not added up; empty for others. */
  readonly buckets: readonly number[];
}

export interface Metrics {
  /** A call has begun. */
  callStarted(): void;
  /** A call was refused for an overload, before anything was known of it. */
  callShed(): void;
  /** A call has ended: counts everything that its record says, attempts included. */
  callSettled(record: CallRecord): void;
  /** Counts a copy of the call that went to a mirror, or did not. */
  mirrored(record: CallRecord, backend: string, outcome: string): void;
  /** Counts what a bound made the broker drop: `records`, `events` … */
  dropped(item: string, amount: number): void;
  /** The manifests were compiled: in force from `now` (milliseconds since the epoch), or refused and the last good ones kept. */
  configLoad(ok: boolean, now: number): void;
  /** Asked at every collection: drop counts (totals, by item) of the telemetry adapters. */
  watchDrops(read: () => Readonly<Record<string, number>>): void;
  /** Asked at every collection: how many secrets the cache holds in each state. */
  watchSecrets(read: () => Readonly<Record<string, number>>): void;
  /** A try of an exchange with a store of limits has ended, after `ms`: `granted`, `refused` or `failed`. */
  limitExchange(outcome: string, ms: number): void;
  /** Asked at every collection: accounts of limits that are known, by state. */
  watchLimits(read: () => Readonly<Record<string, number>>): void;
  /** Asked at every collection: what is degraded. */
  watchDegraded(read: () => readonly Degradation[]): void;
  collect(): readonly MetricFamily[];
  /** Prometheus text format 0.0.4. */
  metricsText(): string;
  /** Milliseconds since the epoch at which counting began. */
  readonly since: number;
}

const DEFAULT_MAX_SERIES = 2_000;
/** For a label that a call has no value for: no Kubernetes name can look like this, and an empty label is no label to Prometheus. */
const NONE = "_NONE";

/** The broker's own registry: a call costs one look-up, and no set of callers can make it grow beyond `maxSeries`. */
export function createMetrics(options: { readonly clock: Clock; readonly maxSeries?: number; readonly conventions?: GenAiConventions }): Metrics {
  const { clock, maxSeries = DEFAULT_MAX_SERIES, conventions = "1.41" } = options;
  const since = clock.now();
  const index = createSeriesIndex(maxSeries, NONE);
  const genAi = createGenAiMetrics({ conventions, maxSeries, absent: NONE });
  const own = createSeries([]);
  const drops: (() => Readonly<Record<string, number>>)[] = [];
  const secrets: (() => Readonly<Record<string, number>>)[] = [];
  const limits: (() => Readonly<Record<string, number>>)[] = [];
  let degraded: () => readonly Degradation[] = () => [];
  let active = 0;
  let loadedAt: number | null = null;

  function seriesOf(record: CallRecord, backend: string): Series {
    return index.find(record.gateway, record.route, backend, record.caller?.namespace ?? NONE, record.caller?.serviceAccount ?? NONE);
  }

  function countAttempts(record: CallRecord, finalBackend: string, finalSeries: Series): void {
    const method = knownMethod(record.method);
    for (const [index, attempt] of record.attempts.entries()) {
      const series = attempt.backend === finalBackend ? finalSeries : seriesOf(record, attempt.backend);
      add(series, INSTRUMENTS.attempts, 1, attempt.outcome || OTHER);
      if (failedOverTo(record, index) !== null) add(series, INSTRUMENTS.failovers, 1, attempt.failoverReason || OTHER);
      if (attempt.ended !== null) observe(series, INSTRUMENTS.attemptDuration, seconds(attempt.ended - attempt.started), method, statusLabel(attempt.status));
    }
  }

  function countTokens(record: CallRecord, series: Series): void {
    const usage = record.answer?.usage ?? null;
    if (usage === null) return;
    addKnown(series, INSTRUMENTS.tokens, usage.inputTokens, "input");
    addKnown(series, INSTRUMENTS.tokens, usage.outputTokens, "output");
    addKnown(series, INSTRUMENTS.tokens, usage.cacheReadTokens, "cache_read");
    addKnown(series, INSTRUMENTS.tokens, usage.cacheWriteTokens, "cache_write");
    addKnown(series, INSTRUMENTS.tokens, usage.reasoningTokens, "reasoning");
  }

  function collect(): readonly MetricFamily[] {
    const instruments = [...Object.values(INSTRUMENTS), ...Object.values(GENAI_INSTRUMENTS[conventions]).filter((instrument) => instrument !== null)];
    const points = new Map<Instrument, MetricPoint[]>(instruments.map((instrument) => [instrument, []]));
    const collectFrom = (all: readonly Series[], names: readonly string[]): void => {
      for (const series of all) {
        const labels = names.map((name, at) => [name, series.labels[at] ?? ""] as const);
        for (const cell of cellsOf(series)) points.get(cell.instrument)?.push(pointOf(cell, labels));
      }
    };
    collectFrom(index.all(), SERIES_LABELS);
    collectFrom(genAi.series(), GENAI_LABELS);
    collectFrom([own], []);
    points.get(INSTRUMENTS.active)?.push(single([], active));
    if (loadedAt !== null) points.get(INSTRUMENTS.snapshotAge)?.push(single([], seconds(clock.now() - loadedAt)));
    for (const [item, total] of totals(drops)) points.get(INSTRUMENTS.dropped)?.push(single([["item", item]], total));
    for (const [state, total] of totals(secrets)) points.get(INSTRUMENTS.secrets)?.push(single([["state", state]], total));
    for (const [state, total] of totals(limits)) points.get(INSTRUMENTS.limitAccounts)?.push(single([["state", state]], total));
    for (const point of degradedPoints(degraded())) points.get(INSTRUMENTS.degraded)?.push(point);
    return [...points].map(([instrument, list]) => ({ instrument, points: list })).filter((family) => family.points.length > 0);
  }

  return {
    since,
    callStarted() {
      active += 1;
    },
    callShed() {
      const series = index.find(NONE, NONE, NONE, NONE, NONE);
      add(series, INSTRUMENTS.requests, 1, "refused", "503");
      add(series, INSTRUMENTS.refusals, 1, "overloaded");
    },
    callSettled(record) {
      active -= 1;
      const backend = record.attempts.at(-1)?.backend ?? "";
      const series = seriesOf(record, backend);
      add(series, INSTRUMENTS.requests, 1, record.outcome, statusLabel(record.status));
      if (record.refusal !== null) add(series, INSTRUMENTS.refusals, 1, record.refusal);
      if (record.ended !== null)
        observe(series, INSTRUMENTS.duration, seconds(record.ended - record.started), knownMethod(record.method), statusLabel(record.status));
      if (record.firstByte !== null) observe(series, INSTRUMENTS.firstByte, seconds(record.firstByte - record.started));
      if (record.requestBytes !== null && record.requestBytes > 0) add(series, INSTRUMENTS.io, record.requestBytes, "request");
      if (record.responseBytes > 0) add(series, INSTRUMENTS.io, record.responseBytes, "response");
      countAttempts(record, backend, series);
      countTokens(record, series);
      genAi.count(record);
      countCost(record, series);
      for (const verdict of record.limits) add(series, INSTRUMENTS.limitChecks, 1, verdict.limit, outcomeOf(verdict));
    },
    mirrored(record, backend, outcome) {
      add(seriesOf(record, backend), INSTRUMENTS.mirrors, 1, outcome);
    },
    dropped(item, amount) {
      add(own, INSTRUMENTS.dropped, amount, item);
    },
    configLoad(ok, now) {
      add(own, INSTRUMENTS.reloads, 1, ok ? "ok" : "failed");
      if (ok) loadedAt = now;
    },
    watchDrops(read) {
      drops.push(read);
    },
    watchSecrets(read) {
      secrets.push(read);
    },
    limitExchange(outcome, ms) {
      observe(own, INSTRUMENTS.limitStoreDuration, seconds(ms), outcome);
    },
    watchLimits(read) {
      limits.push(read);
    },
    watchDegraded(read) {
      degraded = read;
    },
    collect,
    metricsText: () => prometheusText(collect()),
  };
}

function countCost({ cost, charged }: CallRecord, series: Series): void {
  if (cost?.currency === "USD") add(series, INSTRUMENTS.cost, unitsOf(cost));
  else if (charged !== null && (charged.usage.inputTokens ?? 0) + (charged.usage.outputTokens ?? 0) > 0) add(series, INSTRUMENTS.unpriced, 1);
}

function outcomeOf({ outcome, action }: LimitVerdict): string {
  return outcome === "exceeded" && action === "shadow" ? "shadowed" : outcome;
}

/** A status outside 100 to 599 is no status: the caller left before any. */
function statusLabel(status: number): string {
  return status >= 100 && status <= 599 ? String(status) : NONE;
}

function seconds(milliseconds: number): number {
  return Math.max(0, milliseconds) / 1000;
}

function single(labels: MetricPoint["labels"], value: number): MetricPoint {
  return { labels, value, count: 0, buckets: [] };
}

function pointOf(cell: Cell, labels: MetricPoint["labels"]): MetricPoint {
  // A label without value is one that this point has not, such as the error of a call that has none.
  const extra = cell.instrument.labels.map((name, index) => [name, cell.values[index] ?? ""] as const).filter(([, value]) => value !== "");
  return { labels: [...labels, ...extra], value: cell.value, count: cell.count, buckets: [...cell.buckets] };
}

function degradedPoints(list: readonly Degradation[]): readonly MetricPoint[] {
  const points = new Map<string, MetricPoint>();
  for (const { part, reason } of list) {
    const labels = [["part", part] as const, ["reason", reason] as const];
    points.set(`${part} ${reason}`, single(labels, (points.get(`${part} ${reason}`)?.value ?? 0) + 1));
  }
  return [...points.values()];
}

/** The sums over all watchers. */
function totals(watchers: readonly (() => Readonly<Record<string, number>>)[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const read of watchers) {
    for (const [name, value] of Object.entries(read())) sums.set(name, (sums.get(name) ?? 0) + value);
  }
  return sums;
}
