import * as z from "zod/mini";
import type { FieldPath } from "./document.ts";

/** Beyond so many values a list of them tells nothing. */
const MAX_LISTED = 12;

/** Names of the fields that the schema knows at a path, for "did you mean"; empty where anything goes. */
export function knownFields(schema: z.core.$ZodType, path: FieldPath): readonly string[] {
  const found = schemaAt(schema, path);
  return found !== null && isObject(found) ? Object.keys(found._zod.def.shape) : [];
}

/** What the schema wants at a path, in words, for whoever left it out or wrote another type; null where it does not say. */
export function wantedAt(schema: z.core.$ZodType, path: FieldPath): string | null {
  const found = schemaAt(schema, path);
  if (found === null) return null;
  if (isObject(found)) {
    const needed = Object.entries(found._zod.def.shape).flatMap(([name, member]) => (member._zod.optin === "optional" ? [] : [`${name}: …`]));
    if (needed.length > 0) return `write ${String(path.at(-1) ?? "")}: {${needed.join(", ")}}`;
  }
  const values = [...(found._zod.values ?? [])].map(String);
  if (values.length > 0 && values.length <= MAX_LISTED) return `write ${values.join(" or ")}`;
  const outer = wrappedAt(schema, path);
  return (outer === null ? undefined : z.globalRegistry.get(outer)?.description) ?? z.globalRegistry.get(found)?.description ?? null;
}

function schemaAt(schema: z.core.$ZodType, path: FieldPath): z.core.$ZodType | null {
  const here = wrappedAt(schema, path);
  return here === null ? null : unwrap(here);
}

/** With its wrappers: a description may stand on one of them. */
function wrappedAt(schema: z.core.$ZodType, path: FieldPath): z.core.$ZodType | null {
  let here: z.core.$ZodType | undefined = schema;
  for (const step of path) here = here === undefined ? undefined : child(unwrap(here), step);
  return here ?? null;
}

function child(schema: z.core.$ZodType, step: string | number): z.core.$ZodType | undefined {
  if (isObject(schema)) return schema._zod.def.shape[step];
  if (isArray(schema)) return schema._zod.def.element;
  return undefined;
}

/** Through optional, default and nullable to what they wrap. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  let inner = schema;
  while ("innerType" in inner._zod.def) inner = inner._zod.def.innerType as z.core.$ZodType; // zod's wrappers all keep their schema under this name
  return inner;
}

function isObject(schema: z.core.$ZodType): schema is z.core.$ZodObject {
  return schema._zod.def.type === "object";
}

function isArray(schema: z.core.$ZodType): schema is z.core.$ZodArray {
  return schema._zod.def.type === "array";
}
