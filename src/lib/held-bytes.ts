/** Bytes that wait for the rest of what they begin. Adding is linear in the bytes, however small the pieces. */
export interface HeldBytes {
  /** How many are held. */
  readonly length: number;
  /** A view of them, good until the next change. */
  view(): Uint8Array;
  add(bytes: Uint8Array): void;
  /** A copy of the first `count` bytes, which are held no longer. */
  take(count: number): Uint8Array;
  clear(): void;
}

const NOTHING = new Uint8Array(0);

export function holdBytes(): HeldBytes {
  let held = NOTHING;
  let length = 0;

  const add = (bytes: Uint8Array): void => {
    const needed = length + bytes.length;
    if (needed > held.length) {
      // Doubling keeps the copying linear; one-byte pieces would otherwise cost the square of the whole.
      const larger = new Uint8Array(Math.max(needed, held.length * 2, 512));
      larger.set(held.subarray(0, length));
      held = larger;
    }
    held.set(bytes, length);
    length = needed;
  };

  return {
    get length() {
      return length;
    },
    view: () => held.subarray(0, length),
    add,
    take(count) {
      const taken = held.slice(0, count);
      const rest = held.slice(count, length);
      held = NOTHING;
      length = 0;
      if (rest.length > 0) add(rest);
      return taken;
    },
    clear() {
      held = NOTHING;
      length = 0;
    },
  };
}
