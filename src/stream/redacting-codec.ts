import type { StreamCodec } from "../model/codec.ts";

/** Error answers are looked through up to here; what is beyond a provider's error text is not worth the memory. */
const REDACTED_BYTES = 64 * 1024;

/**
 * Holds back the beginning of an error answer and takes our own key out of it: providers echo it in 401 bodies
 * (reliability: T7). A compressed body cannot be looked through; its beginning is dropped rather than passed on.
 */
export function createRedactingCodec(redact: (bytes: Uint8Array) => Uint8Array, contentEncoding: string | null): StreamCodec {
  let held: Uint8Array[] | null = [];
  let size = 0;
  const release = (): Uint8Array | null => {
    if (held === null || size === 0) return null;
    const whole = new Uint8Array(size);
    let offset = 0;
    for (const part of held) {
      whole.set(part, offset);
      offset += part.byteLength;
    }
    held = null;
    return contentEncoding === null ? redact(whole) : null;
  };
  return {
    chunk(bytes) {
      if (held === null) return contentEncoding === null ? bytes : null;
      held.push(bytes);
      size += bytes.byteLength;
      return size >= REDACTED_BYTES ? release() : null;
    },
    end: () => ({ bytes: release(), complete: true }),
    fail: () => release(),
  };
}
