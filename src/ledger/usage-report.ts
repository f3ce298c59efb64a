import { addCounts, COUNT_NAMES, emptySum, KEY_NAMES } from "../model/usage-counts.ts";
import type { UsageCounts, UsageRow } from "../model/usage-store.ts";
import type { Dimension, UsageRequest } from "./usage-request.ts";

/** What `/-/usage` tells. */
export interface UsageReport {
  /** RFC 3339. */
  readonly from: string;
  readonly to: string;
  readonly interval: "hour" | "day";
  readonly by: readonly Dimension[];
  readonly rows: readonly ReportRow[];
  /** Of all rows, those that are left out included. */
  readonly total: PricedCounts;
  /** There are more rows than were asked for. */
  readonly truncated: boolean;
}

/** `costUsd` is null where calls used tokens and no price of theirs is known: unknown is not 0. */
export type PricedCounts = UsageCounts & { readonly costUsd: number | null };

export type ReportRow = PricedCounts & Partial<Readonly<Record<Dimension, string>>>;

/** Adds rows up by what is asked for: the oldest time first, within it the dearest, then the largest. `now` is the end of what can be known. */
export function reportUsage(stored: readonly UsageRow[], request: UsageRequest, now: number): UsageReport {
  const { by, only, limit } = request;
  const total = emptySum();
  const groups = new Map<string, { readonly names: readonly string[]; readonly sum: ReturnType<typeof emptySum> }>();
  for (const row of stored) {
    if (KEY_NAMES.some((name) => only[name] !== undefined && only[name] !== row[name])) continue;
    addCounts(total, row);
    const names = by.map((dimension) => namedBy(row, dimension));
    const key = JSON.stringify(names);
    let group = groups.get(key);
    if (group === undefined) {
      group = { names, sum: emptySum() };
      groups.set(key, group);
    }
    addCounts(group.sum, row);
  }
  const time = by.findIndex((dimension) => dimension === "hour" || dimension === "day");
  const timeOf = (names: readonly string[]): string => names[time] ?? "";
  const sorted = [...groups.values()].sort(
    (one, other) =>
      compare(timeOf(one.names), timeOf(other.names)) ||
      other.sum.costNanos - one.sum.costNanos ||
      other.sum.inputTokens + other.sum.outputTokens - one.sum.inputTokens - one.sum.outputTokens ||
      other.sum.requests - one.sum.requests ||
      compare(one.names.join("\n"), other.names.join("\n")),
  );
  return {
    from: momentText(request.from),
    to: momentText(Math.min(request.to, Math.max(now, request.from))),
    interval: request.interval,
    by,
    rows: sorted
      .slice(0, limit)
      .map(({ names, sum }) => ({ ...Object.fromEntries(by.map((dimension, index) => [dimension, names[index] ?? ""])), ...priced(sum) })),
    total: priced(total),
    truncated: sorted.length > limit,
  };
}

/** The report as a table, its first row being the names. */
export function reportTable({ by, rows }: UsageReport): readonly (readonly (string | number | null)[])[] {
  const columns = [...by, ...COUNT_NAMES, "costUsd"] as const;
  return [columns, ...rows.map((row) => columns.map((column) => row[column] ?? null))];
}

function namedBy(row: UsageRow, dimension: Dimension): string {
  if (dimension === "hour") return momentText(row.from);
  return dimension === "day" ? momentText(row.from).slice(0, 10) : row[dimension];
}

/** Whole seconds, UTC. */
function momentText(moment: number): string {
  return `${new Date(moment).toISOString().slice(0, 19)}Z`;
}

function priced(sum: UsageCounts): PricedCounts {
  return { ...sum, costUsd: sum.unpriced > 0 && sum.costNanos === 0 ? null : sum.costNanos / 1e9 };
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
