import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arrange, type ColumnModel } from "../../../console/table-model.ts";

interface Row {
  readonly name: string;
  readonly cost: number | null;
}

const COLUMNS: readonly ColumnModel<Row>[] = [
  { id: "name", value: ({ name }) => name },
  { id: "cost", value: ({ cost }) => cost },
];
const ROWS: readonly Row[] = [
  { name: "team-10", cost: 5 },
  { name: "team-2", cost: null },
  { name: "Team-1", cost: 0 },
  { name: "other", cost: 12 },
];
const names = (rows: readonly Row[]) => rows.map(({ name }) => name);

describe("rows of a table", () => {
  it("are sorted by numbers in names as people count", () => {
    expect(names(arrange(ROWS, COLUMNS, "", { column: "name", descending: false }))).toEqual(["other", "Team-1", "team-2", "team-10"]);
    expect(names(arrange(ROWS, COLUMNS, "", { column: "name", descending: true }))).toEqual(["team-10", "team-2", "Team-1", "other"]);
  });

  it("with an unknown value stand last either way: unknown is not 0", () => {
    expect(names(arrange(ROWS, COLUMNS, "", { column: "cost", descending: false }))).toEqual(["Team-1", "team-10", "other", "team-2"]);
    expect(names(arrange(ROWS, COLUMNS, "", { column: "cost", descending: true }))).toEqual(["other", "team-10", "Team-1", "team-2"]);
  });

  it("are found by every word, in any case and order", () => {
    expect(names(arrange(ROWS, COLUMNS, "TEAM 1", { column: "name", descending: false }))).toEqual(["Team-1", "team-10"]);
    expect(names(arrange(ROWS, COLUMNS, "  ", { column: "name", descending: false }))).toHaveLength(4);
    expect(arrange(ROWS, COLUMNS, "nothing", { column: "name", descending: false })).toEqual([]);
  });

  it("are neither lost nor doubled by sorting, and keep their order where they are equal", () => {
    const rows = fc.array(fc.record({ name: fc.string(), cost: fc.option(fc.integer(), { nil: null }) }));
    fc.assert(
      fc.property(rows, fc.constantFrom("name", "cost", "none"), fc.boolean(), (given, column, descending) => {
        const sorted = arrange(given, COLUMNS, "", { column, descending });
        expect(new Set(sorted)).toEqual(new Set(given));
        expect(sorted).toHaveLength(given.length);
        const places = new Map(given.map((row, index) => [row, index]));
        for (const [index, row] of sorted.entries()) {
          const next = sorted[index + 1];
          if (next !== undefined && row.name === next.name && row.cost === next.cost) expect(places.get(row)).toBeLessThan(places.get(next) ?? 0);
        }
      }),
    );
  });
});
