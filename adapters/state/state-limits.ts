import { StateStoreError } from "../../src/index.ts";

/** What every store takes. DynamoDB's key ends at 2,048 bytes, its item at 400 KiB; all stores refuse alike, so that what runs on one runs on another. */
export const MAX_STATE_KEY_BYTES = 2_048;
export const MAX_STATE_VALUE_BYTES = 256 * 1024;

/** Throws `StateStoreError` unless the key can be one. Asked before anything leaves. */
export function checkStateKey(key: string, signal: AbortSignal): void {
  if (signal.aborted) throw new StateStoreError("the asker has left");
  if (key === "" || exceeds(key, MAX_STATE_KEY_BYTES)) throw new StateStoreError(`a key has 1 to ${MAX_STATE_KEY_BYTES} bytes`);
}

/** Throws `StateStoreError` unless the value and its time, in milliseconds, can be stored. */
export function checkStateValue(value: string, ttlMs: number): void {
  if (exceeds(value, MAX_STATE_VALUE_BYTES)) throw new StateStoreError(`a value has at most ${MAX_STATE_VALUE_BYTES} bytes`);
  if (!(ttlMs > 0) || !Number.isFinite(ttlMs)) throw new StateStoreError("the time to live is not a number of milliseconds above zero");
}

/** In UTF-8, where a unit of a string takes three bytes at most. */
function exceeds(text: string, bytes: number): boolean {
  if (text.length * 3 <= bytes) return false;
  return text.length > bytes || new TextEncoder().encode(text).length > bytes;
}
