import { bytePattern } from "../lib/find-bytes.ts";
import type { JsonObject } from "../lib/json-value.ts";
import { lastObject, nextObject } from "../lib/last-object.ts";

/** JSON beyond this is not parsed whole: parsing costs about 2 us a KiB, in which no other call of the process moves. */
export const PARSE_BYTES = 256 * 1024;

const USAGE_KEY = bytePattern('"usage"');

/** The last `"usage": {…}` in the bytes, parsed; null when there is none. */
export function findUsage(bytes: Uint8Array): JsonObject | null {
  return lastObject(bytes, USAGE_KEY);
}

/** Position of the `{` of the first usage that is an object; -1 when there is none (`"usage":null` is none). */
export function findUsageObject(bytes: Uint8Array, from: number): number {
  return nextObject(bytes, USAGE_KEY, from);
}
