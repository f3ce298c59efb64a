const encoder = new TextEncoder();
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8 bytes of the text. */
export function toBytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text of the bytes; what is not UTF-8 becomes U+FFFD. A byte order mark stays in the text. */
export function toText(bytes: Uint8Array): string {
  return lenient.decode(bytes);
}

/** The text of the bytes, or null when they are not UTF-8: parsers that skip or replace bad bytes differently would read different keys. */
export function toTextStrictly(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

/** All parts in one array. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const only = parts[0];
  if (parts.length === 1 && only !== undefined) return only;
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
