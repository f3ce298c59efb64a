import { html } from "htm/preact";
import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import type { UsageCounts } from "../src/model/usage-store.ts";
import { Chart, type Series } from "./chart.ts";
import { clockTime, cost, money, percent, short, whole } from "./format.ts";
import { Shown, Tile } from "./parts.ts";
import { linkTo } from "./route.ts";
import { DIMENSIONS, type Dimension, type Usage, type UsageRow } from "./shapes.ts";
import { type Column, Table } from "./table.ts";
import { fragmentOf, MEASURES, RANGES, readUsageQuery, timesOf, type UsageQuery, usagePath } from "./usage-query.ts";
import { useData } from "./use-data.ts";

/** Who used what: over time, and by whatever is asked. */
export function UsageView({ query, paused, turn }: { query: URLSearchParams; paused: boolean; turn: number }): VNode {
  const asked = readUsageQuery(query);
  const path = usagePath(asked, asked.by, Date.now());
  const rows = useData<Usage>(path, paused, turn);
  const course = useData<Usage>(usagePath(asked, [asked.range.interval], Date.now()), paused, turn);
  return html`
    <${Choices} asked=${asked} />
    <${Shown} reading=${course} show=${(usage: Usage) => html`<${Totals} usage=${usage} /><${Course} usage=${usage} asked=${asked} />`} />
    <${Shown} reading=${rows} show=${(usage: Usage) => html`<${Rows} usage=${usage} asked=${asked} path=${path} />`} />
  `;
}

function Choices({ asked }: { asked: UsageQuery }): VNode {
  const link = (change: Partial<UsageQuery>): string => linkTo("usage", fragmentOf({ ...asked, ...change }));
  const toggle = (id: Dimension): void => {
    const by = asked.by.includes(id) ? asked.by.filter((one) => one !== id) : [...asked.by, id];
    location.hash = link({ by: by.length === 0 ? ["namespace"] : by });
  };
  return html`<div class="choices">
    <nav class="choice" aria-label="Time">${RANGES.map((range) => html`<a href=${link({ range })} aria-current=${range.id === asked.range.id ? "true" : null}>${range.title}</a>`)}</nav>
    <nav class="choice" aria-label="Chart">${MEASURES.map(({ id, title }) => html`<a href=${link({ measure: id })} aria-current=${id === asked.measure ? "true" : null}>${title}</a>`)}</nav>
    <fieldset><legend>By</legend>${DIMENSIONS.map(({ id, title }) => html`<label><input type="checkbox" checked=${asked.by.includes(id)} onChange=${() => toggle(id)} /> ${title}</label>`)}</fieldset>
    ${(["namespace", "model"] as const).map((name) => asked[name] !== null && html`<a class="chip" href=${link({ [name]: null })}>${name} ${asked[name]} <span aria-hidden="true">×</span><span class="hidden">, show all</span></a>`)}
  </div>`;
}

function Totals({ usage: { total } }: { usage: Usage }): VNode {
  return html`<dl class="tiles">
    <${Tile} name="Requests" value=${short(total.requests)} note=${`${whole(total.limited)} refused by limits`} />
    <${Tile} name="Input tokens" value=${short(total.inputTokens)} note=${`${short(total.cacheReadTokens)} from a cache`} />
    <${Tile} name="Output tokens" value=${short(total.outputTokens)} note=${`${short(total.reasoningTokens)} of reasoning`} />
    <${Tile} name="Cost" value=${cost(total.costNanos, total.unpriced)} note=${total.unpriced === 0 ? "every call is priced" : `${whole(total.unpriced)} calls without a known price`} />
    <${Tile} name="Errors" value=${short(total.errors)} note=${percent(total.errors, total.requests)} tone=${total.errors > 0 ? "bad" : null} />
  </dl>`;
}

function Course({ usage, asked }: { usage: Usage; asked: UsageQuery }): VNode {
  const times = timesOf(asked, Date.now());
  const byTime = new Map(usage.rows.map((row) => [Date.parse(row.hour ?? row.day ?? ""), row]));
  const valuesOf = (count: (row: UsageCounts) => number): readonly number[] =>
    times.map((time) => {
      const row = byTime.get(time);
      return row === undefined ? 0 : count(row);
    });
  const series = seriesOf(asked.measure, valuesOf);
  const format = asked.measure === "cost" ? (value: number) => money(value * 1e9) : short;
  const title = MEASURES.find(({ id }) => id === asked.measure)?.title ?? "";
  const sums = series.map(({ name, values }) => `${name} ${format(values.reduce((sum, value) => sum + value, 0))}`).join(", ");
  const label = `${title} by ${asked.range.interval} (UTC), ${asked.range.title}: ${sums}.`;
  const isByHour = asked.range.interval === "hour";
  const stamp = (time: number): string => (isByHour ? `${clockTime(time, true)} ${clockTime(time, false)}` : clockTime(time, true));
  return html`<section aria-label=${title}>
    <${Chart} label=${label} times=${times} series=${series} format=${format} />
    <details><summary>The chart in numbers</summary><div class="scroll short" tabindex="0" role="region" aria-label="The chart in numbers"><table>
      <caption>${title} by ${asked.range.interval}</caption>
      <thead><tr><th scope="col">${isByHour ? "Hour (UTC)" : "Day (UTC)"}</th>${series.map(({ name }) => html`<th scope="col" class="number">${name}</th>`)}</tr></thead>
      <tbody>${times.map((time, at) => byTime.has(time) && html`<tr><th scope="row">${stamp(time)}</th>${series.map(({ values }) => html`<td class="number">${asked.measure === "cost" ? format(values[at] ?? 0) : whole(values[at] ?? 0)}</td>`)}</tr>`)}</tbody>
    </table></div></details>
  </section>`;
}

