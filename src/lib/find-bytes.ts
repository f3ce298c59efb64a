/** A pattern of ASCII characters, prepared so that a search looks at about one byte in every `text.length`. */
export interface BytePattern {
  readonly bytes: Uint8Array;
  /** By Horspool: how far the window may move when its last byte is this one; 0 for the pattern's own last byte, which asks for a closer look. */
  readonly shift: Uint8Array;
  /** How far it may move after a closer look. */
  readonly shiftAfter: number;
}

/** Prepares a pattern of 1 to 255 ASCII characters. */
export function bytePattern(text: string): BytePattern {
  const bytes = new TextEncoder().encode(text);
  const shift = new Uint8Array(256).fill(bytes.length);
  for (let index = 0; index < bytes.length - 1; index += 1) shift[bytes[index] ?? 0] = bytes.length - 1 - index;
  const final = bytes[bytes.length - 1] ?? 0;
  const shiftAfter = shift[final] ?? bytes.length;
  shift[final] = 0;
  return { bytes, shift, shiftAfter };
}

/** Position of the first occurrence at or after `from`, or -1. */
export function findBytes(haystack: Uint8Array, pattern: BytePattern, from: number): number {
  const { bytes, shift, shiftAfter } = pattern;
  const { length } = haystack;
  const last = bytes.length - 1;
  let end = from + last;
  while (end < length) {
    const move = shift[haystack[end] as number] as number; // `as`: `end` is below the length, and the table has an entry for every byte
    if (move !== 0) {
      end += move;
      continue;
    }
    // From the back: in JSON the quote before a name is everywhere, its last letter is not.
    let index = last - 1;
    while (index >= 0 && haystack[end - last + index] === bytes[index]) index -= 1;
    if (index < 0) return end - last;
    end += shiftAfter;
  }
  return -1;
}
