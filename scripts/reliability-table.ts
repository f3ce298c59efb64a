import type { Figure } from "../test/hostile/figure.ts";
import { type HeldPromise, PROMISES } from "../test/hostile/promises.ts";

/** A figure and the day on which it was measured, `2026-11-23`. */
export interface MeasuredFigure extends Figure {
  readonly date: string;
}

/** What test/hostile/figures.json holds. */
export interface Measurements {
  /** Where: "2 cores, Node 24.21.0". */
  readonly machine: string;
  readonly figures: readonly MeasuredFigure[];
}

/** The README shows as many figures of a row. */
const FEW = 3;
const STATE = { kept: "kept", partly: "in part", "not kept": "**not yet**" } as const;

/** The fault table for the README: promise, figure of the last run, command; then what is not kept whole, with the reason, whatever its row. */
export function faultTable(measurements: Measurements): string {
  const faults = PROMISES.filter(({ row }) => row.startsWith("F"));
  const open = PROMISES.filter(({ state }) => state !== "kept");
  return [
    "| | promise | number | last run | command |",
    "|---|---|---|---|---|",
    ...faults.map((one) => `| ${one.row} | ${one.promise} | ${cell(one.bar)} | ${cell(lastRun(one, measurements, FEW))} | ${command(one)} |`),
    "",
    open.length === 0 ? "All rows, threats and bars included, are kept." : `Not kept whole, of the ${PROMISES.length} rows of faults, threats and bars:`,
    "",
    ...open.map((one) => `- **${one.row}** (${STATE[one.state].replaceAll("*", "")}): ${one.promise} ${one.reason ?? ""}`),
  ]
    .join("\n")
    .trimEnd();
}

/** All rows, for docs/reliability.md. */
export function promiseTables(measurements: Measurements): string {
  const { machine } = measurements;
  return [
    "## The fault table",
    "",
    `Figures are of the last \`npm run figures\`${machine === "" ? "" : ` (${machine})`}.`,
    "",
    promiseTable("F", measurements),
    "",
    "## The threats",
    "",
    promiseTable("T", measurements),
    "",
    "## The bars",
    "",
    promiseTable("B", measurements),
    "",
  ].join("\n");
}

function promiseTable(letter: "T" | "F" | "B", measurements: Measurements): string {
  return [
    "| | promise | number | state | last run | command |",
    "|---|---|---|---|---|---|",
    ...PROMISES.filter(({ row }) => row.startsWith(letter)).map(
      (one) => `| ${one.row} | ${one.promise} | ${cell(one.bar)} | ${state(one)} | ${cell(lastRun(one, measurements))} | ${command(one)} |`,
    ),
  ].join("\n");
}

function state({ state, reason }: HeldPromise): string {
  return reason === null ? STATE[state] : `${STATE[state]}: ${cell(reason)}`;
}

/** Figures of a row, and where there is none what its test says: that it holds. */
function lastRun(one: HeldPromise, { figures }: Measurements, most = Number.POSITIVE_INFINITY): string {
  const own = figures.filter(({ row }) => row.split(" ").includes(one.row));
  if (own.length === 0) return one.state === "not kept" ? "" : "test passes";
  const told = own.slice(0, most).map(({ what, value, unit }) => `${what}: ${value} ${unit}`);
  return [...told, ...(own.length > most ? [`${own.length - most} more in docs/reliability.md`] : [])].join("; ");
}

function command({ command }: HeldPromise): string {
  return command === "" ? "" : `\`${cell(command)}\``;
}

/** A cell of a table ends at a bar, and `<=` would be read as a tag by some. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<=", "≤").replaceAll(">=", "≥");
}
