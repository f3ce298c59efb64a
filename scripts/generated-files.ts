import { readFileSync } from "node:fs";
import { OWN_KINDS } from "../src/config/manifest-set.ts";
import { customResourceDefinition } from "./custom-resource-definition.ts";
import { DASHBOARDS } from "./grafana/dashboards.ts";
import { writeDashboard } from "./grafana/write-dashboard.ts";
import { manifestReference } from "./manifest-reference.ts";
import { faultTable, type Measurements, promiseTables } from "./reliability-table.ts";
import { dependenciesReference } from "./supply/dependencies-page.ts";
import { telemetryReference } from "./telemetry-reference.ts";
import { presetTable, translationMatrix } from "./translation-matrix.ts";

/** Path below the repository's root, and the text that belongs there. */
export type GeneratedFiles = ReadonlyMap<string, string>;

/** Everything that comes from the schemas in src/config/kinds and the tables in src/providers: the CRDs, the manifest reference, the matrix of translation; the page of telemetry and the dashboards, whose names and metrics are those of src/attribution; the page of dependencies, from the lockfile; what is promised under fire, with the figures of the last run, for its page and for the README. */
export function generatedFiles(): GeneratedFiles {
  const kinds = Object.values(OWN_KINDS);
  const files = new Map(kinds.map((kind) => [`infra/crds/${kind.plural}.${kind.group}.yaml`, customResourceDefinition(kind)]));
  const reference = kinds.map((kind) => manifestReference(kind, handWritten(`${kind.kind}.yaml`))).join("\n");
  files.set("docs/manifests.md", `${handWritten("guide.md").trimEnd()}\n\n${reference}`);
  files.set("docs/translation.md", `${handWritten("translation.md").trimEnd()}\n\n${presetTable()}\n${translationMatrix()}`);
  files.set("docs/telemetry.md", `${handWritten("telemetry.md").trimEnd()}\n\n${telemetryReference()}`);
  files.set("docs/dependencies.md", `${handWritten("dependencies.md").trimEnd()}\n\n${dependenciesReference()}`);
  const measurements = JSON.parse(readFileSync(new URL("../test/hostile/figures.json", import.meta.url), "utf8")) as Measurements; // `Measurements`: scripts/figures.ts alone writes that file.
  files.set("docs/reliability.md", `${handWritten("reliability.md").trimEnd()}\n\n${promiseTables(measurements)}`);
  files.set("README.md", withPart(readFileSync(new URL("../README.md", import.meta.url), "utf8"), "fault table", faultTable(measurements)));
  for (const dashboard of DASHBOARDS) files.set(`infra/otel/grafana/${dashboard.name}.json`, writeDashboard(dashboard));
  return files;
}

/** Examples and the guide are written by hand and stand in scripts/manifests. */
export function handWritten(name: string): string {
  return readFileSync(new URL(`manifests/${name}`, import.meta.url), "utf8");
}

/** What stands between the two comments of that name, in a page that is written by hand around it. Throws where they are missing. */
function withPart(page: string, name: string, text: string): string {
  const begin = `<!-- ${name}: generated -->`;
  const end = `<!-- /${name} -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`README.md has no place for the ${name}: write ${begin} and ${end}`);
  return `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`;
}
