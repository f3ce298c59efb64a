import { asObject, type JsonObject } from "../../lib/json-value.ts";
import { Refusal } from "../../model/errors.ts";

/** A request's field that does not have the form that its API gives it. `path` is dotted, such as `messages[2].content`. Never quotes the value. */
export function malformedField(path: string, wanted: string): Refusal {
  return new Refusal("request_malformed", { detail: `"${path}" in the JSON body must be ${wanted}.` });
}

/** `null` is as good as absent, as all these APIs have it. Throws `request_malformed`. */
export function stringAt(object: JsonObject, key: string, path: string): string | null {
  const value = object[key];
  if (value === undefined || value === null) return null;
  if (typeof value !== "string") throw malformedField(join(path, key), "a string");
  return value;
}

/** As `stringAt`, and it must be there. */
export function neededString(object: JsonObject, key: string, path: string): string {
  const value = stringAt(object, key, path);
  if (value === null) throw malformedField(join(path, key), "a string, and it is missing");
  return value;
}

export function numberAt(object: JsonObject, key: string, path: string): number | null {
  const value = object[key];
  if (value === undefined || value === null) return null;
  if (typeof value !== "number" || !Number.isFinite(value)) throw malformedField(join(path, key), "a number");
  return value;
}

/** A whole number from 0. */
export function countAt(object: JsonObject, key: string, path: string): number | null {
  const value = numberAt(object, key, path);
  if (value !== null && (!Number.isSafeInteger(value) || value < 0)) throw malformedField(join(path, key), "a whole number from 0");
  return value;
}

export function booleanAt(object: JsonObject, key: string, path: string): boolean | null {
  const value = object[key];
  if (value === undefined || value === null) return null;
  if (typeof value !== "boolean") throw malformedField(join(path, key), "true or false");
  return value;
}

export function objectAt(object: JsonObject, key: string, path: string): JsonObject | null {
  const value = object[key];
  if (value === undefined || value === null) return null;
  const read = asObject(value);
  if (read === null) throw malformedField(join(path, key), "an object");
  return read;
}

/** As `objectAt`, and it must be there. */
export function neededObject(object: JsonObject, key: string, path: string): JsonObject {
  const value = objectAt(object, key, path);
  if (value === null) throw malformedField(join(path, key), "an object, and it is missing");
  return value;
}

/** Its members, each an object with the path of its own; empty when absent. */
export function objectsAt(object: JsonObject, key: string, path: string): readonly { readonly value: JsonObject; readonly path: string }[] {
  const list = object[key];
  if (list === undefined || list === null) return [];
  const here = join(path, key);
  if (!Array.isArray(list)) throw malformedField(here, "an array");
  return list.map((one: unknown, index) => {
    const value = asObject(one);
    if (value === null) throw malformedField(`${here}[${index}]`, "an object");
    return { value, path: `${here}[${index}]` };
  });
}

/** Strings of a list; empty when absent. */
export function stringsAt(object: JsonObject, key: string, path: string): readonly string[] {
  const list = object[key];
  if (list === undefined || list === null) return [];
  const here = join(path, key);
  if (!Array.isArray(list)) throw malformedField(here, "an array");
  return list.map((one: unknown, index) => {
    if (typeof one !== "string") throw malformedField(`${here}[${index}]`, "a string");
    return one;
  });
}

/** One of the words that the API knows. */
export function wordAt<W extends string>(object: JsonObject, key: string, path: string, words: readonly W[]): W | null {
  const value = stringAt(object, key, path);
  if (value === null) return null;
  const word = words.find((one) => one === value);
  if (word === undefined) throw malformedField(join(path, key), `one of ${words.join(", ")}`);
  return word;
}

/** Members beyond the known ones, as they are; those that are null or absent left out. */
export function extrasOf(object: JsonObject, known: ReadonlySet<string>): JsonObject {
  const extras: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(object)) {
    // A computed key: `__proto__` must stay a name.
    if (!known.has(key) && value !== null && value !== undefined) Object.defineProperty(extras, key, { value, enumerable: true });
  }
  return extras;
}

function join(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}
