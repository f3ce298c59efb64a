import * as z from "zod/mini";
import type { OwnKind } from "../src/config/kinds/kind-definition.ts";

/** As much of OpenAPI v3 as a structural schema uses. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly [keyword: string]: unknown;
}

/** Structural schemas forbid or do not know these; unknown fields are pruned by the API server anyway. */
const DROPPED: ReadonlySet<string> = new Set(["$schema", "propertyNames"]);

/** The structural schema of a kind's spec, from the schema that validates it. */
export function specSchema(kind: OwnKind): JsonSchema {
  return structural(z.toJSONSchema(kind.spec, { io: "input", target: "openapi-3.0" }));
}

function structural(node: unknown): JsonSchema {
  const schema = node as JsonSchema; // zod's JSON Schema type allows booleans, which a strict object never gives here
  const result: Record<string, unknown> = {};
  const isIntOrString = schema["x-kubernetes-int-or-string"] === true;
  const isFree = schema["x-kubernetes-preserve-unknown-fields"] === true;
  for (const [keyword, value] of Object.entries(schema)) {
    if (DROPPED.has(keyword) || (keyword === "additionalProperties" && typeof value !== "object")) continue;
    if (keyword === "anyOf" && (isIntOrString || isFree)) continue;
    // The bounds of a safe integer say nothing about the field.
    if ((keyword === "maximum" || keyword === "minimum") && Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER) continue;
    if (keyword === "properties") {
      result[keyword] = Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, property]) => [name, structural(property)]));
    } else if (keyword === "items" || keyword === "additionalProperties") result[keyword] = structural(value);
    else result[keyword] = value;
  }
  return result;
}
