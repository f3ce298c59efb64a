/** A pattern of ASCII characters, prepared so that a search looks at about one byte in every `text.length`. */
export interface BytePattern {
  readonly bytes: Uint8Array;
  /** By Horspool: how far the window may move when its last byte is this one. */
  readonly shift: Uint8Array;
}

/** Prepares a pattern of 1 to 255 ASCII characters. */
export function bytePattern(text: string): BytePattern {
  const bytes = new TextEncoder().encode(text);
  const shift = new Uint8Array(256).fill(bytes.length);
  for (let index = 0; index < bytes.length - 1; index += 1) shift[bytes[index] ?? 0] = bytes.length - 1 - index;
  return { bytes, shift };
}

/** Position of the first occurrence at or after `from`, or -1. */
export function findBytes(haystack: Uint8Array, pattern: BytePattern, from: number): number {
  const { bytes, shift } = pattern;
  const last = bytes.length - 1;
  const final = bytes[last];
  let end = from + last;
  while (end < haystack.length) {
    const byte = haystack[end] as number; // `as`: `end` is below the length
    if (byte === final) {
      let index = 0;
      while (index < last && haystack[end - last + index] === bytes[index]) index += 1;
      if (index === last) return end - last;
    }
    end += shift[byte] as number; // `as`: the table has an entry for every byte
  }
  return -1;
}
