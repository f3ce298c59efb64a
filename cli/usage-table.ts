import type { PricedCounts, UsageReport } from "../src/offline.ts";

/** One column of counts. */
interface Column {
  readonly title: string;
  /** Columns of a lower rank are left out first where the terminal is narrow; null: never, and where nothing is counted in it: not shown at all, but for null. */
  readonly rank: number | null;
  readonly value: (counts: PricedCounts) => number;
}

const COLUMNS: readonly Column[] = [
  { title: "calls", rank: null, value: ({ requests }) => requests },
  { title: "errors", rank: 9, value: ({ errors }) => errors },
  { title: "limited", rank: 8, value: ({ limited }) => limited },
  { title: "input", rank: null, value: ({ inputTokens }) => inputTokens },
  { title: "cached", rank: 5, value: ({ cacheReadTokens }) => cacheReadTokens },
  { title: "cache writes", rank: 2, value: ({ cacheWriteTokens }) => cacheWriteTokens },
  { title: "output", rank: null, value: ({ outputTokens }) => outputTokens },
  { title: "reasoning", rank: 4, value: ({ reasoningTokens }) => reasoningTokens },
  { title: "audio", rank: 3, value: ({ audioTokens }) => audioTokens },
];
const TITLES: Readonly<Record<string, string>> = { serviceAccount: "service account" };
/** Names are cut to no less. */
const LEAST_NAME = 8;
const GAP = "  ";
// What a terminal would take for a command, whoever wrote the name.
const UNFIT = /[\p{Cc}\p{Cs}\p{Cf}]/gu;

/** The report as a table with its totals, and notes on what the sums hold. `width`: columns of the terminal, null for none; `color`: escape codes are fine. */
export function describeUsage(report: UsageReport, width: number | null, color: boolean): string {
  const { by, rows, total } = report;
  const period = `${clock(report.from)} to ${clock(report.to)} UTC, by ${report.interval}`;
  if (total.requests === 0) return `No calls from ${period}.`;
  const names = rows.map((row) => by.map((dimension) => nameOf(row[dimension] ?? "", dimension)));
  const costs = costTexts([...rows, total]);
  const counted = COLUMNS.filter(({ rank, value }) => rank === null || value(total) > 0);
  const titles = by.map((dimension) => TITLES[dimension] ?? dimension);
  const nameWidths = titles.map((title, index) => Math.max(title.length, index === 0 ? 5 : 0, ...names.map((row) => lengthOf(row[index] ?? ""))));

  const widthOf = (columns: readonly Column[]): number => {
    const numbers = columns.map(({ title, value }) => Math.max(title.length, ...[...rows, total].map((row) => whole(value(row)).length)));
    return [...numbers, Math.max(4, ...costs.map(lengthOf))].reduce((sum, one) => sum + one + GAP.length, 0);
  };
  const least = nameWidths.reduce((sum, one) => sum + Math.min(one, LEAST_NAME * 2) + GAP.length, 0);
  let columns = counted;
  while (width !== null && least + widthOf(columns) > width && columns.some(({ rank }) => rank !== null)) {
    const lowest = Math.min(...columns.flatMap(({ rank }) => rank ?? []));
    columns = columns.filter(({ rank }) => rank !== lowest);
  }
  const shown = width === null ? nameWidths : narrowed(nameWidths, width - widthOf(columns));

  const lineOf = (name: readonly string[], values: readonly string[], widths: readonly number[]): string =>
    [...shown.map((size, index) => padEnd(cut(name[index] ?? "", size), size)), ...values.map((value, index) => value.padStart(widths[index] ?? 0))]
      .join(GAP)
      .trimEnd();
  const head = [...columns.map(({ title }) => title), "cost"];
  const body = rows.map((row, index) => [...columns.map(({ value }) => whole(value(row))), costs[index] ?? ""]);
  const foot = [...columns.map(({ value }) => whole(value(total))), costs.at(-1) ?? ""];
  const widths = head.map((title, index) => Math.max(title.length, ...[...body, foot].map((line) => lengthOf(line[index] ?? ""))));
  const strong = (text: string): string => (color ? `\u001b[1m${text}\u001b[22m` : text);
  const ruler = "─".repeat([...shown, ...widths].reduce((sum, one) => sum + one + GAP.length, -GAP.length));
  return [
    strong(lineOf(titles, head, widths)),
    ...rows.map((_, index) => lineOf(names[index] ?? [], body[index] ?? [], widths)),
    ruler,
    strong(lineOf(["total"], foot, widths)),
    "",
    ...notes(report, columns.length < counted.length).map((note) => (color ? `\u001b[2m${note}\u001b[22m` : note)),
    `${period[0]?.toUpperCase()}${period.slice(1)}.`,
  ].join("\n");
}

function notes({ rows, total, truncated }: UsageReport, isNarrow: boolean): readonly string[] {
  return [
    ...(truncated ? [`Only the first ${whole(rows.length)} rows; the total is of all. --limit shows more.`] : []),
    ...(isNarrow ? ["Some counts are left out: the terminal is too narrow. --json and --csv have all."] : []),
    ...(total.unpriced > 0
      ? [`≥: ${calls(total.unpriced)} used tokens whose price is not known, and ${total.unpriced === 1 ? "is" : "are"} not in the cost.`]
      : []),
    ...(total.estimated > 0 ? [`Tokens of ${calls(total.estimated)} are estimates: the answer broke off before the provider had counted.`] : []),
    ...(total.costNanos > 0 ? ["Cost in US dollars, by the prices of AIBackendPolicy, else list prices: an estimate, not a bill."] : []),
  ];
}

/** As many decimals for all as the smallest that is not 0 needs to be seen, six at most. */
function costTexts(rows: readonly PricedCounts[]): readonly string[] {
  const smallest = Math.min(...rows.flatMap(({ costNanos }) => (costNanos > 0 ? costNanos : [])));
  const decimals = smallest >= 1e7 ? 2 : smallest >= 1e5 ? 4 : 6;
  return rows.map(({ costNanos, costUsd, unpriced }) => {
    if (costUsd === null) return "unknown";
    const dollars = (costNanos / 1e9).toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    return `${unpriced > 0 ? "≥ " : ""}$${costNanos === 0 ? "0" : dollars}`;
  });
}

/** The widest name gives first, until all fit or are as short as they may be. */
function narrowed(widths: readonly number[], room: number): readonly number[] {
  const narrow = [...widths];
  const size = (): number => narrow.reduce((sum, one) => sum + one + GAP.length, 0);
  while (size() > room && narrow.some((one) => one > LEAST_NAME)) {
    const widest = narrow.indexOf(Math.max(...narrow));
    narrow[widest] = (narrow[widest] ?? 0) - 1;
  }
  return narrow;
}

function nameOf(value: string, dimension: string): string {
  if (value === "") return "-";
  if (value === "_OTHER") return "(others)";
  return dimension === "hour" ? clock(value) : value.replace(UNFIT, "?");
}

function clock(moment: string): string {
  return moment.slice(0, 16).replace("T", " ");
}

function calls(count: number): string {
  return count === 1 ? "1 call" : `${whole(count)} calls`;
}

function whole(count: number): string {
  return count.toLocaleString("en-US");
}

function lengthOf(text: string): number {
  return [...text].length;
}

function cut(text: string, size: number): string {
  return lengthOf(text) <= size ? text : `${[...text].slice(0, size - 1).join("")}…`;
}

function padEnd(text: string, size: number): string {
  return text + " ".repeat(Math.max(0, size - lengthOf(text)));
}
