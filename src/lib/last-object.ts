import { type BytePattern, findBytes } from "./find-bytes.ts";
import { skipValue } from "./json-scan.ts";
import { asObject, type JsonObject, parseJson } from "./json-value.ts";
import { toText } from "./utf8.ts";

const BRACE = 0x7b;

/** Nested candidates that never end would otherwise each be walked: hostile bytes must cost linear time. */
const MAX_TRIES = 4;

/**
 * The last `"key": {…}` in the bytes, parsed; null when there is none. `key` has its quotes, which cannot stand inside a JSON string without
 * backslashes, so text that talks of the key is never taken for it. What stands around may be anything: JSON, events, frames of bytes.
 */
export function lastObject(bytes: Uint8Array, key: BytePattern): JsonObject | null {
  const places: number[] = [];
  for (let at = nextObject(bytes, key, 0); at >= 0; at = nextObject(bytes, key, at + 1)) {
    places.push(at);
    if (places.length > MAX_TRIES) places.shift();
  }
  for (const at of places.reverse()) {
    const found = objectAt(bytes, at);
    if (found !== null) return found;
  }
  return null;
}

/** The first of them, whole or not at all. */
export function firstObject(bytes: Uint8Array, key: BytePattern): JsonObject | null {
  const at = nextObject(bytes, key, 0);
  return at < 0 ? null : objectAt(bytes, at);
}

/** Position of the `{` of the next value of the key that is an object; -1 when there is none (`"key":null` is none). */
export function nextObject(bytes: Uint8Array, key: BytePattern, from: number): number {
  for (let at = findBytes(bytes, key, from); at >= 0; at = findBytes(bytes, key, at + 1)) {
    let value = at + key.bytes.length;
    while (isSpaceOrColon(bytes[value])) value += 1;
    if (bytes[value] === BRACE) return value;
  }
  return -1;
}

function objectAt(bytes: Uint8Array, at: number): JsonObject | null {
  const end = skipValue(bytes, at);
  return end < 0 ? null : asObject(parseJson(toText(bytes.subarray(at, end))));
}

function isSpaceOrColon(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x3a || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}
