import { readFileSync } from "node:fs";
import { OWN_KINDS } from "../src/config/manifest-set.ts";
import { customResourceDefinition } from "./custom-resource-definition.ts";
import { DASHBOARDS } from "./grafana/dashboards.ts";
import { writeDashboard } from "./grafana/write-dashboard.ts";
import { manifestReference } from "./manifest-reference.ts";
import { dependenciesReference } from "./supply/dependencies-page.ts";
import { telemetryReference } from "./telemetry-reference.ts";
import { presetTable, translationMatrix } from "./translation-matrix.ts";

/** Path below the repository's root, and the text that belongs there. */
export type GeneratedFiles = ReadonlyMap<string, string>;

/** Everything that comes from the schemas in src/config/kinds and the tables in src/providers: the CRDs, the manifest reference, the matrix of translation; the page of telemetry and the dashboards, whose names and metrics are those of src/attribution; the page of dependencies, from the lockfile. */
export function generatedFiles(): GeneratedFiles {
  const kinds = Object.values(OWN_KINDS);
  const files = new Map(kinds.map((kind) => [`infra/crds/${kind.plural}.${kind.group}.yaml`, customResourceDefinition(kind)]));
  const reference = kinds.map((kind) => manifestReference(kind, handWritten(`${kind.kind}.yaml`))).join("\n");
  files.set("docs/manifests.md", `${handWritten("guide.md").trimEnd()}\n\n${reference}`);
  files.set("docs/translation.md", `${handWritten("translation.md").trimEnd()}\n\n${presetTable()}\n${translationMatrix()}`);
  files.set("docs/telemetry.md", `${handWritten("telemetry.md").trimEnd()}\n\n${telemetryReference()}`);
  files.set("docs/dependencies.md", `${handWritten("dependencies.md").trimEnd()}\n\n${dependenciesReference()}`);
  for (const dashboard of DASHBOARDS) files.set(`infra/otel/grafana/${dashboard.name}.json`, writeDashboard(dashboard));
  return files;
}

/** Examples and the guide are written by hand and stand in scripts/manifests. */
export function handWritten(name: string): string {
  return readFileSync(new URL(`manifests/${name}`, import.meta.url), "utf8");
}
