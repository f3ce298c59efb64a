/** Lengths of the buffers that serve again. The largest takes one read of an answer, and the event that the one before left unfinished. */
const SIZES = [4_096, 8_192, 16_384, 36_864] as const;

/** At most one of each length: a process writes one thing at a time. */
const spare = new Map<number, Buffer>();

/**
 * The parts in one piece. In memory of its own: a few bytes from Node's pool, waiting for a caller that does not read, would keep 64 KiB of it.
 * What is given back with `giveBack` serves again, so that a fast stream makes no garbage: V8 lets 64 MiB of it stand before it looks.
 */
export function gather(parts: readonly Uint8Array[], length: number): Buffer {
  const size = SIZES.find((one) => length <= one);
  const buffer = (size === undefined ? undefined : spare.get(size)) ?? Buffer.allocUnsafeSlow(size ?? length);
  if (size !== undefined) spare.delete(size);
  let at = 0;
  for (const part of parts) {
    buffer.set(part, at);
    at += part.length;
  }
  return at === buffer.length ? buffer : buffer.subarray(0, at);
}

/** Only for what `gather` made and nobody will read any more: another call's bytes come into it next. */
export function giveBack(bytes: Uint8Array): void {
  const { buffer } = bytes;
  spare.set(buffer.byteLength, Buffer.from(buffer));
}
