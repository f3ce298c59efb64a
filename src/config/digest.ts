/**
 * A short name for a set of manifests: two hashes of its values with sorted keys, so that neither comments nor the order of fields count, in
 * 16 hex digits. It tells two configurations apart in a log; it protects nothing.
 */
export function digest(value: unknown): string {
  const state: State = { one: 0x811c9dc5, other: 0 };
  feedValue(state, value);
  return hex(state.one) + hex(state.other);
}

interface State {
  /** FNV-1a. */
  one: number;
  /** A polynomial, so that what deceives the one does not deceive the other. */
  other: number;
}

/** Walks the values instead of writing them out: of thousands of manifests that would be megabytes. */
function feedValue(state: State, value: unknown): void {
  if (typeof value === "string") feedText(state, '"', value);
  else if (Array.isArray(value)) {
    feedText(state, "[", String(value.length));
    for (const item of value) feedValue(state, item);
  } else if (typeof value === "object" && value !== null) {
    const record = value as Readonly<Record<string, unknown>>; // any object that is no array
    const keys = Object.keys(record).sort();
    feedText(state, "{", String(keys.length));
    for (const key of keys) {
      feedText(state, "k", key);
      feedValue(state, record[key]);
    }
  } else feedText(state, "v", String(value));
}

/** A mark of its kind, the text and a mark of its end: `ab`, `c` is not `a`, `bc`. */
function feedText(state: State, kind: string, text: string): void {
  let { one, other } = state;
  for (const part of [kind, text]) {
    for (let at = 0; at < part.length; at += 1) {
      const code = part.charCodeAt(at);
      one = Math.imul(one ^ code, 0x01000193);
      other = (Math.imul(other, 0x85ebca6b) + code + 1) | 0;
    }
  }
  state.one = Math.imul(one ^ 0xffff, 0x01000193);
  state.other = (Math.imul(other, 0x85ebca6b) + 0x10000) | 0;
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
