import { GENAI_INSTRUMENTS } from "../../src/attribution/genai-instruments.ts";
import { INSTRUMENTS, type Instrument, prometheusName, type SERIES_LABELS } from "../../src/attribution/instruments.ts";

/** What a panel shows: one PromQL expression a line, with how its series are called. */
export interface Query {
  readonly expr: string;
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  /** One sentence for whoever points at the title. */
  readonly description: string;
  readonly kind: "timeseries" | "stat" | "table" | "bargauge";
  /** Grafana's name of the unit: `reqps`, `s`, `percentunit`, `currencyUSD`, `short`. */
  readonly unit: string;
  /** Of 24 columns. */
  readonly width: number;
  readonly queries: readonly Query[];
  /** From which value on it is yellow and red; left out: never. */
  readonly thresholds?: readonly [warn: number, alarm: number];
  readonly stacked?: boolean;
}

export type MetricKey = keyof typeof INSTRUMENTS;

/** The variables of every dashboard, by which its panels are narrowed. */
export const FILTERS = ["gateway", "namespace", "route", "backend"] as const satisfies readonly (typeof SERIES_LABELS)[number][];

const NARROWED = FILTERS.map((name) => `${name}=~"$${name}"`).join(",");

/** `name{filters,more}`; a metric that is not ours does not compile. */
export function series(metric: MetricKey, more = "", suffix: "" | "_bucket" | "_sum" | "_count" = ""): string {
  const matchers = [NARROWED, more].filter((part) => part !== "").join(",");
  return `${prometheusName(INSTRUMENTS[metric])}${suffix}{${matchers}}`;
}

/** The same without the filters, for what has no labels of calls. */
export function plain(metric: MetricKey, more = ""): string {
  return `${prometheusName(INSTRUMENTS[metric])}${more === "" ? "" : `{${more}}`}`;
}

export function rateBy(by: string, selector: string): string {
  return `sum by (${by}) (rate(${selector}[$__rate_interval]))`;
}

export function increaseBy(by: string, selector: string): string {
  return `sum by (${by}) (increase(${selector}[$__range]))`;
}

export function quantile(q: number, metric: MetricKey, by = ""): string {
  return `histogram_quantile(${q}, sum by (le${by === "" ? "" : `, ${by}`}) (rate(${series(metric, "", "_bucket")}[$__rate_interval])))`;
}

/** A metric of the GenAI conventions as they are by default: narrowed by what its series have. */
export function genAi(metric: "duration" | "firstChunk" | "tokenUsage" | "mcpDuration", suffix: "_bucket" | "_sum" | "_count", more = ""): string {
  const instrument: Instrument | null = GENAI_INSTRUMENTS["1.41"][metric];
  if (instrument === null) throw new Error(`the conventions of 1.41 have no ${metric}`);
  return `${prometheusName(instrument)}${suffix}{namespace=~"$namespace",backend=~"$backend"${more}}`;
}
