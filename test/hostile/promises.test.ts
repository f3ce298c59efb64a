import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { PROMISES } from "./promises.ts";

const tests = resolve(import.meta.dirname, "..");
/** Titles of tests; a template's placeholders do not matter, since numbers stand outside of them. */
const TITLE = /\b(?:it|test|describe)(?:\.(?:each|concurrent|skipIf|runIf|sequential|for))*(?:\([^"'`]*?\))?\(\s*(["'`])((?:(?!\1)[^\\]|\\.)*)\1/gs;
/** `it.each([...])("title"`, whose table may hold anything. */
const TITLE_AFTER_TABLE = /[\])]\)\(\s*(["'`])((?:(?!\1)[^\\]|\\.)*)\1/gs;

const numbered = rowsInTitles();

it("names every row once", () => {
  const rows = PROMISES.map((one) => one.row);
  expect(new Set(rows).size).toBe(rows.length);
  for (const [letter, last] of [
    ["T", 30],
    ["F", 38],
    ["B", 22],
  ] as const) {
    expect(rows.filter((row) => row.startsWith(letter))).toEqual(Array.from({ length: last }, (_, index) => `${letter}${index + 1}`));
  }
});

it.each(PROMISES.filter((one) => one.state !== "not kept"))(
  "$row, held or partly held, has a test with its number in the title, and a command",
  ({ row, command }) => {
    expect(numbered.has(row), `no test's title holds ${row}`).toBe(true);
    expect(command).not.toBe("");
  },
);

it.each(PROMISES.filter((one) => one.state !== "kept"))("$row says why it is not held whole", ({ reason }) => {
  expect(reason).toBeTruthy();
});

it("gives no reason where a promise is kept", () => {
  expect(PROMISES.filter((one) => one.state === "kept" && one.reason !== null)).toEqual([]);
});

function rowsInTitles(): ReadonlySet<string> {
  const rows = new Set<string>();
  for (const file of readdirSync(tests, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".test.ts") || file.endsWith("promises.test.ts")) continue;
    const text = readFileSync(join(tests, file), "utf8");
    for (const [, , title = ""] of [...text.matchAll(TITLE), ...text.matchAll(TITLE_AFTER_TABLE)]) {
      for (const [row] of title.matchAll(/\b[TFB]\d{1,2}\b/g)) rows.add(row);
    }
  }
  return rows;
}
