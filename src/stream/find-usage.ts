import { bytePattern, findBytes } from "../lib/find-bytes.ts";
import { skipValue } from "../lib/json-scan.ts";
import { asObject, type JsonObject, parseJson } from "../lib/json-value.ts";
import { toText } from "../lib/utf8.ts";

/** JSON beyond this is not parsed whole: parsing costs about 2 us a KiB, in which no other call of the process moves. */
export const PARSE_BYTES = 256 * 1024;

const USAGE_KEY = bytePattern('"usage"');
const BRACE = 0x7b;

/** Nested candidates that never end would otherwise each be walked: hostile bytes must cost linear time. */
const MAX_TRIES = 4;

/**
 * The last `"usage": {…}` in the bytes, parsed; null when there is none. The quotes of a key cannot stand inside a JSON
 * string without backslashes, so text that talks of usage is never taken for it.
 */
export function findUsage(bytes: Uint8Array): JsonObject | null {
  const places: number[] = [];
  for (let at = findUsageObject(bytes, 0); at >= 0; at = findUsageObject(bytes, at + 1)) {
    places.push(at);
    if (places.length > MAX_TRIES) places.shift();
  }
  for (const at of places.reverse()) {
    const end = skipValue(bytes, at);
    const found = end < 0 ? null : asObject(parseJson(toText(bytes.subarray(at, end))));
    if (found !== null) return found;
  }
  return null;
}

/** Position of the `{` of the first usage that is an object; -1 when there is none (`"usage":null` is none). */
export function findUsageObject(bytes: Uint8Array, from: number): number {
  for (let at = findBytes(bytes, USAGE_KEY, from); at >= 0; at = findBytes(bytes, USAGE_KEY, at + 1)) {
    let value = at + USAGE_KEY.bytes.length;
    while (isSpaceOrColon(bytes[value])) value += 1;
    if (bytes[value] === BRACE) return value;
  }
  return -1;
}

function isSpaceOrColon(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x3a || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}
