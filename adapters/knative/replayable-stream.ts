import type { StreamBody } from "../../src/index.ts";
import { ByteQueue } from "../transport/byte-queue.ts";
import type { BodySource } from "./caller-message.ts";
import { watchPace } from "./pace-watch.ts";

/** Bytes that may wait for a reader before the socket is stopped. */
const WAITING_BYTES = 65_536;

interface Reader {
  readonly waiting: ByteQueue;
  wake: (() => void) | null;
}

/**
 * A request body as a stream that can begin anew while all that has come fits `replayBytes`. One reader at a time: opening
 * again ends the one before. Reading beyond `maxBytes`, a caller that leaves and a caller that is too slow all throw.
 */
export function createReplayableStream(source: BodySource, maxBytes: number, replayBytes: number): StreamBody {
  const { stream: request, declaredLength: declared } = source;
  let kept: ByteQueue | null = new ByteQueue();
  let total = 0;
  let state: "unread" | "reading" | "ended" | "broken" = declared !== null && declared > maxBytes ? "broken" : "unread";
  let reader: Reader | null = null;
  let pace: ReturnType<typeof watchPace> | null = null;

  function settle(next: "ended" | "broken"): void {
    if (state !== "reading") return;
    state = next;
    pace?.stop();
    // The rest of a broken body is dropped as it comes; the responder bounds that.
    if (next === "broken") request.resume();
    wake();
  }

  function wake(): void {
    const waker = reader?.wake;
    if (reader !== null) reader.wake = null;
    waker?.();
  }

  function begin(): void {
    state = "reading";
    source.invite();
    if (source.paced) pace = watchPace(() => settle("broken"));
    request.on("data", (chunk: Buffer) => {
      if (state !== "reading") return;
      pace?.heard(chunk.length);
      total += chunk.length;
      if (total > maxBytes) {
        settle("broken");
        return;
      }
      if (total > replayBytes) kept = null;
      else kept?.push(chunk);
      if (reader === null) return;
      reader.waiting.push(chunk);
      if (reader.waiting.length > WAITING_BYTES) flow(false);
      wake();
    });
    const onEnd = (): void => settle(source.isCut() ? "broken" : "ended");
    request.on("end", onEnd);
    request.on("close", () => settle("broken"));
    request.on("error", () => settle("broken"));
    // Node reads a stream of HTTP/2 that ends without data by itself: its end has been told already.
    if (request.readableEnded) onEnd();
    if (request.destroyed) settle("broken");
  }

  function flow(wanted: boolean): void {
    pace?.wanting(wanted);
    if (wanted) request.resume();
    else request.pause();
  }

  async function* read(own: Reader): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (reader !== own) throw new Error("the body was opened again");
      const chunk = own.waiting.shift();
      if (chunk !== null) {
        yield chunk;
        continue;
      }
      if (state === "ended") return;
      if (state === "broken") throw new Error("the request body broke off");
      await new Promise<void>((resolve) => {
        own.wake = resolve;
        flow(true);
      });
    }
  }

  return {
    kind: "stream",
    length: declared,
    overflowed: () => total > maxBytes,
    replayable: () => kept !== null && state !== "broken",
    open: () => {
      if (kept === null) throw new Error("the body can no longer be sent from its start");
      const previous = reader;
      reader = { waiting: new ByteQueue(kept.pieces()), wake: null };
      previous?.wake?.();
      if (state === "unread") begin();
      return read(reader);
    },
  };
}
