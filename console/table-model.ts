/** One column of a table, as far as sorting and searching go. */
export interface ColumnModel<Row> {
  readonly id: string;
  /** What rows are sorted by; null: unknown, which stands last either way. */
  value(row: Row): string | number | null;
}

export interface Order {
  readonly column: string;
  readonly descending: boolean;
}

/** Rows of which some text column holds every word that is searched for, in the order that is asked for; what is equal keeps its order. */
export function arrange<Row>(rows: readonly Row[], columns: readonly ColumnModel<Row>[], search: string, order: Order): readonly Row[] {
  const words = search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  const found = words.length === 0 ? [...rows] : rows.filter((row) => holds(row, columns, words));
  const column = columns.find(({ id }) => id === order.column);
  if (column === undefined) return found;
  // Each value once, not at every comparison.
  const keyed = found.map((row) => ({ row, value: column.value(row) }));
  keyed.sort((one, other) => compare(one.value, other.value, order.descending));
  return keyed.map(({ row }) => row);
}

function holds<Row>(row: Row, columns: readonly ColumnModel<Row>[], words: readonly string[]): boolean {
  const texts = columns.map((column) => column.value(row)).filter((value) => typeof value === "string");
  const text = texts.join("\n").toLowerCase();
  return words.every((word) => text.includes(word));
}

function compare(one: string | number | null, other: string | number | null, descending: boolean): number {
  if (one === null || other === null) return Number(one === null) - Number(other === null);
  const sign = descending ? -1 : 1;
  if (typeof one === "number" && typeof other === "number") return sign * (one - other);
  return sign * COLLATOR.compare(`${one}`, `${other}`);
}

const COLLATOR = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
