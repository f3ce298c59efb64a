import type { OwnKind } from "../src/config/kinds/kind-definition.ts";
import { type JsonSchema, specSchema } from "./spec-schema.ts";

/** The section of docs/manifests.md about one kind: what it is for, an example, every field. */
export function manifestReference(kind: OwnKind, example: string): string {
  const attaches = kind.policy === null ? "" : ` A ${kind.policy.toLowerCase()} policy (GEP-713).`;
  return [
    `### ${kind.kind}`,
    "",
    `${kind.description}${attaches} Short name: \`${kind.shortName}\`.`,
    "",
    "```yaml",
    example.trim(),
    "```",
    "",
    "| field | type | default | meaning |",
    "|---|---|---|---|",
    ...rows(specSchema(kind), "spec"),
    "",
  ].join("\n");
}

function rows(schema: JsonSchema, path: string): string[] {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const here = `${path}.${name}`;
    const presence = property.default !== undefined ? scalar(property.default) : required.has(name) ? "required" : "";
    const row = `| \`${here.slice("spec.".length)}\` | ${typeOf(property)} | ${presence} | ${cell(property.description ?? "")} |`;
    return [row, ...children(property, here)];
  });
}

function children(schema: JsonSchema, path: string): string[] {
  if (schema.type === "array" && schema.items !== undefined) return children(schema.items, `${path}[]`);
  return schema.type === "object" ? rows(schema, path) : [];
}

function typeOf(schema: JsonSchema): string {
  if (schema["x-kubernetes-int-or-string"] === true) return "integer or string";
  if (schema["x-kubernetes-preserve-unknown-fields"] === true) return "string or object";
  if (schema.type === "array") return `list of ${schema.items === undefined ? "anything" : typeOf(schema.items)}`;
  if (schema.type === "object" && schema.additionalProperties !== undefined) return `map of ${typeOf(schema.additionalProperties)}`;
  return schema.type ?? "any";
}

/** Only simple defaults are shown; that of a whole object is the sum of its members'. */
function scalar(value: unknown): string {
  return typeof value === "object" ? "" : `\`${value === "" ? '""' : String(value)}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
