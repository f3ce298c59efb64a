/** A JSON object, as far as anybody knows it. */
export interface JsonObject {
  readonly [key: string]: unknown;
}

/** The value as an object, or null when it is anything else, arrays included. */
export function asObject(value: unknown): JsonObject | null {
  // `as`: a non-null object that is no array can be read by any key, and every read gives `unknown`.
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
}

/** The value as an array; empty when it is anything else. */
export function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The objects among an array's members; empty when it is no array. */
export function asObjects(value: unknown): readonly JsonObject[] {
  return asArray(value).flatMap((one) => {
    const object = asObject(one);
    return object === null ? [] : [object];
  });
}

/** The value as a string, or null. */
export function asString(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/** The value as a count: a whole number from 0 that a double holds exactly; null otherwise. */
export function asCount(value: unknown): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

/** The parsed text, or undefined (which JSON cannot say) when it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Whether objects and arrays stand at most so deep inside each other. `JSON.parse` takes any depth; `JSON.stringify` and whatever else walks a
 * value by calling itself end in a stack overflow at some thousands.
 */
export function isNestedWithin(value: unknown, levels: number): boolean {
  let level: readonly unknown[] = [value];
  for (let depth = 0; depth <= levels; depth += 1) {
    // `as`: any object can be asked for its values.
    level = level.flatMap((one) => (typeof one === "object" && one !== null ? Object.values(one as object) : []));
    if (level.length === 0) return true;
  }
  return false;
}
