/** A body of `fetch`, read piece by piece. */
export interface BodyReader {
  /** Null: the body has ended. Rejects when it breaks. */
  read(): Promise<Uint8Array | null>;
  /** Never rejects. */
  cancel(): void;
}

const SMALLEST = 4_096;
const LARGEST = 65_536;

/**
 * Reads into buffers of its own, which grow while they come back full and shrink again: workerd gives 4 KB a read otherwise, so that a download costs
 * sixteen times the turns, and a stream of small events should not hold 64 KB for each of them.
 */
export function bodyReader(body: ReadableStream<Uint8Array>): BodyReader {
  const reader = byteReader(body);
  if (reader === null) return plainReader(body.getReader());
  let size = SMALLEST;
  return {
    read: async () => {
      const { done, value } = await reader.read(new Uint8Array(size));
      if (done || value === undefined) return null;
      if (value.length === size) size = Math.min(LARGEST, size * 4);
      else if (value.length * 4 < size) size = Math.max(SMALLEST, size / 4);
      return value;
    },
    cancel: () => {
      reader.cancel().catch(ignore);
    },
  };
}

/** Null: the platform's stream is none of bytes. */
function byteReader(body: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | null {
  try {
    return body.getReader({ mode: "byob" });
  } catch {
    return null;
  }
}

function plainReader(reader: ReadableStreamDefaultReader<Uint8Array>): BodyReader {
  return {
    read: async () => {
      const { done, value } = await reader.read();
      return done ? null : value;
    },
    cancel: () => {
      reader.cancel().catch(ignore);
    },
  };
}

function ignore(): void {
  // It is over either way.
}
