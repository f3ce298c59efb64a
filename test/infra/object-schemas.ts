import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv, type ValidateFunction } from "ajv";
import { at, type ClusterObject, entriesAt, listAt, parseObjects, textAt } from "./objects.ts";

/** The definitions of Gateway API and Knative, out of the folder that `SPILLWAY_CRDS` names; none where it names none. */
export function publishedDefinitions(): readonly ClusterObject[] {
  const folder = process.env["SPILLWAY_CRDS"] ?? "";
  if (folder === "" || !existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith(".yaml"));
  return names.flatMap((name) => parseObjects(readFileSync(join(folder, name), "utf8"), name));
}

type Schema = Record<string, unknown>;

/** Finds what is wrong with objects, by the schemas of CustomResourceDefinitions read strictly: a field that no schema knows is wrong. */
export interface SchemaBook {
  readonly kinds: ReadonlySet<string>;
  /** Empty: good. Null: no schema for this kind. */
  problems(object: ClusterObject): readonly string[] | null;
}

export function readSchemas(definitions: readonly ClusterObject[]): SchemaBook {
  const ajv = new Ajv({ allErrors: true, strict: false, unicodeRegExp: false, validateFormats: false });
  const validators = new Map<string, ValidateFunction>();
  for (const { kind, value } of definitions) {
    if (kind !== "CustomResourceDefinition") continue;
    for (const version of listAt(value, "spec", "versions")) {
      const schema = strict(at(version, "schema", "openAPIV3Schema"));
      const known = schema["properties"] as Schema | undefined; // strict keeps the shape of a schema
      const complete = { ...schema, properties: { ...known, apiVersion: { type: "string" }, kind: { type: "string" }, metadata: { type: "object" } } };
      validators.set(`${textAt(value, "spec", "group")}/${textAt(version, "name")}/${textAt(value, "spec", "names", "kind")}`, ajv.compile(complete));
    }
  }
  return {
    kinds: new Set(validators.keys()),
    problems: (object) => {
      const validate = validators.get(`${object.apiVersion}/${object.kind}`);
      if (validate === undefined) return null;
      if (validate(object.value)) return [];
      return (validate.errors ?? []).map(
        ({ instancePath, message, params }) => `${object.file} ${object.kind}/${object.name}: ${instancePath} ${message} ${JSON.stringify(params)}`,
      );
    },
  };
}

/** A structural schema as JSON Schema that refuses what Kubernetes would prune. */
function strict(node: unknown): Schema {
  const schema: Schema = {};
  for (const [key, value] of entriesAt(node)) {
    if (key === "format" || key === "default" || key === "description" || key.startsWith("x-kubernetes-")) continue;
    if (key === "properties") schema[key] = Object.fromEntries(entriesAt(value).map(([name, child]) => [name, strict(child)]));
    else if (key === "items" || (key === "additionalProperties" && typeof value === "object")) schema[key] = strict(value);
    else schema[key] = value;
  }
  if (at(node, "x-kubernetes-int-or-string") === true) {
    delete schema["type"];
    schema["anyOf"] = [{ type: "integer" }, { type: "string" }];
  }
  const open = at(node, "x-kubernetes-preserve-unknown-fields") === true || "additionalProperties" in schema;
  if ("properties" in schema && !open) schema["additionalProperties"] = false;
  return schema;
}