function seriesOf(measure: UsageQuery["measure"], valuesOf: (count: (row: UsageCounts) => number) => readonly number[]): readonly Series[] {
  if (measure === "tokens")
    return [
      { name: "Input", color: "first", values: valuesOf(({ inputTokens }) => inputTokens) },
      { name: "Output", color: "second", values: valuesOf(({ outputTokens }) => outputTokens) },
    ];
  if (measure === "cost")
    return [{ name: "Cost in US dollars, as far as prices are known", color: "first", values: valuesOf(({ costNanos }) => costNanos / 1e9) }];
  return [
    { name: "Answered", color: "first", values: valuesOf(({ requests, errors }) => requests - errors) },
    { name: "Errors", color: "wrong", values: valuesOf(({ errors }) => errors) },
  ];
}

function Rows({ usage, asked, path }: { usage: Usage; asked: UsageQuery; path: string }): VNode {
  const key = asked.by.join();
  const columns = useMemo(
    () => [...asked.by.map((id) => nameColumn(id, asked)), ...COUNTS],
    [key, asked.range.id, asked.measure, asked.namespace, asked.model],
  );
  const tools = html`<a class="download" href=${`${path}&format=csv`} download="usage.csv">Download CSV</a>`;
  const keyOf = (row: UsageRow): string => asked.by.map((id) => row[id] ?? "").join("\n");
  return html`
    ${usage.truncated && html`<p class="fault">There are more rows than are shown; the sums above hold all of them.</p>`}
    <${Table} key=${key} caption=${`Usage by ${key.replaceAll(",", ", ")}`} rows=${usage.rows} columns=${columns} keyOf=${keyOf} first=${{ column: "requests", descending: true }} empty="Nothing was used in this time." tools=${tools} />`;
}

function nameColumn(id: Dimension, asked: UsageQuery): Column<UsageRow> {
  const title = DIMENSIONS.find((one) => one.id === id)?.title ?? id;
  const value = (row: UsageRow): string | null => row[id] || null;
  if (id !== "namespace" && id !== "model") return { id, title, value, show: (row) => value(row)?.replace(/^XBackend\//, "") ?? null };
  const others = DIMENSIONS.map((one) => one.id).filter((one) => one !== id && one !== "region" && one !== "serviceAccount");
  const linked = (name: string): string =>
    linkTo("usage", fragmentOf({ ...asked, [id]: name, by: asked.by.length > 1 ? asked.by.filter((one) => one !== id) : others }));
  return {
    id,
    title,
    value,
    show: (row) => {
      const name = value(row);
      return name === null ? null : html`<a href=${linked(name)}>${name}</a>`;
    },
  };
}

const COUNTS: readonly Column<UsageRow>[] = [
  { id: "requests", title: "Requests", numeric: true, value: ({ requests }) => requests, show: ({ requests }) => whole(requests) },
  {
    id: "errors",
    title: "Errors",
    numeric: true,
    value: ({ errors }) => errors,
    show: ({ errors, requests }) => html`${whole(errors)}${errors > 0 && html`<small>${percent(errors, requests)}</small>`}`,
  },
  {
    id: "input",
    title: "Input tokens",
    numeric: true,
    value: ({ inputTokens }) => inputTokens,
    show: ({ inputTokens, cacheReadTokens }) => html`${whole(inputTokens)}${cacheReadTokens > 0 && html`<small>${whole(cacheReadTokens)} cached</small>`}`,
  },
  {
    id: "output",
    title: "Output tokens",
    numeric: true,
    value: ({ outputTokens }) => outputTokens,
    show: ({ outputTokens, estimated }) => html`${whole(outputTokens)}${estimated > 0 && html`<small>${whole(estimated)} calls estimated</small>`}`,
  },
  {
    id: "cost",
    title: "Cost",
    numeric: true,
    // Unknown is no number, and so stands last.
    value: ({ costNanos, unpriced }) => (costNanos === 0 && unpriced > 0 ? null : costNanos),
    show: ({ costNanos, unpriced }) => html`${cost(costNanos, unpriced)}${unpriced > 0 && html`<small>${whole(unpriced)} calls unpriced</small>`}`,
  },
];
