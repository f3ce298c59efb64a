import { asArray, asObject, asObjects, asString, type JsonObject } from "../../lib/json-value.ts";

/** Words of JSON Schema that every provider reads; the others say nothing that a model could keep to. */
const KEPT: ReadonlySet<string> = new Set([
  "type",
  "title",
  "description",
  "format",
  "enum",
  "minimum",
  "maximum",
  "minLength",
  "maxLength",
  "pattern",
  "minItems",
  "maxItems",
  "required",
  "default",
]);
/** Deeper schemas are cut off: a schema that refers to itself has no end. */
const MAX_DEPTH = 12;

/**
 * A JSON Schema without what some providers refuse: references are written out, `const` is an `enum` of one, `allOf` is joined, `oneOf` is `anyOf`,
 * `null` stands beside the type. A schema that refers to itself ends as "anything" where it comes round.
 */
export function plainSchema(schema: JsonObject): JsonObject {
  return simplify(schema, schema, 0, new Set());
}

function simplify(schema: JsonObject, root: JsonObject, depth: number, seen: ReadonlySet<string>): JsonObject {
  if (depth > MAX_DEPTH) return {};
  const ref = asString(schema["$ref"]);
  if (ref !== null) {
    const target = seen.has(ref) ? null : resolve(root, ref);
    if (target === null) return pick(schema, new Set(["title", "description"]));
    const { $ref: _, ...beside } = schema;
    return simplify({ ...target, ...beside }, root, depth, new Set([...seen, ref]));
  }
  const all = asObjects(schema["allOf"]);
  if (all.length > 0) {
    const { allOf: _, ...rest } = schema;
    return simplify(join([rest, ...all], root, seen), root, depth + 1, seen);
  }
  const inner = (value: unknown): JsonObject => simplify(asObject(value) ?? {}, root, depth + 1, seen);
  const plain: Record<string, unknown> = { ...pick(schema, KEPT), ...typesOf(schema["type"]) };
  if (schema["const"] === null) plain["type"] = "null";
  else if (schema["const"] !== undefined) plain["enum"] = [schema["const"]];
  const properties = asObject(schema["properties"]);
  if (properties !== null) plain["properties"] = Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, inner(value)]));
  // Of any name: a map. That no more may come is not known everywhere.
  const others = asObject(schema["additionalProperties"]);
  if (others !== null) plain["additionalProperties"] = inner(others);
  const items = asObject(schema["items"]);
  if (items !== null) plain["items"] = inner(items);
  const prefix = asArray(schema["prefixItems"]);
  if (prefix.length > 0 && items === null) plain["items"] = { anyOf: prefix.map(inner) };
  const choices = [...asObjects(schema["anyOf"]), ...asObjects(schema["oneOf"])];
  if (choices.length > 0) Object.assign(plain, alternatives(choices, inner));
  if (plain["type"] === "array" && plain["items"] === undefined) plain["items"] = {};
  const { nullable, ...known } = plain;
  return nullable === true || schema["nullable"] === true ? orNull(known) : known;
}

/** A list of types is the one form of it that the providers name in their documentation; a list of words (`enum`) does not take `null` as one of them. */
function orNull(schema: JsonObject): JsonObject {
  const { type, title, description, ...rest } = schema;
  if (Array.isArray(type) || type === "null") return schema;
  if (Array.isArray(schema["anyOf"])) return { ...schema, anyOf: [...asArray(schema["anyOf"]), { type: "null" }] };
  if (type !== undefined && schema["enum"] === undefined) return { ...schema, type: [type, "null"] };
  const told = { ...(title === undefined ? {} : { title }), ...(description === undefined ? {} : { description }) };
  return { ...told, anyOf: [{ ...(type === undefined ? {} : { type }), ...rest }, { type: "null" }] };
}

/** `type: ["string", "null"]` and the like. */
function typesOf(type: unknown): JsonObject {
  if (!Array.isArray(type)) return {};
  const types = type.filter((one) => one !== "null");
  const nullable = types.length < type.length ? { nullable: true } : {};
  const [only] = types;
  return types.length === 1 ? { type: only, ...nullable } : { type: undefined, anyOf: types.map((one: unknown) => ({ type: one })), ...nullable };
}

function alternatives(choices: readonly JsonObject[], inner: (value: unknown) => JsonObject): JsonObject {
  const real = choices.filter((one) => one["type"] !== "null");
  const nullable = real.length < choices.length ? { nullable: true } : {};
  const [only] = real;
  if (real.length === 1 && only !== undefined) return { ...inner(only), ...nullable };
  return { anyOf: real.map(inner), ...nullable };
}

function join(parts: readonly JsonObject[], root: JsonObject, seen: ReadonlySet<string>): JsonObject {
  let joined: JsonObject = {};
  for (const part of parts) {
    const ref = asString(part["$ref"]);
    const real = ref === null || seen.has(ref) ? part : { ...resolve(root, ref), ...part, $ref: undefined };
    joined = {
      ...joined,
      ...real,
      ...(joined["properties"] !== undefined || real["properties"] !== undefined
        ? { properties: { ...asObject(joined["properties"]), ...asObject(real["properties"]) } }
        : {}),
      ...(joined["required"] !== undefined || real["required"] !== undefined
        ? { required: [...new Set([...asArray(joined["required"]), ...asArray(real["required"])])] }
        : {}),
    };
  }
  return joined;
}

/** `#/…` inside the schema only: nothing is fetched. */
function resolve(root: JsonObject, ref: string): JsonObject | null {
  if (!ref.startsWith("#")) return null;
  let at: unknown = root;
  for (const part of ref.slice(1).split("/").slice(1)) {
    const object = asObject(at);
    const key = unescaped(part).replaceAll("~1", "/").replaceAll("~0", "~");
    if (object === null || !Object.hasOwn(object, key)) return null;
    at = object[key];
  }
  return asObject(at);
}

function pick(schema: JsonObject, keys: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(schema).filter(([key, value]) => keys.has(key) && value !== undefined));
}

/** Percent-encoding of a fragment; what is not well formed stays as it is. */
function unescaped(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
