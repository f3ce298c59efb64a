import type { DurableObjectStorage } from "cloudflare:workers";
import { COUNT_NAMES, type Incident, type UsageBatch, type UsageCounts, type UsageQuery, type UsageRow } from "../../src/index.ts";
import { BATCH_MEMORY_MS, crowdedKeyOf, KEPT_MS, keyOf, MAX_INCIDENTS, MAX_KEYS, startOf } from "../usage/check-batch.ts";
import { ROWS_AT_ONCE, type StoredRow, type UsagePlace } from "../usage/usage-object.ts";

/** What calls used, in one object. */
export interface UsageTable {
  /** All of the batch or nothing, and once. */
  record(batch: UsageBatch): void;
  usage(query: UsageQuery, after: UsagePlace | null): readonly StoredRow[];
  incidents(max: number): readonly Incident[];
  /** Takes out what is kept no longer; gives when the next ends, in milliseconds since the epoch; null: there is none. */
  sweep(): number | null;
}

const INTERVALS = ["hour", "day"] as const;
const COLUMNS = COUNT_NAMES.join(", ");
/** Sums stand still at 2^53 - 1, beyond which they would not be exact. */
const ADD = `INSERT INTO usage (interval, start, who, ${COLUMNS}) VALUES (?, ?, ?, ${COUNT_NAMES.map(() => "?").join(", ")})
  ON CONFLICT (interval, start, who) DO UPDATE SET ${COUNT_NAMES.map((count) => `${count} = MIN(${Number.MAX_SAFE_INTEGER}, ${count} + excluded.${count})`).join(", ")}`;
/** Hours and days whose keys are known by number. */
const MAX_SIZES = 100;

/** `who` and `incident` are JSON, since not every JavaScript text is Unicode. */
export function createUsageTable({ sql, transactionSync }: Pick<DurableObjectStorage, "sql" | "transactionSync">): UsageTable {
  sql.exec(
    `CREATE TABLE IF NOT EXISTS usage (interval TEXT, start INTEGER, who TEXT, ${COUNT_NAMES.map((count) => `${count} INTEGER NOT NULL`).join(", ")},
      PRIMARY KEY (interval, start, who)) WITHOUT ROWID`,
  );
  sql.exec("CREATE TABLE IF NOT EXISTS batches (id TEXT PRIMARY KEY, ends INTEGER NOT NULL)");
  sql.exec("CREATE TABLE IF NOT EXISTS incidents (place INTEGER PRIMARY KEY, time INTEGER NOT NULL, incident TEXT NOT NULL)");
  /** Keys of an hour or a day. */
  const sizes = new Map<string, number>();

  function sizeOf(interval: UsageQuery["interval"], start: number): number {
    const known = sizes.get(`${interval}/${start}`);
    if (known !== undefined) return known;
    const [row] = sql.exec("SELECT COUNT(*) AS size FROM usage WHERE interval = ? AND start = ?", interval, start).toArray();
    return Number(row?.["size"]);
  }

  function add(interval: UsageQuery["interval"], start: number, row: UsageRow): void {
    let who = keyOf(row);
    const [known] = sql.exec("SELECT 1 FROM usage WHERE interval = ? AND start = ? AND who = ?", interval, start, who).toArray();
    if (known === undefined) {
      const size = sizeOf(interval, start);
      if (size >= MAX_KEYS) who = crowdedKeyOf(row);
      if (sizes.size >= MAX_SIZES) sizes.clear();
      sizes.set(`${interval}/${start}`, size + 1);
    }
    sql.exec(ADD, interval, start, who, ...COUNT_NAMES.map((count) => row[count]));
  }

  return {
    record({ id, rows, incidents }) {
      const now = Date.now();
      const batch = JSON.stringify(id);
      if (sql.exec("SELECT 1 FROM batches WHERE id = ? AND ends > ?", batch, now).toArray().length > 0) return;
      try {
        transactionSync(() => {
          sql.exec("INSERT OR REPLACE INTO batches (id, ends) VALUES (?, ?)", batch, now + BATCH_MEMORY_MS);
          for (const row of rows) {
            for (const interval of INTERVALS) {
              const start = startOf(interval, row.from);
              if (start + KEPT_MS[interval] > now) add(interval, start, row);
            }
          }
          for (const incident of incidents) sql.exec("INSERT INTO incidents (time, incident) VALUES (?, ?)", incident.time, JSON.stringify(incident));
          if (incidents.length === 0) return;
          sql.exec("DELETE FROM incidents WHERE place NOT IN (SELECT place FROM incidents ORDER BY time DESC, place DESC LIMIT ?)", MAX_INCIDENTS);
        });
      } catch (error) {
        // They counted what was undone.
        sizes.clear();
        throw error;
      }
    },
    usage({ interval, from, to }, after) {
      const first = Math.max(from, Date.now() - KEPT_MS[interval] + 1);
      const { from: start, who } = after ?? { from: 0, who: "" };
      const where = "interval = ? AND start >= ? AND start < ? AND (start, who) > (?, ?)";
      const rows = sql.exec(`SELECT * FROM usage WHERE ${where} ORDER BY start, who LIMIT ?`, interval, first, to, start, who, ROWS_AT_ONCE).toArray();
      // Each count is set from the list of all counts.
      const countsOf = (row: Record<string, unknown>) => Object.fromEntries(COUNT_NAMES.map((count) => [count, Number(row[count])])) as unknown as UsageCounts;
      return rows.map((row) => ({ from: Number(row["start"]), who: String(row["who"]), counts: countsOf(row) }));
    },
    incidents(max) {
      const rows = sql.exec("SELECT incident FROM incidents ORDER BY time DESC, place DESC LIMIT ?", Math.min(max, MAX_INCIDENTS)).toArray();
      // As `record` wrote it.
      return rows.map((row) => JSON.parse(String(row["incident"])) as Incident);
    },
    sweep() {
      const now = Date.now();
      sql.exec("DELETE FROM batches WHERE ends <= ?", now);
      for (const interval of INTERVALS) sql.exec("DELETE FROM usage WHERE interval = ? AND start <= ?", interval, now - KEPT_MS[interval]);
      sql.exec("DELETE FROM incidents WHERE time <= ?", now - KEPT_MS.day);
      sizes.clear();
      const ends = [
        ...sql.exec("SELECT MIN(ends) AS ends FROM batches").toArray(),
        ...INTERVALS.flatMap((interval) => sql.exec("SELECT MIN(start) + ? AS ends FROM usage WHERE interval = ?", KEPT_MS[interval], interval).toArray()),
        ...sql.exec("SELECT MIN(time) + ? AS ends FROM incidents", KEPT_MS.day).toArray(),
      ].flatMap(({ ends: at }) => (typeof at === "number" ? at : []));
      return ends.length === 0 ? null : Math.min(...ends);
    },
  };
}
