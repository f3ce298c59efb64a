/** What JSON can say. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/**
 * The JSON Canonicalization Scheme (RFC 8785): members sorted by UTF-16 code units, no white space, numbers and strings as ECMAScript writes them, so
 * that everybody who hashes the same value hashes the same bytes. A lone surrogate, which no UTF-8 can hold, becomes U+FFFD. Throws a `TypeError` on a number that is not finite.
 */
export function canonicalJson(value: JsonValue): string {
  if (typeof value === "string") return quoted(value);
  if (typeof value === "number" && !Number.isFinite(value)) throw new TypeError("JSON has no such number");
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members = Object.keys(value)
    .sort()
    // `?? null`: the key was just listed, so that it is there.
    .map((key) => `${quoted(key)}:${canonicalJson(value[key] ?? null)}`);
  return `{${members.join(",")}}`;
}

function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

const LONE_SURROGATE = /\p{Surrogate}/gu;

function quoted(text: string): string {
  return JSON.stringify(text.replace(LONE_SURROGATE, "\ufffd"));
}
