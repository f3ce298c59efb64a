import { appendFileSync } from "node:fs";

/** One measurement, as the table of promises shows it. */
export interface Figure {
  /** `F15`: the row of the table; several where one measurement serves several. */
  readonly row: string;
  /** What was measured: "hang-up to destination closed, p99". */
  readonly what: string;
  readonly value: number;
  /** `ms`, `KiB`, `%`, `of 22`, ... */
  readonly unit: string;
  /** What it has to be: "<= 50 ms". */
  readonly bar: string;
}

/** Keeps a figure for the table, where SPILLWAY_FIGURES names the file of this run (`npm run figures`); else does nothing. Lines of JSON, appended whole, so that test files in parallel do not disturb each other. */
export function recordFigure(figure: Figure): void {
  const file = process.env["SPILLWAY_FIGURES"];
  if (file !== undefined && file !== "") appendFileSync(file, `${JSON.stringify(figure)}\n`);
}
