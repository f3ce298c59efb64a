import type { IncomingMessage, ServerResponse } from "node:http";
import type { BodyFailure, IncomingBody, StreamBody } from "../../src/index.ts";
import type { BodySource } from "./caller-message.ts";
import { watchPace } from "./pace-watch.ts";
import { createReplayableStream } from "./replayable-stream.ts";

const FIRST_BUFFER = 65_536;

/** The body of a request. Nothing of it is read before `collect` or `stream` is called. */
export function createIncomingBody(source: BodySource): IncomingBody {
  const { declaredLength, present } = source;
  return {
    declaredLength,
    present,
    collect: (maxBytes) => {
      if (!present) return Promise.resolve(new Uint8Array(0));
      if (declaredLength !== null && declaredLength > maxBytes) return Promise.resolve("too_large");
      source.invite();
      return collect(source, maxBytes);
    },
    stream: (maxBytes, replayBytes): StreamBody => createReplayableStream(source, maxBytes, replayBytes),
  };
}

/** Of node:http. */
export function http1Body(request: IncomingMessage, response: ServerResponse): BodySource {
  const length = request.headers["content-length"];
  const declaredLength = length === undefined ? null : Number(length);
  return {
    stream: request,
    declaredLength,
    present: request.headers["transfer-encoding"] !== undefined || (declaredLength !== null && declaredLength > 0),
    paced: true,
    // The server leaves `100 Continue` to us, so that a refused caller is not asked for its body first.
    invite: () => {
      if (request.headers.expect !== undefined && !response.headersSent) response.writeContinue();
    },
    isCut: () => false,
  };
}

function collect(source: BodySource, maxBytes: number): Promise<Uint8Array | BodyFailure> {
  const { stream: request, declaredLength: declared } = source;
  return new Promise((resolve) => {
    let whole: Buffer | null = null;
    let length = 0;
    const pace = watchPace(() => finish("too_slow"));
    const finish = (result: Uint8Array | BodyFailure): void => {
      pace.stop();
      request.off("data", onData).off("end", onEnd).off("close", onClose);
      // What still comes is read and dropped, for the responder's two seconds at most.
      if (typeof result === "string") request.resume();
      resolve(result);
    };
    const onData = (chunk: Buffer): void => {
      pace.heard(chunk.length);
      const needed = length + chunk.length;
      if (needed > maxBytes) {
        finish("too_large");
        return;
      }
      if (length === 0) {
        whole = chunk;
      } else {
        // One growing buffer: a million chunks of one byte must not become a million objects.
        whole = withRoom(whole ?? chunk, length, needed, declared ?? 0);
        whole.set(chunk, length);
      }
      length = needed;
    };
    const onEnd = (): void => {
      if (source.isCut()) finish("aborted");
      else finish(whole === null ? new Uint8Array(0) : whole.length === length ? whole : whole.subarray(0, length));
    };
    const onClose = (): void => finish("aborted");
    request.on("data", onData).on("end", onEnd).on("close", onClose);
    request.on("error", ignore);
    // A body of HTTP/2 that is an empty frame has told its end to nobody: Node reads a stream that ends without data by itself.
    if (request.readableEnded) onEnd();
    else if (request.destroyed) onClose();
  });
}

/** `held` has `length` good bytes; gives a buffer with room for `needed`. A declared length is believed only so far as bytes have come. */
function withRoom(held: Buffer, length: number, needed: number, declared: number): Buffer {
  if (needed <= held.length && held.buffer.byteLength === held.length) return held;
  const grown = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(declared, Math.max(FIRST_BUFFER, length * 4)), length * 2));
  grown.set(held.subarray(0, length));
  return grown;
}

function ignore(): void {}
