/** Where a value stands in the bytes: `start` is its first byte, `end` is one past its last. */
export interface ValueSpan {
  readonly start: number;
  readonly end: number;
}

export type TopLevelScan =
  /** The bytes are strict JSON (RFC 8259) and an object. `afterBrace` is where a first member can be inserted. */
  | { readonly kind: "ok"; readonly values: ReadonlyMap<string, ValueSpan>; readonly afterBrace: number; readonly empty: boolean }
  /** A wanted key stands there twice: parsers disagree on which one wins, so nobody may guess. */
  | { readonly kind: "duplicate"; readonly name: string }
  /** A key at the top is written with escapes or outside ASCII, so that a byte comparison proves nothing about it. */
  | { readonly kind: "unsure" }
  /** Not a JSON object, or nested deeper than `MAX_DEPTH`. `at` is the byte where reading stopped. */
  | { readonly kind: "malformed"; readonly at: number };

/** Deeper than any real request, and below the recursion limits of common parsers (Python's is about 1,000). */
export const MAX_DEPTH = 512;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/**
 * Finds the values of the wanted top-level keys in one pass, without building the rest. The whole body is read to its
 * last byte: a scanner that stops at the first hit lets a second `model` slip past a lock, since most parsers take the
 * last one. Iterative, so depth costs no stack. Fails closed: `ok` is only said of what `JSON.parse` accepts too.
 */
export function scanTopLevel(bytes: Uint8Array, keys: ReadonlySet<string>): TopLevelScan {
  const length = bytes.length;
  let at = skipSpace(bytes, 0);
  if (bytes[at] !== OPEN_BRACE) return { kind: "malformed", at };
  at += 1;
  const afterBrace = at;
  const values = new Map<string, ValueSpan>();
  let duplicate: string | null = null;
  let unsure = false;
  let empty = true;
  at = skipSpace(bytes, at);
  if (bytes[at] === CLOSE_BRACE) {
    at += 1;
  } else {
    empty = false;
    for (;;) {
      if (bytes[at] !== QUOTE) return { kind: "malformed", at };
      const keyEnd = skipString(bytes, at);
      if (keyEnd < 0) return { kind: "malformed", at: ~keyEnd };
      const key = asciiKey(bytes, at + 1, keyEnd - 1, keys);
      if (key === UNREADABLE) unsure = true;
      at = skipSpace(bytes, keyEnd);
      if (bytes[at] !== COLON) return { kind: "malformed", at };
      const start = skipSpace(bytes, at + 1);
      const end = skipValue(bytes, start);
      if (end < 0) return { kind: "malformed", at: ~end };
      if (typeof key === "string") {
        if (values.has(key)) duplicate ??= key;
        values.set(key, { start, end });
      }
      at = skipSpace(bytes, end);
      const separator = bytes[at];
      at += 1;
      if (separator === CLOSE_BRACE) break;
      if (separator !== COMMA) return { kind: "malformed", at: at - 1 };
      at = skipSpace(bytes, at);
    }
  }
  at = skipSpace(bytes, at);
  if (at !== length) return { kind: "malformed", at };
  if (duplicate !== null) return { kind: "duplicate", name: duplicate };
  if (unsure) return { kind: "unsure" };
  return { kind: "ok", values, afterBrace, empty };
}

const UNREADABLE = Symbol("a key that bytes alone cannot compare");

/** The key when it is wanted, null when it is another, UNREADABLE when it holds an escape or a byte beyond ASCII. */
function asciiKey(bytes: Uint8Array, start: number, end: number, keys: ReadonlySet<string>): string | null | typeof UNREADABLE {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === BACKSLASH || byte >= 0x80) return UNREADABLE;
  }
  for (const key of keys) {
    if (key.length !== end - start) continue;
    let same = 0;
    while (same < key.length && key.charCodeAt(same) === bytes[start + same]) same += 1;
    if (same === key.length) return key;
  }
  return null;
}

function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at += 1;
  }
}

/** 1 for the bytes at which a run of plain characters inside a string ends: the quote, the backslash and control characters. */
const ENDS_RUN = Uint8Array.from({ length: 256 }, (_, byte) => (byte < 0x20 || byte === QUOTE || byte === BACKSLASH ? 1 : 0));

/** One past the closing quote of the string that begins at `from`; the complement of the faulty position when it is not a JSON string. */
function skipString(bytes: Uint8Array, from: number): number {
  let at = from + 1;
  for (;;) {
    at = endOfRun(bytes, at);
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte !== BACKSLASH) return ~at;
    const escaped = bytes[at + 1];
    if (escaped === 0x75) {
      for (let digit = at + 2; digit < at + 6; digit += 1) if (!isHex(bytes[digit])) return ~at;
      at += 6;
    } else if (isShortEscape(escaped)) {
      at += 2;
    } else {
      return ~at;
    }
  }
}

