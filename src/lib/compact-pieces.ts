import { joinBytes } from "./utf8.ts";

/** What pieces may keep beyond their own bytes. */
const SPARE_BYTES = 4_096;

/**
 * Moves pieces to memory of their own where they keep more than themselves: a piece of 200 bytes keeps all of the read that it was cut from.
 * The pieces stay as many and as long as they were.
 */
export function compactPieces(pieces: Uint8Array[]): void {
  const kept = new Map<ArrayBufferLike, number>();
  let own = 0;
  for (const piece of pieces) {
    own += piece.length;
    kept.set(piece.buffer, piece.buffer.byteLength);
  }
  let total = 0;
  for (const length of kept.values()) total += length;
  if (total <= own + SPARE_BYTES) return;
  const joined = pieces.length === 1 ? Uint8Array.from(pieces[0] ?? []) : joinBytes(pieces);
  let at = 0;
  for (const [index, piece] of pieces.entries()) {
    pieces[index] = joined.subarray(at, at + piece.length);
    at += piece.length;
  }
}
