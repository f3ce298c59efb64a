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

/** What a reader sees before the whole table is opened. */
const GLANCE = ["F3", "F13", "F15", "F18", "F29", "F38"];

/** The fault table for the README: how many rows are kept, a few of them, and folded the whole: promise, figure of the last run, command; then what is not kept whole, with the reason, whatever its row. */
export function faultTable(measurements: Measurements): string {
  const faults = PROMISES.filter(({ row }) => row.startsWith("F"));
  const open = PROMISES.filter(({ state }) => state !== "kept");
  return [
    `Of the ${faults.length} rows of the fault table ${tally(faults)}; of all ${PROMISES.length}, threats and bars included, ${tally(PROMISES)}. A few of them:`,
    "",
    "| | promise | number | last run |",
    "|---|---|---|---|",
    ...faults
      .filter(({ row }) => GLANCE.includes(row))
      .map((one) => `| ${one.row} | ${one.promise} | ${cell(one.bar)} | ${cell(lastRun(one, measurements, 1, null))} |`),
    "",
    ...folded(`The whole fault table, ${faults.length} rows, with the command of each`, [
      "| | promise | number | last run | command |",
      "|---|---|---|---|---|",
      ...faults.map((one) => `| ${one.row} | ${one.promise} | ${cell(one.bar)} | ${cell(lastRun(one, measurements, FEW))} | ${command(one)} |`),
    ]),
    ...(open.length === 0
      ? []
      : [
          "",
          ...folded(
            `What is not kept whole yet, ${open.length} of ${PROMISES.length} rows, with the reason of each`,
            open.map((one) => `- **${one.row}** (${STATE[one.state].replaceAll("*", "")}): ${one.promise} ${one.reason ?? ""}`),
          ),
        ]),
  ]
    .join("\n")
    .trimEnd();
}

/** "34 are kept, 4 in part". */
function tally(promises: readonly HeldPromise[]): string {
  const amount = (state: HeldPromise["state"]) => promises.filter((one) => one.state === state).length;
  const others = [
    { amount: amount("partly"), words: "in part" },
    { amount: amount("not kept"), words: "not yet" },
  ].filter((one) => one.amount > 0);
  return [`${amount("kept")} are kept`, ...others.map((one) => `${one.amount} ${one.words}`)].join(", ");
}

function folded(title: string, lines: readonly string[]): readonly string[] {
  return ["<details>", `<summary>${title}</summary>`, "", ...lines, "", "</details>"];
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

/** Figures of a row, at most so many, with the page that has the others; where there is none what its test says: that it holds. */
function lastRun(one: HeldPromise, { figures }: Measurements, most = Number.POSITIVE_INFINITY, page: string | null = "docs/reliability.md"): string {
  const own = figures.filter(({ row }) => row.split(" ").includes(one.row));
  if (own.length === 0) return one.state === "not kept" ? "" : "test passes";
  const told = own.slice(0, most).map(({ what, value, unit }) => `${what}: ${value} ${unit}`);
  return [...told, ...(own.length > most && page !== null ? [`${own.length - most} more in ${page}`] : [])].join("; ");
}

function command({ command }: HeldPromise): string {
  return command === "" ? "" : `\`${cell(command)}\``;
}

/** A cell of a table ends at a bar, and `<=` would be read as a tag by some. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<=", "≤").replaceAll(">=", "≥");
}
