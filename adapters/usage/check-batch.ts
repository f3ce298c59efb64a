import { COUNT_NAMES, type Incident, MAX_ROWS, type UsageBatch, type UsageKey, type UsageQuery, type UsageRow } from "../../src/index.ts";
import { check, checkRealm, isAmount } from "./check-exchange.ts";

export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
/** How long rows are kept after their hour or day began. Milliseconds. */
export const KEPT_MS = { hour: 8 * DAY_MS, day: 400 * DAY_MS } as const;
/** A batch is known for so long after it was recorded. Milliseconds. */
export const BATCH_MEMORY_MS = 15 * 60_000;
export const MAX_INCIDENTS = 500;
/** Kinds of whose usage in one hour or day of a realm; what comes beyond counts for its namespace alone. */
export const MAX_KEYS = 50_000;

const MAX_UNITS = 1_024;

/** Throws `UsageStoreError` on what no store may take: all refuse alike, and nothing of it is recorded. */
export function checkBatch({ id, realm, rows, incidents }: UsageBatch, signal: AbortSignal): void {
  checkRealm(realm, signal);
  check(id !== "" && id.length <= 200, "the id of a batch has 1 to 200 units");
  check(rows.length <= MAX_ROWS, `a batch has at most ${MAX_ROWS} rows`);
  check(incidents.length <= MAX_INCIDENTS, `a batch has at most ${MAX_INCIDENTS} incidents`);
  check(rows.every(isRow), "a row begins at an hour, counts whole numbers below 2^53, and no text of it is longer than 1,024 units");
  check(new Set(rows.map((row) => `${row.from} ${keyOf(row)}`)).size === rows.length, "a batch has each key once an hour");
  check(incidents.every(isIncident), "an incident has a time, and no text of it is longer than 1,024 units");
}

/** Throws `UsageStoreError` unless it asks for a time that begins before it ends. */
export function checkQuery({ realm, from, to }: UsageQuery, signal: AbortSignal): void {
  checkRealm(realm, signal);
  check(isAmount(from) && isAmount(to) && from <= to, "usage is asked for between two moments in whole milliseconds");
}

/** Throws `UsageStoreError` unless so many can be asked for. */
export function checkMax(max: number): void {
  check(isAmount(max) && max > 0, "at least one is asked for");
}

/** Whose usage a row is, as text that no other has. */
export function keyOf({ namespace, serviceAccount, model, backend, region }: UsageRow): string {
  return JSON.stringify([namespace, serviceAccount, model, backend, region]);
}

/** What `keyOf` has written. */
export function readKey(key: string): UsageKey {
  // By nobody else.
  const [namespace = "", serviceAccount = "", model = "", backend = "", region = ""] = JSON.parse(key) as readonly string[];
  return { namespace, serviceAccount, model, backend, region };
}

/** Under which key a row counts where there are too many. */
export function crowdedKeyOf({ namespace }: UsageRow): string {
  return JSON.stringify([namespace, "", "", "", ""]);
}

/** The moment when the hour or day of a row began. */
export function startOf(interval: "hour" | "day", from: number): number {
  return interval === "hour" ? from : Math.floor(from / DAY_MS) * DAY_MS;
}

function isRow(row: UsageRow): boolean {
  const texts = [row.namespace, row.serviceAccount, row.model, row.backend, row.region];
  return isAmount(row.from) && row.from % HOUR_MS === 0 && texts.every(isText) && COUNT_NAMES.every((count) => isAmount(row[count]));
}

function isIncident({ time, kind, id, namespace, serviceAccount, route, model, backend, reason, detail }: Incident): boolean {
  return isAmount(time) && [kind, id, namespace, serviceAccount, route, model, backend, reason, detail].every(isText);
}

function isText(text: string): boolean {
  return text.length <= MAX_UNITS;
}
