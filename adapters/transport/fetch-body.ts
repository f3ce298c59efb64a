import type { RequestBody, StreamBody } from "../../src/index.ts";

/** A request body as `fetch` takes it. */
export interface FetchBody {
  readonly init: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;
  /** True once the caller's own side of a streamed body has failed. */
  broken(): boolean;
}

/** The platform's stream that sends `content-length` in place of chunks; only workerd has it. */
interface FixedLengthStreamConstructor {
  new (length: number): { readonly readable: ReadableStream<Uint8Array>; readonly writable: WritableStream<Uint8Array> };
}

/** `onSent` is told when the last byte was handed over, at once where there is nothing to wait for. */
export function fetchBody(body: RequestBody, onSent: () => void): FetchBody {
  if (body.kind !== "stream" || body.length === 0) {
    onSent();
    const bytes = body.kind === "bytes" && body.bytes.length > 0 ? body.bytes : null;
    return { init: bytes as Uint8Array<ArrayBuffer> | null, broken: () => false }; // nobody here makes shared memory
  }
  let broken = false;
  const source = pulled(body, onSent, () => {
    broken = true;
  });
  const sent = body.length === null ? source : withLength(source, body.length);
  return { init: sent, broken: () => broken };
}

function pulled(body: StreamBody, onSent: () => void, onBroken: () => void): ReadableStream<Uint8Array> {
  const parts = body.open()[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const part = await parts.next();
        if (part.done !== true) {
          controller.enqueue(part.value);
          return;
        }
        onSent();
        controller.close();
      } catch {
        onBroken();
        controller.error(new Error("the request body broke off"));
      }
    },
    async cancel() {
      await parts.return?.();
    },
  });
}

function withLength(source: ReadableStream<Uint8Array>, length: number): ReadableStream<Uint8Array> {
  const { FixedLengthStream } = globalThis as { readonly FixedLengthStream?: FixedLengthStreamConstructor }; // a global of workerd that lib.dom does not know
  if (FixedLengthStream === undefined) return source;
  const fixed = new FixedLengthStream(length);
  source.pipeTo(fixed.writable).catch(() => {
    // The reading side fails with the same, and the attempt tells of it.
  });
  return fixed.readable;
}
