import { addCounts, emptySum, KEY_NAMES, type UsageSum } from "../../src/model/usage-counts.ts";
import type { Incident, UsageBatch, UsageCounts, UsageRow, UsageStore } from "../../src/model/usage-store.ts";

/** What becomes of one `record`: taken and answered, not taken, or taken and its answer lost. */
export type RecordFate = "taken" | "refused" | "lost";

/** The half of a usage store that keeps usage, so simple that its sums are beyond doubt. */
export interface UsageRecords extends UsageStore {
  /** Rows by hour and key, added up. */
  rows(): readonly UsageRow[];
  total(): UsageSum;
  readonly incidentsKept: readonly Incident[];
  /** Every batch that came, whatever became of it. */
  readonly batches: readonly UsageBatch[];
  /** From now on. */
  fate: () => RecordFate;
}

export function createUsageRecords(): UsageRecords {
  const batches: UsageBatch[] = [];
  const taken = new Map<string, UsageBatch>();
  const incidentsKept: Incident[] = [];
  const notHere = (): never => {
    throw new Error("this store keeps usage only");
  };
  const rowsOf = (): UsageRow[] => [...taken.values()].flatMap(({ rows }) => rows);
  const store: UsageRecords = {
    shared: true,
    fate: () => "taken",
    batches,
    incidentsKept,
    exchange: notHere,
    accounts: notHere,
    record: async (batch) => {
      batches.push(batch);
      const fate = store.fate();
      await Promise.resolve();
      if (fate === "refused") throw new Error("the store is away");
      if (!taken.has(batch.id)) incidentsKept.push(...batch.incidents);
      taken.set(batch.id, batch);
      if (fate === "lost") throw new Error("the answer is lost");
    },
    usage: async ({ from, to }) => addUp(rowsOf().filter((row) => row.from >= from && row.from < to)),
    incidents: async (_realm, max) => incidentsKept.toReversed().slice(0, max),
    close: async () => {},
    rows: () => addUp(rowsOf()),
    total: () => sumOf(rowsOf()),
  };
  return store;
}

export function sumOf(counts: readonly UsageCounts[]): UsageSum {
  const sum = emptySum();
  for (const one of counts) addCounts(sum, one);
  return sum;
}

function addUp(rows: readonly UsageRow[]): UsageRow[] {
  const found = new Map<string, UsageRow[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.from, ...KEY_NAMES.map((name) => row[name])]);
    found.set(key, [...(found.get(key) ?? []), row]);
  }
  return [...found.values()].flatMap((same) => same.slice(0, 1).map((row) => ({ ...row, ...sumOf(same) })));
}
