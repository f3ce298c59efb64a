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

/** All that is counted under one set of labels: cells by instrument, then by the values of its own labels. No string is joined to find one. */
export interface Series {
  readonly labels: readonly string[];
  readonly cells: Map<Instrument, Map<string, Map<string, Cell>>>;
}

// Outcomes, codes and reasons are closed sets of a few dozen; the bound holds whatever they may become.
const MAX_VALUES = 64;
const MAX_LABEL = 256;

export function createSeries(labels: readonly string[]): Series {
  return { labels: labels.map((label) => label.slice(0, MAX_LABEL)), cells: new Map() };
}

/** Adds to a counter; `first` and `second` are the values of its own labels. */
export function add(series: Series, instrument: Instrument, amount: number, first = "", second = ""): void {
  cellOf(series, instrument, first, second).value += amount;
}

/** Adds what a provider says, as far as it is known and more than nothing: counters only grow, and its nonsense must not break them. */
export function addKnown(series: Series, instrument: Instrument, amount: number | null, first = ""): void {
  if (amount !== null && amount > 0) add(series, instrument, amount, first);
}

/** Puts a measurement into a histogram; `first` and `second` are the values of its own labels. */
export function observe(series: Series, instrument: Instrument, measured: number, first = "", second = ""): void {
  const cell = cellOf(series, instrument, first, second);
  const { bounds } = instrument;
  let bucket = 0;
  while (bucket < bounds.length && measured > (bounds[bucket] ?? Number.POSITIVE_INFINITY)) bucket += 1;
  cell.buckets[bucket] = (cell.buckets[bucket] ?? 0) + 1;
  cell.count += 1;
  cell.value += measured;
}

/** Every cell of a series. */
export function* cellsOf(series: Series): Iterable<Cell> {
  for (const byFirst of series.cells.values()) for (const bySecond of byFirst.values()) yield* bySecond.values();
}

function cellOf(series: Series, instrument: Instrument, first: string, second: string): Cell {
  const byFirst = series.cells.get(instrument) ?? openMap(series.cells, instrument);
  const bySecond = byFirst.get(first) ?? openMap(byFirst, byFirst.size < MAX_VALUES ? first : OTHER);
  const known = bySecond.get(second);
  if (known !== undefined) return known;
  const lastLabel = bySecond.size < MAX_VALUES ? second : OTHER;
  const overflow = bySecond.get(lastLabel);
  if (overflow !== undefined) return overflow;
  const firstLabel = byFirst.get(first) === bySecond ? first : OTHER;
  const cell: Cell = {
    instrument,
    values: [firstLabel, lastLabel].slice(0, instrument.labels.length).map((value) => value.slice(0, MAX_LABEL)),
    value: 0,
    count: 0,
    buckets: instrument.kind === "histogram" ? new Array<number>(instrument.bounds.length + 1).fill(0) : [],
  };
  bySecond.set(lastLabel, cell);
  return cell;
}

/** The map under `key`, made when there is none. */
function openMap<Key, Inner>(outer: Map<Key, Map<string, Inner>>, key: Key): Map<string, Inner> {
  const known = outer.get(key);
  if (known !== undefined) return known;
  const made = new Map<string, Inner>();
  outer.set(key, made);
  return made;
}
