/**
 * Follows the frames of one direction of a WebSocket (RFC 6455 section 5.2) only so far as to know where one ends: a close frame of the broker's own
 * put into the middle of another would be taken for a part of it. Reads nothing, keeps no payload.
 */
export class FrameEdges {
  /** Bytes of the frame's head, as far as they have come; 14 at most. */
  readonly #head = new Uint8Array(14);
  #headLength = 0;
  /** Bytes of the payload that are still to come. */
  #left = 0;

  /** True between two frames. */
  get atEdge(): boolean {
    return this.#headLength === 0 && this.#left === 0;
  }

  passed(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, bytes.length - at);
        this.#left -= step;
        at += step;
        continue;
      }
      this.#head[this.#headLength] = bytes[at] ?? 0;
      this.#headLength += 1;
      at += 1;
      const length = payloadLength(this.#head, this.#headLength);
      if (length === null) continue;
      this.#headLength = 0;
      this.#left = length;
    }
  }
}

/** Null: the head is not whole. */
function payloadLength(head: Uint8Array, known: number): number | null {
  const second = head[1] ?? 0;
  const short = second & 0x7f;
  const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
  if (known < 2 || known < 2 + extended + ((second & 0x80) === 0 ? 0 : 4)) return null;
  if (extended === 0) return short;
  let length = 0;
  for (let index = 2; index < 2 + extended; index += 1) length = length * 256 + (head[index] ?? 0);
  return length;
}
