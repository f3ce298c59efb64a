/** A JSON object, or an empty one where something else stood. */
export function asObject(value: unknown): Readonly<Record<string, unknown>> {
  // An object that is neither null nor an array has string keys; its values stay unknown.
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** The items of a JSON array; a value that is not one is taken as its only item, null and undefined as none. */
export function asList(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return value === undefined || value === null ? [] : [value];
}

/** A string, or null where something else stood. */
export function asText(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/** A whole number above zero, or null where something else stood. */
export function asCount(value: unknown): number | null {
  return typeof value === "number" && Number.isInteger(value) && value > 0 ? value : null;
}