/** First byte from `from` on that ends a run, or the length. Nearly all bytes of a prompt pass here: eight at a time take half as long as one by one. */
function endOfRun(bytes: Uint8Array, from: number): number {
  const { length } = bytes;
  let at = from;
  for (; at + 8 <= length; at += 8) {
    if (
      (ends(bytes, at) |
        ends(bytes, at + 1) |
        ends(bytes, at + 2) |
        ends(bytes, at + 3) |
        ends(bytes, at + 4) |
        ends(bytes, at + 5) |
        ends(bytes, at + 6) |
        ends(bytes, at + 7)) !==
      0
    )
      break;
  }
  while (at < length && ends(bytes, at) === 0) at += 1;
  return at;
}

function ends(bytes: Uint8Array, at: number): number {
  return ENDS_RUN[bytes[at] as number] as number; // `as`: the caller stays below the length, and the table has an entry for every byte
}

/** One past the value that begins at `from`; the complement of the faulty position otherwise. */
export function skipValue(bytes: Uint8Array, from: number): number {
  /** Bit per open container would do; a byte is quicker. 1 is an object. The top-level object itself counts as one level. */
  let kinds: Uint8Array | null = null;
  let depth = 0;
  let at = from;
  for (;;) {
    // A value begins at `at`.
    const byte = bytes[at];
    let closed = false;
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (depth + 1 >= MAX_DEPTH) return ~at;
      kinds ??= new Uint8Array(MAX_DEPTH);
      const isObject = byte === OPEN_BRACE;
      at = skipSpace(bytes, at + 1);
      if (bytes[at] === (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) {
        at += 1;
        closed = true;
      } else {
        kinds[depth] = isObject ? 1 : 0;
        depth += 1;
      }
    } else {
      at = byte === QUOTE ? skipString(bytes, at) : skipScalar(bytes, at);
      if (at < 0) return at;
      closed = true;
    }
    // After a value: commas and closing brackets, until another value begins or all is closed.
    while (closed) {
      if (depth === 0) return at;
      at = skipSpace(bytes, at);
      const isObject = kinds?.[depth - 1] === 1;
      const separator = bytes[at];
      if (separator === COMMA) {
        at = skipSpace(bytes, at + 1);
        closed = false;
      } else if (separator === (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) {
        at += 1;
        depth -= 1;
      } else {
        return ~at;
      }
    }
    if (kinds?.[depth - 1] === 1) {
      if (bytes[at] !== QUOTE) return ~at;
      at = skipString(bytes, at);
      if (at < 0) return at;
      at = skipSpace(bytes, at);
      if (bytes[at] !== COLON) return ~at;
      at = skipSpace(bytes, at + 1);
    }
  }
}

function skipScalar(bytes: Uint8Array, from: number): number {
  switch (bytes[from]) {
    case 0x74:
      return skipWord(bytes, from, "true");
    case 0x66:
      return skipWord(bytes, from, "false");
    case 0x6e:
      return skipWord(bytes, from, "null");
    default:
      return skipNumber(bytes, from);
  }
}

function skipWord(bytes: Uint8Array, from: number, word: string): number {
  for (let index = 0; index < word.length; index += 1) if (bytes[from + index] !== word.charCodeAt(index)) return ~from;
  return from + word.length;
}

/** `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?` */
function skipNumber(bytes: Uint8Array, from: number): number {
  let at = bytes[from] === 0x2d ? from + 1 : from;
  if (bytes[at] === 0x30) at += 1;
  else if (isDigit(bytes[at])) at = skipDigits(bytes, at);
  else return ~from;
  if (bytes[at] === 0x2e) {
    if (!isDigit(bytes[at + 1])) return ~at;
    at = skipDigits(bytes, at + 1);
  }
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    at += 1;
    if (bytes[at] === 0x2b || bytes[at] === 0x2d) at += 1;
    if (!isDigit(bytes[at])) return ~at;
    at = skipDigits(bytes, at);
  }
  return at;
}

function skipDigits(bytes: Uint8Array, from: number): number {
  let at = from;
  while (isDigit(bytes[at])) at += 1;
  return at;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function isHex(byte: number | undefined): boolean {
  return isDigit(byte) || (byte !== undefined && ((byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66)));
}

/** `" \ / b f n r t` */
function isShortEscape(byte: number | undefined): boolean {
  return byte === QUOTE || byte === BACKSLASH || byte === 0x2f || byte === 0x62 || byte === 0x66 || byte === 0x6e || byte === 0x72 || byte === 0x74;
}
