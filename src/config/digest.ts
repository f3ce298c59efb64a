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
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([left], [right]) => (left < right ? -1 : 1)));
  });
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
