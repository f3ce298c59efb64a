import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { GENAI_INSTRUMENTS, GENAI_LABELS } from "../../src/attribution/genai-instruments.ts";
import { INSTRUMENTS, type Instrument, prometheusName, SERIES_LABELS } from "../../src/attribution/instruments.ts";

const root = new URL("../../infra/otel/", import.meta.url);
const text = (path: string) => readFileSync(new URL(path, root), "utf8");

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}
const groups = (parse(text("prometheus/rules.yaml")) as { readonly groups: readonly { readonly rules: readonly Rule[] }[] }).groups;
const rules = groups.flatMap((group) => group.rules);
const alerts = rules.filter((rule) => rule.alert !== undefined);

const dashboards = readdirSync(new URL("grafana/", root)).map((file) => ({
  file,
  json: JSON.parse(text(`grafana/${file}`)) as {
    readonly uid: string;
    readonly panels: readonly { readonly id: number; readonly title: string; readonly targets?: readonly { readonly expr: string }[] }[];
  },
}));
const queries = dashboards.flatMap(({ file, json }) =>
  json.panels.flatMap((panel) => (panel.targets ?? []).map(({ expr }) => [`${file}: ${panel.title}`, expr] as const)),
);
const expressions = [...rules.map((rule) => [rule.alert ?? rule.record ?? "", rule.expr] as const), ...queries];

/** Those that are told unless somebody asks for the newest names. */
const GENAI: readonly Instrument[] = Object.values(GENAI_INSTRUMENTS["1.41"]).filter((instrument) => instrument !== null);
const ALL: readonly Instrument[] = [...Object.values(INSTRUMENTS), ...GENAI];

/** Every sample name that Prometheus sees, with the labels that its points have. */
const KNOWN = new Map(
  ALL.flatMap((instrument) => {
    const name = prometheusName(instrument);
    const own = GENAI.includes(instrument) ? GENAI_LABELS.map((label) => label.replaceAll(".", "_")) : SERIES_LABELS;
    const labels = [...own, ...instrument.labels.map((label) => label.replaceAll(".", "_")), "instance"];
    return instrument.kind === "histogram"
      ? ["_bucket", "_sum", "_count"].map((suffix) => [name + suffix, suffix === "_bucket" ? [...labels, "le"] : labels] as const)
      : [[name, labels] as const];
  }),
);
const recorded = new Set(rules.flatMap((rule) => rule.record ?? []));

test("the dashboards and rules are there", () => {
  expect(dashboards.length).toBeGreaterThanOrEqual(4);
  expect(alerts.length).toBeGreaterThanOrEqual(15);
  expect(queries.length).toBeGreaterThanOrEqual(30);
});

test.each(expressions)("%s names metrics that the broker has, and their labels", (_title, expr) => {
  // Labels that are summed by look like names of metrics.
  const names = expr.replaceAll(/\b(?:by|on) \([^)]*\)/g, "").match(/\b(?:egress|http|gen_ai|mcp)_[a-z0-9_]+\b(?=[{[\s)]|$)/g) ?? [];
  const records = expr.match(/\bspillway:[a-z0-9_:]+/g) ?? [];
  expect(names.length + records.length, expr).toBeGreaterThan(0);
  for (const name of names) expect([...KNOWN.keys()], expr).toContain(name);
  for (const record of records) expect(recorded, expr).toContain(record);
  for (const [, name = "", matchers = ""] of expr.matchAll(/\b([a-z_]+)\{([^}]*)\}/g)) {
    for (const [, label] of matchers.matchAll(/([a-zA-Z_]+)\s*(?:=~|!~|!=|=)/g)) expect(KNOWN.get(name), `${name} in ${expr}`).toContain(label);
  }
});

test("every metric that the broker has is on a dashboard or in a rule", () => {
  const all = expressions.map(([, expr]) => expr).join("\n");
  const unseen = ALL.map(prometheusName).filter((name) => !all.includes(name));
  // For those who build their own.
  expect(unseen).toEqual(["egress_io_bytes_total"]);
});

test("panels of a dashboard have an id each, and dashboards a uid each that is their file's name", () => {
  for (const { file, json } of dashboards) {
    expect(`${json.uid}.json`).toBe(file);
    const ids = json.panels.map((panel) => panel.id);
    expect(new Set(ids).size).toBe(ids.length);
  }
});

test.each(alerts.map((rule) => [rule.alert ?? "", rule] as const))(
  "%s says how grave it is, what it means, and where docs/operating.md says what to do",
  (name, rule) => {
    expect(["critical", "warning", "info"]).toContain(rule.labels?.["severity"]);
    expect(rule.annotations?.["summary"]).toBeTruthy();
    expect(rule.annotations?.["description"]).toBeTruthy();
    expect(rule.annotations?.["runbook_url"]).toBe(`docs/operating.md#${name.toLowerCase()}`);
    expect(readFileSync(new URL("../../docs/operating.md", root), "utf8").split("\n")).toContain(`### ${name}`);
  },
);

test("docs/operating.md has no alert that there is none of", () => {
  const page = readFileSync(new URL("../../docs/operating.md", root), "utf8");
  const headings = [...page.matchAll(/^### (\w+)$/gm)].map(([, name]) => name);
  expect(headings.sort()).toEqual(alerts.map((rule) => rule.alert).sort());
});

test("the collector uses what it defines, and defines nothing that it does not use", () => {
  const collector = parse(text("collector.yaml")) as Record<"receivers" | "processors" | "exporters" | "extensions", Record<string, unknown>> & {
    readonly service: { readonly extensions: readonly string[]; readonly pipelines: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> };
  };
  const used = Object.values(collector.service.pipelines);
  for (const part of ["receivers", "processors", "exporters"] as const) {
    expect(new Set(used.flatMap((pipeline) => pipeline[part] ?? []))).toEqual(new Set(Object.keys(collector[part])));
  }
  expect(collector.service.extensions).toEqual(Object.keys(collector.extensions));
  for (const pipeline of used) expect(pipeline["processors"]?.[0]).toBe("memory_limiter");
});
