import { html } from "htm/preact";
import type { ComponentChildren, VNode } from "preact";
import { useId, useMemo, useState } from "preact/hooks";
import { whole } from "./format.ts";
import { arrange, type ColumnModel, type Order } from "./table-model.ts";

export interface Column<Row> extends ColumnModel<Row> {
  readonly title: string;
  readonly numeric?: boolean;
  /** Left out: the value itself. */
  readonly show?: (row: Row) => ComponentChildren;
}

interface TableProps<Row> {
  readonly caption: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly keyOf: (row: Row) => string;
  readonly first: Order;
  /** Said where there are no rows at all. */
  readonly empty: string;
  /** Beside the search. */
  readonly tools?: ComponentChildren;
}

/** Rows that are in the document at the same time, whatever number there is. */
const PAGE = 50;

/** A table to be searched and sorted, a page at a time. The first column names the row. */
export function Table<Row>({ caption, rows, columns, keyOf, first, empty, tools }: TableProps<Row>): VNode {
  const id = useId();
  const [order, setOrder] = useState(first);
  const [search, setSearch] = useState("");
  const [asked, setPage] = useState(0);
  const found = useMemo(() => arrange(rows, columns, search, order), [rows, columns, search, order]);
  const last = Math.max(0, Math.ceil(found.length / PAGE) - 1);
  // Rows may have become fewer since the page was chosen.
  const page = Math.min(asked, last);
  const shown = found.slice(page * PAGE, (page + 1) * PAGE);
  const sortBy = (column: Column<Row>): void => {
    const isAgain = order.column === column.id;
    setOrder({ column: column.id, descending: isAgain ? !order.descending : column.numeric === true });
    setPage(0);
  };
  const onSearch = (event: InputEvent): void => {
    setSearch(event.currentTarget instanceof HTMLInputElement ? event.currentTarget.value : "");
    setPage(0);
  };
  const count = found.length === rows.length ? whole(rows.length) : `${whole(found.length)} of ${whole(rows.length)}`;
  return html`<div class="table">
    <div class="tools">
      <label for=${`${id}-search`}>Search <input id=${`${id}-search`} type="search" value=${search} onInput=${onSearch} autocomplete="off" /></label>
      ${tools}
      <span class="count" role="status">${count} ${rows.length === 1 ? "row" : "rows"}</span>
    </div>
    <div class="scroll" tabindex="0" role="region" aria-label=${caption}>
      <table>
        <caption>${caption}</caption>
        <thead><tr>${columns.map((column) => html`<${Heading} key=${column.id} column=${column} order=${order} sort=${() => sortBy(column)} />`)}</tr></thead>
        <tbody>
          ${shown.map((row) => html`<tr key=${keyOf(row)}>${columns.map((column, index) => html`<${Cell} key=${column.id} row=${row} column=${column} isName=${index === 0} />`)}</tr>`)}
          ${shown.length === 0 && html`<tr><td class="none" colspan=${columns.length}>${rows.length === 0 ? empty : "Nothing is like that."}</td></tr>`}
        </tbody>
      </table>
    </div>
    ${
      last > 0 &&
      html`<nav class="pages" aria-label=${`Pages of ${caption}`}>
      <button type="button" disabled=${page === 0} onClick=${() => setPage(page - 1)}>Previous</button>
      <span>${whole(page * PAGE + 1)} to ${whole(page * PAGE + shown.length)} of ${whole(found.length)}</span>
      <button type="button" disabled=${page === last} onClick=${() => setPage(page + 1)}>Next</button>
    </nav>`
    }
  </div>`;
}

function Heading<Row>({ column, order, sort }: { column: Column<Row>; order: Order; sort: () => void }): VNode {
  const isBy = order.column === column.id;
  const direction = isBy ? (order.descending ? "descending" : "ascending") : "none";
  const arrow = html`<span class="arrow" aria-hidden="true">${isBy ? (order.descending ? "↓" : "↑") : ""}</span>`;
  return html`<th scope="col" class=${column.numeric === true ? "number" : ""} aria-sort=${direction}>
    <button type="button" onClick=${sort}>${column.numeric === true ? [arrow, column.title] : [column.title, arrow]}</button>
  </th>`;
}

function Cell<Row>({ row, column, isName }: { row: Row; column: Column<Row>; isName: boolean }): VNode {
  const shown = column.show === undefined ? column.value(row) : column.show(row);
  const text = shown === null || shown === "" ? html`<span class="unknown">none</span>` : shown;
  if (isName) return html`<th scope="row">${text}</th>`;
  return html`<td class=${column.numeric === true ? "number" : ""}>${text}</td>`;
}
