import {
  addCounts,
  COUNT_NAMES,
  emptySum,
  type Incident,
  type UsageBatch,
  type UsageCounts,
  type UsageQuery,
  type UsageRow,
  UsageStoreError,
} from "../../src/index.ts";
import { pause } from "../aws/within-limit.ts";
import { BATCH_MEMORY_MS, DAY_MS, HOUR_MS, KEPT_MS, keyOf, MAX_INCIDENTS, readKey, startOf } from "./check-batch.ts";
import { type DynamodbTable, digestOf, type Item, type ItemKey, type ItemWrite, secondsOf } from "./dynamodb-table.ts";
import { createTurnTaking } from "./turn-taking.ts";

export interface DynamodbUsageOptions {
  readonly table: DynamodbTable;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: () => number;
  readonly after: (ms: number, callback: () => void) => () => void;
}

export interface DynamodbUsage {
  record(batch: UsageBatch, signal: AbortSignal): Promise<void>;
  usage(query: UsageQuery, signal: AbortSignal): Promise<readonly UsageRow[]>;
  incidents(realm: string, max: number, signal: AbortSignal): Promise<readonly Incident[]>;
}

/** Batches go to one of so many partitions: a partition takes 1,000 writes a second, and transactions that meet in an item have to try again. */
const SPREAD = 4;
/** Writes of one transaction. DynamoDB takes 100; with fewer, fewer meet. */
const MAX_WRITES = 50;
/** Beyond that the answer would not fit into an instance's memory. */
const MAX_ITEMS_READ = 500_000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;

/**
 * What was used, in a table: `usage/REALM/hour/MONTH/n` and `usage/REALM/day/YEAR/n`, one item for each key and hour or day, that numbers are added to;
 * `incidents/REALM`; `batch/ID` marks what was recorded. All end by the table's TTL.
 */
export function createDynamodbUsage({ table, now, random, after }: DynamodbUsageOptions): DynamodbUsage {
  const turns = createTurnTaking();

  /** Once, however often it is sent: the marker is part of the transaction. */
  async function writeOnce(marker: ItemKey, writes: readonly ItemWrite[], signal: AbortSignal): Promise<void> {
    const mark: ItemWrite = { kind: "replace", item: { ...marker, expires: secondsOf(now() + BATCH_MEMORY_MS) }, expected: null };
    for (let round = 0; !signal.aborted; round += 1) {
      if ((await table.write([mark, ...writes], signal)).written) return;
      if ((await table.read([marker], signal)).length > 0) return;
      await pause((0.5 + random()) * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** round), signal, after);
    }
    throw new UsageStoreError("DynamoDB: others were writing the same rows all the time");
  }

  async function rowWrites(batch: UsageBatch, spread: number): Promise<readonly (readonly ItemWrite[])[]> {
    /** By day and key: what has to be in one transaction. */
    const groups = new Map<string, { readonly key: string; readonly rows: UsageRow[] }>();
    for (const row of batch.rows) {
      const key = keyOf(row);
      const name = `${startOf("day", row.from)}/${key}`;
      const group = groups.get(name);
      if (group === undefined) groups.set(name, { key, rows: [row] });
      else group.rows.push(row);
    }
    return await Promise.all(
      [...groups.values()].map(async ({ key, rows }) => {
        const id = await digestOf(key);
        const [first] = rows;
        if (first === undefined) return [];
        const day = { ...first, ...sumOf(rows), from: startOf("day", first.from) };
        return [...rows.map((row) => addOf(batch.realm, "hour", row, spread, id)), addOf(batch.realm, "day", day, spread, id)];
      }),
    );
  }

  /** The same batch is cut into the same parts whenever it is sent. */
  async function writeParts(id: string, groups: readonly (readonly ItemWrite[])[], signal: AbortSignal): Promise<void> {
    let part = 0;
    let writes: ItemWrite[] = [];
    for (const group of groups) {
      if (writes.length > 0 && writes.length + group.length > MAX_WRITES) {
        await writeOnce({ key: `batch/${id}`, sort: `${part++}` }, writes, signal);
        writes = [];
      }
      writes.push(...group);
    }
    await writeOnce({ key: `batch/${id}`, sort: `${part}` }, writes, signal);
  }

  return {
    async record(batch, signal) {
      const spread = Number.parseInt((await digestOf(batch.id)).slice(0, 4), 16) % SPREAD;
      const groups = [...(await rowWrites(batch, spread)), ...batch.incidents.map((incident, index) => [putOf(batch, incident, index)])];
      // Two of one instance would only make each other fail.
      await turns([`${batch.realm}/${spread}`], () => writeParts(batch.id, groups, signal));
    },
    async usage({ realm, interval, from, to }, signal) {
      const unit = interval === "hour" ? HOUR_MS : DAY_MS;
      const first = Math.max(from, now() - KEPT_MS[interval] + 1);
      const last = Math.min(to, now() + DAY_MS) - 1;
      const rows = new Map<string, UsageRow>();
      let read = 0;
      const partitions = first > last ? [] : partitionsOf(realm, interval, first, last);
      const range = { from: labelOf(Math.floor(first / unit) * unit), to: `${labelOf(last)}~`, newestFirst: false };
      for (let at = 0; at < partitions.length; at += READS_AT_ONCE) {
        const found = await Promise.all(partitions.slice(at, at + READS_AT_ONCE).map((key) => table.range({ ...range, key, max: MAX_ITEMS_READ }, signal)));
        for (const item of found.flat()) {
          read += 1;
          const row = rowOf(item);
          if (row.from < first || row.from > last) continue;
          const name = String(item["sort"]);
          const known = rows.get(name);
          rows.set(name, known === undefined ? row : { ...known, ...sumOf([known, row]) });
        }
        if (read > MAX_ITEMS_READ) throw new UsageStoreError("DynamoDB: more rows than can be read at once: ask for a shorter time");
      }
      return [...rows.values()];
    },
    async incidents(realm, max, signal) {
      const items = await table.range({ key: `incidents/${realm}`, from: "0", to: "~", max: Math.min(max, MAX_INCIDENTS), newestFirst: true }, signal);
      // As `putOf` wrote it.
      return items.map((item) => JSON.parse(textOf(item, "incident")) as Incident);
    },
  };
}

