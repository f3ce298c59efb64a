import { compactPieces } from "../lib/compact-pieces.ts";

/**
 * The first and the last pieces of a stream, by reference: nothing is copied and nothing read while the stream runs.
 * A piece is one or more whole events.
 */
export interface StreamEnds {
  push(piece: Uint8Array): void;
  /** The opening up to the first event; empty where nobody reads it. */
  readonly first: readonly Uint8Array[];
  /** In order; the last event is always among them, whole. */
  readonly last: readonly Uint8Array[];
  /** Bytes of all pieces. */
  readonly total: number;
  /** Copies what is kept where it holds more memory than its own bytes. */
  compact(): void;
}

/** Events that end this far before the end of the stream are not looked at. */
export const TAIL_BYTES = 16 * 1024;
/** Bounds the references where pieces are tiny: only comments are that small. */
const MAX_PIECES = 256;
const MAX_FIRST_PIECES = 8;

/** Memory: `TAIL_BYTES` and two pieces; and until `compact` all of the reads that those were cut from. */
export function createStreamEnds(readsOpening = true): StreamEnds {
  const first: Uint8Array[] = [];
  const last: Uint8Array[] = [];
  let opened = !readsOpening;
  let bytes = 0;
  let total = 0;
  return {
    push(piece) {
      if (!opened) {
        first.push(piece);
        // A piece that begins with a comment or a blank line may hold no event yet.
        const byte = piece[0];
        opened = (byte !== 0x3a && byte !== 0x0a && byte !== 0x0d) || first.length === MAX_FIRST_PIECES;
      }
      last.push(piece);
      bytes += piece.length;
      total += piece.length;
      for (
        let oldest = last[0];
        oldest !== undefined && last.length > 1 && (bytes - oldest.length > TAIL_BYTES || last.length > MAX_PIECES);
        oldest = last[0]
      ) {
        bytes -= oldest.length;
        last.shift();
      }
    },
    first,
    last,
    get total() {
      return total;
    },
    compact() {
      compactPieces(first);
      compactPieces(last);
    },
  };
}
