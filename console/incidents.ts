import { html } from "htm/preact";
import type { VNode } from "preact";
import { whole } from "./format.ts";
import { Mark, Moment, Tile } from "./parts.ts";
import type { Incident, Incidents } from "./shapes.ts";
import { type Column, Table } from "./table.ts";

/** Calls that were refused or moved on, the newest first. */
export function IncidentsView({ incidents: { incidents } }: { incidents: Incidents }): VNode {
  const denied = incidents.filter(({ kind }) => kind === "denied").length;
  return html`
    <dl class="tiles">
      <${Tile} name="Denied" value=${whole(denied)} note="among those kept" tone=${denied > 0 ? "bad" : null} />
      <${Tile} name="Failed over" value=${whole(incidents.length - denied)} note="served by another destination" />
    </dl>
    <${Table} caption="Recent denials and failovers" rows=${incidents} columns=${COLUMNS} keyOf=${keyOf} first=${{ column: "time", descending: true }} empty="Nothing has happened." />
  `;
}

function keyOf({ time, id, kind, backend, reason }: Incident): string {
  return `${time} ${id} ${kind} ${backend} ${reason}`;
}

const COLUMNS: readonly Column<Incident>[] = [
  { id: "time", title: "Time", value: ({ time }) => new Date(time).toISOString(), show: ({ time }) => html`<${Moment} at=${time} />` },
  {
    id: "kind",
    title: "What",
    value: ({ kind }) => kind,
    show: ({ kind }) => html`<${Mark} tone=${kind === "denied" ? "bad" : "warn"}>${kind === "denied" ? "denied" : "failed over"}</${Mark}>`,
  },
  {
    id: "reason",
    title: "Why",
    value: ({ reason, detail }) => `${reason} ${detail}`,
    show: ({ reason, detail }) => html`<code>${reason}</code>${detail !== "" && html`<small>${detail}</small>`}`,
  },
  {
    id: "caller",
    title: "Caller",
    value: ({ namespace, serviceAccount }) => `${namespace}/${serviceAccount}`,
    show: ({ namespace, serviceAccount }) => html`${namespace}${serviceAccount !== "" && html`<small>${serviceAccount}</small>`}`,
  },
  { id: "model", title: "Model", value: ({ model }) => model || null },
  {
    id: "backend",
    title: "Backend and route",
    value: ({ backend, route }) => `${backend} ${route}`,
    show: ({ backend, route }) =>
      html`${backend === "" ? html`<span class="unknown">none reached</span>` : backend.replace(/^XBackend\//, "")}<small>${route}</small>`,
  },
  { id: "id", title: "Request id", value: ({ id }) => id, show: ({ id }) => html`<code class="id">${id}</code>` },
];
