import { prometheusName } from "./instruments.ts";
import type { MetricFamily, MetricPoint } from "./metrics.ts";

/** Writes Prometheus text format 0.0.4: families in order, each with HELP and TYPE once. */
export function prometheusText(families: readonly MetricFamily[]): string {
  const lines: string[] = [];
  for (const { instrument, points } of families) {
    const name = prometheusName(instrument);
    const type = instrument.kind === "upDownCounter" ? "gauge" : instrument.kind;
    lines.push(`# HELP ${name} ${escapeHelp(instrument.help)}`, `# TYPE ${name} ${type}`);
    for (const point of points) {
      if (instrument.kind === "histogram") writeHistogram(lines, name, instrument.bounds, point);
      else lines.push(`${name}${labelText(point.labels)} ${point.value}`);
    }
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

function writeHistogram(lines: string[], name: string, bounds: readonly number[], point: MetricPoint): void {
  let below = 0;
  for (const [index, bound] of bounds.entries()) {
    below += point.buckets[index] ?? 0;
    lines.push(`${name}_bucket${labelText([...point.labels, ["le", String(bound)]])} ${below}`);
  }
  lines.push(`${name}_bucket${labelText([...point.labels, ["le", "+Inf"]])} ${point.count}`);
  lines.push(`${name}_sum${labelText(point.labels)} ${point.value}`);
  lines.push(`${name}_count${labelText(point.labels)} ${point.count}`);
}

function labelText(labels: MetricPoint["labels"]): string {
  if (labels.length === 0) return "";
  return `{${labels.map(([name, value]) => `${name.replaceAll(".", "_")}="${escapeLabel(value)}"`).join(",")}}`;
}

/** Backslash, quote and line feed are all that the format escapes; other values come from tokens and may hold anything. */
function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
