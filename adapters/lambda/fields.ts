/** Members of an event of the platform, of which nothing is known before it is looked at. */
export type Fields = Readonly<Record<string, unknown>>;

/** None for whatever is no object. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {}; // an object's members are unknown until looked at
}

/** Null for whatever is no text, or is empty. */
export function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
