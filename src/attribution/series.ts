import type { Instrument } from "./instruments.ts";
import { OTHER } from "./semconv.ts";

/** A number that grows, or a histogram, with the values of its own labels. */
export interface Cell {
  readonly instrument: Instrument;
  readonly values: readonly string[];
  value: number;
  count: number;
  /** One more than the instrument has bounds; empty for anything but histograms. */
  readonly buckets: number[];
}

/** All that is counted under one set of labels. */
export interface Series {
  readonly labels: readonly string[];
  readonly cells: Map<string, Cell>;
}

// Outcomes and codes are closed sets, so a series has a few dozen cells; the bound holds whatever a reason may say.
const MAX_CELLS = 96;
const MAX_LABEL = 256;

export function createSeries(labels: readonly string[]): Series {
  return { labels: labels.map((label) => label.slice(0, MAX_LABEL)), cells: new Map() };
}

/** Adds to a counter; `first` and `second` are the values of its own labels. */
export function add(series: Series, instrument: Instrument, amount: number, first = "", second = ""): void {
  cellOf(series, instrument, first, second).value += amount;
}

/** Puts a measurement into a histogram. */
export function observe(series: Series, instrument: Instrument, measured: number, first = ""): void {
  const cell = cellOf(series, instrument, first, "");
  const { bounds } = instrument;
  let bucket = 0;
  while (bucket < bounds.length && measured > (bounds[bucket] ?? Number.POSITIVE_INFINITY)) bucket += 1;
  cell.buckets[bucket] = (cell.buckets[bucket] ?? 0) + 1;
  cell.count += 1;
  cell.value += measured;
}

function cellOf(series: Series, instrument: Instrument, first: string, second: string): Cell {
  const key = first === "" ? instrument.name : `${instrument.name}|${first}|${second}`;
  const known = series.cells.get(key);
  if (known !== undefined) return known;
  const full = series.cells.size >= MAX_CELLS && first !== "" && first !== OTHER;
  if (full) return cellOf(series, instrument, OTHER, instrument.labels.length > 1 ? OTHER : "");
  const cell: Cell = {
    instrument,
    values: [first, second].slice(0, instrument.labels.length).map((value) => value.slice(0, MAX_LABEL)),
    value: 0,
    count: 0,
    buckets: instrument.kind === "histogram" ? new Array<number>(instrument.bounds.length + 1).fill(0) : [],
  };
  series.cells.set(key, cell);
  return cell;
}
