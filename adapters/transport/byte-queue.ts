/** Pieces below this are put together. */
const SMALL_BYTES = 4_096;
/** Of pieces that were put together. */
const BLOCK_BYTES = 16_384;

interface Block {
  /** What is behind `filled` is room that nobody else knows of. */
  bytes: Uint8Array;
  filled: number;
  /** Put together here, and not somebody's piece as it came. */
  isOwn: boolean;
}

/**
 * Bytes that wait, in the order in which they came. Whoever sends a byte at a time makes a hundred of it otherwise, since each piece is an object with a
 * buffer, and a list of ten thousands of them takes as long to shorten. Small pieces that meet others waiting are copied into blocks; large ones stay as they are.
 */
export class ByteQueue {
  readonly #blocks: Block[] = [];
  #length = 0;

  constructor(pieces: readonly Uint8Array[] = []) {
    for (const piece of pieces) this.#add(piece);
  }

  /** In bytes. */
  get length(): number {
    return this.#length;
  }

  push(piece: Uint8Array): void {
    const last = this.#blocks.at(-1);
    const needed = (last?.filled ?? 0) + piece.length;
    if (last === undefined || piece.length >= SMALL_BYTES || needed > BLOCK_BYTES || (!last.isOwn && last.filled >= SMALL_BYTES)) {
      this.#add(piece);
      return;
    }
    if (needed > last.bytes.length) {
      const grown = new Uint8Array(Math.min(BLOCK_BYTES, needed * 2));
      grown.set(last.bytes.subarray(0, last.filled));
      last.bytes = grown;
      last.isOwn = true;
    }
    last.bytes.set(piece, last.filled);
    last.filled = needed;
    this.#length += piece.length;
  }

  /** The first of what waits, which it gives away; null: nothing waits. */
  shift(): Uint8Array | null {
    const first = this.#blocks.shift();
    if (first === undefined) return null;
    this.#length -= first.filled;
    return viewOf(first);
  }

  /** All that waits, which stays. */
  pieces(): readonly Uint8Array[] {
    return this.#blocks.map(viewOf);
  }

  #add(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#blocks.push({ bytes: piece, filled: piece.length, isOwn: false });
    this.#length += piece.length;
  }
}

function viewOf({ bytes, filled }: Block): Uint8Array {
  return filled === bytes.length ? bytes : bytes.subarray(0, filled);
}
