import { emptySum, type UsageSum } from "../model/usage-counts.ts";
import type { UsageKey, UsageRow } from "../model/usage-store.ts";
import { cleanKey } from "./usage-of.ts";

/** Adds up usage by hour and key until it is taken. No set of callers and models can make it grow beyond its bounds, and no count is lost for them. */
export interface UsageTally {
  /** The sum to which a call of this key is to be added at once; it then waits to be taken. `from` is the beginning of an hour. */
  sumOf(from: number, key: UsageKey): UsageSum;
  /** Takes out rows that have counted anything since they were taken last, at most `max`. */
  take(max: number): readonly UsageRow[];
  /** Rows that wait to be taken. */
  waiting(): number;
}

export interface TallyBounds {
  /** Keys an hour that are told apart; so many more with their model folded. */
  readonly keys: number;
  /** The same for one namespace: one that makes up models folds its own rows, not those of others. */
  readonly keysOfNamespace: number;
  /** Rows of all hours: while the store is away the hours stand one beside the other. */
  readonly rows: number;
}

/** The name under which that is added up which is told apart no longer. No Kubernetes name can look like it. */
export const FOLDED = "_OTHER";

const DEFAULTS: TallyBounds = { keys: 5_000, keysOfNamespace: 500, rows: 30_000 };

interface Cell {
  readonly from: number;
  readonly key: UsageKey;
  sum: UsageSum;
  isWaiting: boolean;
}

interface Hour {
  readonly cells: Map<string, Cell>;
  readonly keysOf: Map<string, number>;
  /**
   * The same cells by the parts of their keys as calls have them: most of those are the very strings of the call before, whose hashes are known. To put them together into one
   * would cost each call more than all the rest.
   */
  readonly byParts: Map<string, Map<string, Map<string, Map<string, Map<string, Cell>>>>>;
}

/** An empty tally. Cells of the current hour stay after they were taken: the next call of the same key finds its cell, and the bounds hold for the hour. */
export function createUsageTally(bounds: TallyBounds = DEFAULTS): UsageTally {
  const hours = new Map<number, Hour>();
  let waiting: Cell[] = [];
  let rows = 0;
  let latest = Number.NEGATIVE_INFINITY;

  /** The first of the key and its foldings that is there or may be: each folding is tried only where the one before has no room. */
  function find(hour: Hour, from: number, raw: UsageKey): Cell {
    const key = cleanKey(raw);
    const { keys, keysOfNamespace } = bounds;
    const ofNamespace = hour.keysOf.get(key.namespace) ?? 0;
    const size = hour.cells.size;
    const exact = hour.cells.get(idOf(key));
    if (exact !== undefined) return exact;
    if (rows < bounds.rows && size < keys && ofNamespace < keysOfNamespace) {
      const cell = open(hour, from, key);
      // A name that had to be cleaned is found by its clean form each time: a caller could write the same in many ways.
      if (idOf(raw) === idOf(key)) remember(hour, cell);
      return cell;
    }
    const folded = { ...key, model: FOLDED };
    const known = hour.cells.get(idOf(folded));
    if (known !== undefined) return known;
    if (rows < bounds.rows && size < 2 * keys && ofNamespace < 2 * keysOfNamespace) return open(hour, from, folded);
    const all = { namespace: key.namespace, serviceAccount: FOLDED, model: FOLDED, backend: FOLDED, region: FOLDED };
    const least = hour.cells.get(idOf(all));
    if (least !== undefined) return least;
    if (rows < 2 * bounds.rows && size < 3 * keys) return open(hour, from, all);
    const nobody = { ...all, namespace: FOLDED };
    return hour.cells.get(idOf(nobody)) ?? open(hour, from, nobody);
  }

  function open(hour: Hour, from: number, key: UsageKey): Cell {
    const cell: Cell = { from, key, sum: emptySum(), isWaiting: false };
    hour.cells.set(idOf(key), cell);
    hour.keysOf.set(key.namespace, (hour.keysOf.get(key.namespace) ?? 0) + 1);
    rows += 1;
    return cell;
  }

  /** Hours that are over are kept no longer than their rows wait. */
  function close(cell: Cell): void {
    const hour = hours.get(cell.from);
    if (cell.from === latest || hour === undefined) return;
    if (hour.cells.delete(idOf(cell.key))) rows -= 1;
    if (hour.cells.size === 0) hours.delete(cell.from);
  }

  function begin(from: number): Hour {
    const hour: Hour = { cells: new Map(), keysOf: new Map(), byParts: new Map() };
    hours.set(from, hour);
    if (from > latest) {
      const before = hours.get(latest);
      latest = from;
      for (const cell of before?.cells.values() ?? []) if (!cell.isWaiting) close(cell);
    }
    return hour;
  }

  return {
    sumOf(from, key) {
      const hour = hours.get(from) ?? begin(from);
      const { namespace, serviceAccount, backend, model, region } = key;
      const cell = hour.byParts.get(namespace)?.get(serviceAccount)?.get(backend)?.get(model)?.get(region) ?? find(hour, from, key);
      if (!cell.isWaiting) {
        cell.isWaiting = true;
        waiting.push(cell);
      }
      return cell.sum;
    },
    take(max) {
      const taken = waiting.slice(0, max);
      waiting = waiting.slice(max);
      return taken.map((cell) => {
        const row = { from: cell.from, ...cell.key, ...cell.sum };
        cell.sum = emptySum();
        cell.isWaiting = false;
        close(cell);
        return row;
      });
    },
    waiting: () => waiting.length,
  };
}

function remember({ byParts }: Hour, cell: Cell): void {
  const { namespace, serviceAccount, backend, model, region } = cell.key;
  inner(inner(inner(inner(byParts, namespace), serviceAccount), backend), model).set(region, cell);
}

/** The map at a key; an empty one is put there first. */
function inner<Value>(map: Map<string, Map<string, Value>>, key: string): Map<string, Value> {
  const known = map.get(key);
  if (known !== undefined) return known;
  const created = new Map<string, Value>();
  map.set(key, created);
  return created;
}

/** No value holds the separator: control characters were taken out of what others write. */
function idOf({ namespace, serviceAccount, model, backend, region }: UsageKey): string {
  return `${namespace}\n${serviceAccount}\n${model}\n${backend}\n${region}`;
}
