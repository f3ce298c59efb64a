/**
 * A short name for a set of manifests: FNV-1a over its canonical text, once from each end, 16 hex digits.
 * It tells two configurations apart in a log; it protects nothing.
 */
export function digest(value: unknown): string {
  const text = canonical(value);
  let forward = 0x811c9dc5;
  let backward = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    forward = Math.imul(forward ^ text.charCodeAt(index), 0x01000193);
    backward = Math.imul(backward ^ text.charCodeAt(text.length - 1 - index), 0x01000193);
  }
  return hex(forward) + hex(backward);
}

/** JSON with sorted keys, so that neither comments nor the order of fields count. */
function canonical(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const record = value as Readonly<Record<string, unknown>>; // any object that is no array
  const keys = Object.keys(record).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(record[key])}`).join(",")}}`;
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
