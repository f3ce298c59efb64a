import { html } from "htm/preact";
import type { VNode } from "preact";
import type { LimitStanding, UntouchedLimit } from "../src/ledger/limit-standings.ts";
import { money, percent, span, whole } from "./format.ts";
import { Bar, Mark, Tile } from "./parts.ts";
import type { Limits } from "./shapes.ts";
import { type Column, Table } from "./table.ts";

/** Every account of every limit: used, held, left, and when it begins anew. */
export function LimitsView({ limits: { limits, untouched, truncated } }: { limits: Limits }): VNode {
  const over = limits.filter((limit) => shareOf(limit) >= 1).length;
  const near = limits.filter((limit) => shareOf(limit) >= 0.8).length - over;
  return html`
    ${truncated && html`<p class="fault">There are more accounts than are shown.</p>`}
    <dl class="tiles">
      <${Tile} name="Accounts" value=${whole(limits.length)} note="that count now" />
      <${Tile} name="Used up" value=${whole(over)} note="calls are refused, moved on, or only told" tone=${over > 0 ? "bad" : null} />
      <${Tile} name="Nearly used up" value=${whole(near)} note="four fifths or more" />
    </dl>
    <${Table} caption="Limits and what is left, the fullest first" rows=${limits} columns=${COLUMNS} keyOf=${keyOf} first=${{ column: "share", descending: true }} empty="No limit has counted anything yet." />
    ${untouched.length > 0 && html`<h2>All is left of these</h2><${Table} caption="Limits of which all is left" rows=${untouched} columns=${UNTOUCHED} keyOf=${({ gateway, limit }: UntouchedLimit) => `${gateway} ${limit}`} first=${{ column: "limit", descending: false }} empty="" />`}
    <p class="hint">Held is what calls under way may still need, and what instances keep ready for the next ones.</p>
  `;
}

function keyOf({ gateway, limit, of }: LimitStanding): string {
  return `${gateway} ${limit} ${JSON.stringify(of)}`;
}

/** What counts. Calls under way are held, and of concurrency nothing else is used. */
function usedOf({ unit, used, held }: LimitStanding): number {
  return unit === "concurrency" ? held : used;
}

/** How full it is. */
function shareOf(limit: LimitStanding): number {
  return limit.max === 0 ? 1 : usedOf(limit) / limit.max;
}

const ACTIONS = { reject: "refuses", nextTier: "moves calls on", shadow: "only tells" } as const;

const UNTOUCHED: readonly Column<UntouchedLimit>[] = [
  {
    id: "limit",
    title: "Limit",
    value: ({ limit }) => limit,
    show: ({ limit, unit, onExceeded }) =>
      html`${limit.split("/").at(-1)}<small>${unit}; ${ACTIONS[onExceeded]}</small><small>${limit.split("/").slice(0, -1).join("/")}</small>`,
  },
  {
    id: "per",
    title: "For each",
    value: ({ per }) => per.join(", "),
    show: ({ per }) => (per.length === 0 ? html`<span class="unknown">all calls</span>` : per.join(", ")),
  },
  { id: "max", title: "Allowed", numeric: true, value: ({ max }) => max, show: (limit) => amount(limit.max, limit) },
];

const COLUMNS: readonly Column<LimitStanding>[] = [
  {
    id: "limit",
    title: "Limit",
    value: ({ limit }) => limit,
    show: ({ limit, unit, onExceeded }) =>
      html`${limit.split("/").at(-1)}<small>${unit}; ${ACTIONS[onExceeded]}</small><small>${limit.split("/").slice(0, -1).join("/")}</small>`,
  },
  { id: "of", title: "Of", value: ({ of }) => ofText(of), show: ({ of }) => ofText(of) ?? html`<span class="unknown">all calls</span>` },
  {
    id: "share",
    title: "Used",
    numeric: true,
    value: shareOf,
    show: (limit) => {
      const { unit, max } = limit;
      const used = usedOf(limit);
      const held = unit === "concurrency" ? 0 : limit.held;
      const mark = shareOf(limit) >= 1 ? html`<${Mark} tone="bad">used up</${Mark}> ` : null;
      return html`<${Bar} used=${used} held=${held} limit=${max} />${mark}${amount(used, limit)} <small>${percent(used, max)}</small>`;
    },
  },
  { id: "held", title: "Held", numeric: true, value: ({ held }) => held, show: (limit) => amount(limit.held, limit) },
  { id: "left", title: "Left", numeric: true, value: ({ left }) => left, show: (limit) => amount(limit.left, limit) },
  { id: "max", title: "Allowed", numeric: true, value: ({ max }) => max, show: (limit) => amount(limit.max, limit) },
  { id: "reset", title: "Begins anew", numeric: true, value: ({ resetsAt }) => resetsAt, show: resetText },
];

function ofText(of: LimitStanding["of"]): string | null {
  const named = Object.entries(of).map(([name, value]) => `${name} ${value === "" ? "(none)" : value}`);
  return named.length === 0 ? null : named.join(", ");
}

function amount(value: number, { unit, currency }: Pick<LimitStanding, "unit" | "currency">): string {
  return unit === "cost" ? money(value, currency ?? "USD") : whole(value);
}

function resetText({ resetsAt, slidingMs }: LimitStanding): string | null {
  if (resetsAt !== null) return `in ${span(resetsAt - Date.now())}`;
  return slidingMs === null ? "as calls end" : `over ${span(slidingMs)}`;
}
