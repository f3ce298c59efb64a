/**
 * A stage of the answer's way back, synchronous: bytes in, bytes out. Core code never touches a ReadableStream; the
 * platform's adapter drives the codec from whatever its sockets give.
 */
export interface StreamCodec {
  /** What leaves for these bytes: the same array when nothing changed, null when they are held back or dropped. */
  chunk(bytes: Uint8Array): Uint8Array | null;
  /** The upstream ended properly by its framing. `complete` is false when the dialect's own end marker never came (`[DONE]`, `message_stop`): that is a truncated answer. */
  end(): { readonly bytes: Uint8Array | null; readonly complete: boolean };
  /** The upstream broke, or the answer is truncated: the dialect's own error event; empty where the caller has been told already, or has all it needs; null where the format has no way to say it. */
  fail(message: string): Uint8Array | null;
  /** Nobody takes the answer for now: what is kept of it must keep no more memory than its own bytes. Left out: nothing is kept by reference. */
  compact?(): void;
}
