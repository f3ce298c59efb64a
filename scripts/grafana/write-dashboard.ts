import { INSTRUMENTS, prometheusName } from "../../src/attribution/instruments.ts";
import type { Dashboard } from "./dashboards.ts";
import { FILTERS, type Panel } from "./panels.ts";

const DATASOURCE = { type: "prometheus", uid: "$datasource" };
const COLUMNS = 24;
const HEIGHT = { timeseries: 8, table: 9, bargauge: 8, stat: 5 } as const;
/** Of Grafana 11; newer ones bring it up to date when it is imported. */
const SCHEMA_VERSION = 39;

/** A dashboard in Grafana's JSON, to be imported or provisioned as it is. */
export function writeDashboard({ name, title, description, rows }: Dashboard): string {
  const panels: object[] = [];
  let y = 0;
  for (const row of rows) {
    panels.push({ id: panels.length + 1, type: "row", title: row.title, collapsed: false, gridPos: { x: 0, y, w: COLUMNS, h: 1 }, panels: [] });
    y += 1;
    let x = 0;
    let height = 0;
    for (const panel of row.panels) {
      if (x + panel.width > COLUMNS) {
        y += height;
        x = 0;
        height = 0;
      }
      panels.push(panelJson(panel, panels.length + 1, x, y));
      x += panel.width;
      height = Math.max(height, HEIGHT[panel.kind]);
    }
    y += height;
  }
  const dashboard = {
    uid: name,
    title,
    description,
    tags: ["spillway"],
    schemaVersion: SCHEMA_VERSION,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: "30s",
    time: { from: "now-6h", to: "now" },
    timezone: "",
    links: [{ type: "dashboards", tags: ["spillway"], title: "Spillway", asDropdown: true, keepTime: true, includeVars: true }],
    templating: { list: [datasource(), ...FILTERS.map(filter)] },
    annotations: { list: [] },
    panels,
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

function panelJson(panel: Panel, id: number, x: number, y: number): object {
  const [warn, alarm] = panel.thresholds ?? [null, null];
  const steps = [
    { color: "green", value: null },
    ...(warn === null ? [] : [{ color: "yellow", value: warn }]),
    ...(alarm === null || alarm === warn ? [] : [{ color: "red", value: alarm }]),
  ];
  const instant = panel.kind !== "timeseries";
  return {
    id,
    type: panel.kind,
    title: panel.title,
    description: panel.description,
    datasource: DATASOURCE,
    gridPos: { x, y, w: panel.width, h: HEIGHT[panel.kind] },
    targets: panel.queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: DATASOURCE,
      expr,
      legendFormat: legend === "" ? "__auto" : legend,
      range: !instant,
      instant,
      format: panel.kind === "table" ? "table" : "time_series",
    })),
    fieldConfig: {
      defaults: {
        unit: panel.unit,
        min: 0,
        thresholds: { mode: "absolute", steps },
        ...(panel.kind === "timeseries" ? { custom: timeseries(panel) } : {}),
      },
      overrides: [],
    },
    options: optionsOf(panel.kind),
    ...(panel.kind === "table"
      ? {
          transformations: [
            { id: "organize", options: { excludeByName: { Time: true }, renameByName: {} } },
            { id: "sortBy", options: { sort: [{ field: "Value", desc: true }] } },
          ],
        }
      : {}),
  };
}

function timeseries(panel: Panel): object {
  return {
    drawStyle: "line",
    lineWidth: 1,
    fillOpacity: panel.stacked === true ? 25 : 0,
    showPoints: "never",
    spanNulls: false,
    stacking: { mode: panel.stacked === true ? "normal" : "none", group: "A" },
    thresholdsStyle: { mode: panel.thresholds === undefined ? "off" : "dashed" },
  };
}

function optionsOf(kind: Panel["kind"]): object {
  const calculation = { calcs: ["lastNotNull"], fields: "", values: false };
  switch (kind) {
    case "timeseries":
      return { legend: { displayMode: "table", placement: "bottom", calcs: ["mean", "max"] }, tooltip: { mode: "multi", sort: "desc" } };
    case "stat":
      return { reduceOptions: calculation, colorMode: "value", graphMode: "none", textMode: "auto" };
    case "bargauge":
      return { reduceOptions: calculation, orientation: "horizontal", displayMode: "basic" };
    case "table":
      return { showHeader: true, cellHeight: "sm" };
  }
}

function datasource(): object {
  return { name: "datasource", label: "Data source", type: "datasource", query: "prometheus", current: {}, hide: 0 };
}

/** All values by default; the values that there are come from the counter of calls. */
function filter(name: string): object {
  const metric = prometheusName(INSTRUMENTS.requests);
  return {
    name,
    label: name,
    type: "query",
    datasource: DATASOURCE,
    query: { query: `label_values(${metric}, ${name})`, refId: name },
    definition: `label_values(${metric}, ${name})`,
    includeAll: true,
    allValue: ".*",
    multi: true,
    refresh: 2,
    sort: 1,
    current: { text: ["All"], value: ["$__all"] },
    hide: 0,
  };
}
