import { DIMENSIONS, type Dimension } from "./shapes.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** As many as the broker gives at once. */
const MOST_ROWS = 10_000;

export const RANGES = [
  { id: "today", title: "Today", days: 1, interval: "hour" },
  { id: "7d", title: "7 days", days: 7, interval: "hour" },
  { id: "30d", title: "30 days", days: 30, interval: "day" },
] as const;

export const MEASURES = [
  { id: "requests", title: "Requests" },
  { id: "tokens", title: "Tokens" },
  { id: "cost", title: "Cost" },
] as const;

/** What of the usage is looked at, as the address says. */
export interface UsageQuery {
  readonly range: (typeof RANGES)[number];
  readonly by: readonly Dimension[];
  readonly measure: (typeof MEASURES)[number]["id"];
  /** Null: all namespaces, and models. */
  readonly namespace: string | null;
  readonly model: string | null;
}

export function readUsageQuery(query: URLSearchParams): UsageQuery {
  const named = (query.get("by") ?? "namespace").split(",");
  const by = DIMENSIONS.flatMap(({ id }) => (named.includes(id) ? [id] : []));
  return {
    range: RANGES.find(({ id }) => id === query.get("since")) ?? RANGES[0],
    by: by.length === 0 ? ["namespace"] : by,
    measure: MEASURES.find(({ id }) => id === query.get("measure"))?.id ?? "requests",
    namespace: query.get("namespace"),
    model: query.get("model"),
  };
}

/** The fragment's query, for links. */
export function fragmentOf({ range, by, measure, namespace, model }: UsageQuery): Readonly<Record<string, string | null>> {
  return { since: range.id, by: by.join(), measure, namespace, model };
}

/** The question to `/-/usage`: from the beginning of a day (UTC), as its days are. */
export function usagePath({ range, namespace, model }: UsageQuery, by: readonly string[], now: number): string {
  const from = Math.floor(now / DAY_MS) * DAY_MS - (range.days - 1) * DAY_MS;
  const query = new URLSearchParams({ since: new Date(from).toISOString(), by: by.join() });
  if (namespace !== null) query.set("namespace", namespace);
  if (model !== null) query.set("model", model);
  return `/-/usage?${query}&limit=${MOST_ROWS}`;
}

/** Beginnings of the hours or days of a range up to now, so that a chart shows the empty ones too. */
export function timesOf({ range }: UsageQuery, now: number): readonly number[] {
  const step = range.interval === "hour" ? HOUR_MS : DAY_MS;
  const from = Math.floor(now / DAY_MS) * DAY_MS - (range.days - 1) * DAY_MS;
  const times: number[] = [];
  for (let time = from; time <= now; time += step) times.push(time);
  return times;
}
