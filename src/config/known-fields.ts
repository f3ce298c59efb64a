import type * as z from "zod/mini";
import type { FieldPath } from "./document.ts";

/** Names of the fields that the schema knows at a path, for "did you mean"; empty where anything goes. */
export function knownFields(schema: z.core.$ZodType, path: FieldPath): readonly string[] {
  let here: z.core.$ZodType | undefined = schema;
  for (const step of path) here = here === undefined ? undefined : child(unwrap(here), step);
  const found = here === undefined ? undefined : unwrap(here);
  return found !== undefined && isObject(found) ? Object.keys(found._zod.def.shape) : [];
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