const READS_AT_ONCE = 8;

/** Such as `2026-11-23T07:00`: as a text it is ordered as it is in time. */
function labelOf(time: number): string {
  return new Date(time).toISOString().slice(0, 16);
}

function partitionOf(realm: string, interval: UsageQuery["interval"], from: number, spread: number): string {
  return `usage/${realm}/${interval}/${new Date(from).toISOString().slice(0, interval === "hour" ? 7 : 4)}/${spread}`;
}

function partitionsOf(realm: string, interval: UsageQuery["interval"], first: number, last: number): readonly string[] {
  const names = new Set<string>();
  for (let time = first; ; time = Math.min(last, time + DAY_MS)) {
    for (let spread = 0; spread < SPREAD; spread += 1) names.add(partitionOf(realm, interval, time, spread));
    if (time >= last) return [...names];
  }
}

function addOf(realm: string, interval: UsageQuery["interval"], row: UsageRow, spread: number, id: string): ItemWrite {
  const counts = Object.fromEntries(COUNT_NAMES.flatMap((field) => (row[field] === 0 ? [] : [[field, row[field]]])));
  const at = { key: partitionOf(realm, interval, row.from, spread), sort: `${labelOf(row.from)}/${id}` };
  // A day beyond what is kept, so that what ends is not missed before its time in a sum.
  return { kind: "add", at, counts, set: { who: keyOf(row), from: row.from, expires: secondsOf(row.from + KEPT_MS[interval] + DAY_MS) } };
}

function putOf(batch: UsageBatch, incident: Incident, index: number): ItemWrite {
  const sort = `${new Date(incident.time).toISOString()}/${batch.id}/${index}`;
  return { kind: "put", item: { key: `incidents/${batch.realm}`, sort, incident: JSON.stringify(incident), expires: secondsOf(incident.time + KEPT_MS.hour) } };
}

function rowOf(item: Item): UsageRow {
  const counts = emptySum();
  for (const count of COUNT_NAMES) counts[count] = numberOf(item, count);
  return { from: numberOf(item, "from"), ...readKey(textOf(item, "who")), ...counts };
}

function textOf(item: Item, field: string): string {
  const value = item[field];
  if (typeof value !== "string") throw new UsageStoreError("DynamoDB's item is not one of ours");
  return value;
}

/** What was never added to is 0. */
function numberOf(item: Item, field: string): number {
  const value = item[field] ?? 0;
  if (typeof value !== "number") throw new UsageStoreError("DynamoDB's item is not one of ours");
  return Math.min(Number.MAX_SAFE_INTEGER, value);
}

function sumOf(rows: readonly UsageCounts[]): UsageCounts {
  const sum = emptySum();
  for (const row of rows) addCounts(sum, row);
  return sum;
}
