import { Socket } from "node:net";
import type { AttemptFailure, BodyConsumer, Delivery, DeliveryEnd, HeaderList } from "../../src/index.ts";
import type { CallerAnswer } from "./caller-message.ts";
import { gather, giveBack } from "./gathered-bytes.ts";
import { withLength } from "./with-length.ts";

/** How long a caller may take nothing of what waits for it. */
const STALL_MS = 60_000;
/** How long the last words of a broken answer may take to leave. */
const LAST_WORDS_MS = 5_000;
/** What is gathered of one tick before it is written all the same. More than one read and what was left of the one before, so that nothing is kept but what waits to leave. */
const GATHERED_BYTES = 49_152;
const TRUNCATED = "The destination ended its answer before it was complete.";
const BROKEN = "The destination broke off its answer.";

/**
 * One answer on its way: upstream body, codec, `ServerResponse` or a stream of HTTP/2. All chunks of one tick leave in one write, and an answer that
 * is whole within its first tick leaves with its head. A broken answer never ends properly: after the dialect's error event the
 * connection is destroyed (HTTP/2: the stream is reset), so that the caller notices by the text or by the framing (F8).
 */
export class NodeDelivery implements BodyConsumer {
  readonly #response: CallerAnswer;
  readonly #delivery: Delivery;
  readonly #done: (end: DeliveryEnd) => void;
  readonly #bodiless: boolean;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  /** What was taken last is a copy of `gather`, which serves again once nobody reads it. */
  #gathered = false;
  #written = 0;
  #scheduled = false;
  #paused = false;
  #upstreamEnded = false;
  #settled = false;
  #stall: NodeJS.Timeout | undefined;

  constructor(response: CallerAnswer, delivery: Delivery, done: (end: DeliveryEnd) => void) {
    this.#response = response;
    this.#delivery = delivery;
    this.#done = done;
    this.#bodiless = response.req.method === "HEAD" || delivery.status === 204 || delivery.status === 304;
  }

  start(): void {
    const response = this.#response;
    if (response.destroyed || response.writableEnded) {
      this.#delivery.body.cancel();
      this.#settle("caller_gone", null);
      return;
    }
    response.on("close", this.#closed);
    response.on("drain", this.#drained);
    this.#delivery.body.consume(this);
    // A gRPC caller may wait for the head before it sends what the first message answers.
    if (response.eager === true && !this.#settled && !response.headersSent && this.#pendingBytes === 0 && this.#writeHead(false, 0)) response.flushHeaders();
  }

  /** The server stops and cannot wait: the answer ends as a broken one. */
  cut(): void {
    if (this.#settled) return;
    this.#delivery.body.cancel();
    this.#break("upstream_failed", { kind: "cancelled", message: "the broker is shutting down" }, "The broker is shutting down.");
  }

  // -- BodyConsumer

  chunk(bytes: Uint8Array): void {
    if (this.#settled || this.#bodiless) return;
    const { codec } = this.#delivery;
    const out = codec === null ? bytes : codec.chunk(bytes);
    if (out !== null) this.#gather(out);
  }

  end(trailers: HeaderList | null): void {
    if (this.#settled) return;
    if (trailers !== null && this.#delivery.trailers !== null) this.#response.addHttp2Trailers?.(this.#delivery.trailers(trailers));
    const tail = this.#bodiless ? null : (this.#delivery.codec?.end() ?? null);
    if (tail?.bytes) this.#gather(tail.bytes);
    if (tail !== null && !tail.complete) {
      this.#break("truncated", null, TRUNCATED);
      return;
    }
    this.#upstreamEnded = true;
    // What was gathered in this tick and the end leave together.
    this.#flush();
  }

  failed(failure: AttemptFailure): void {
    if (this.#settled) return;
    this.#break("upstream_failed", failure, BROKEN);
  }

  // -- writing

  #gather(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes >= GATHERED_BYTES) {
      this.#flush();
      return;
    }
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(this.#flushSoon);
  }

  readonly #flushSoon = (): void => {
    this.#scheduled = false;
    if (!this.#settled && !this.#upstreamEnded) this.#flush();
  };

  #flush(): void {
    const bytes = this.#takePending();
    const response = this.#response;
    const first = this.#written === 0 && bytes !== null;
    if (this.#upstreamEnded) {
      if (!response.headersSent && !this.#writeHead(true, bytes?.length ?? 0)) return;
      this.#written += bytes?.length ?? 0;
      if (bytes === null) response.end();
      else response.end(bytes);
      if (first) this.#delivery.onFirstByte();
      this.#finish();
      return;
    }
    if (bytes === null) return;
    if (!response.headersSent && !this.#writeHead(false, 0)) return;
    this.#written += bytes.length;
    const room = response.write(bytes);
    if (first) this.#delivery.onFirstByte();
    const gathered = this.#gathered;
    if (this.#paused || (room && !gathered)) return;
    // Node corks what is written in one tick; let go, the kernel says at once whether it takes it, and most often it does.
    const { socket } = response;
    socket?.uncork();
    if (socket?.writableLength === 0) {
      if (gathered && isPlain(socket)) giveBack(bytes);
      return;
    }
    if (room) return;
    this.#paused = true;
    this.#delivery.body.pause();
    this.#delivery.codec?.compact?.();
    this.#stall = setTimeout(this.#stalled, STALL_MS);
  }

  #takePending(): Uint8Array | null {
    this.#gathered = false;
    if (this.#pendingBytes === 0) return null;
    const [only] = this.#pending;
    // A small piece of a large read is copied: waiting for a caller, it would keep all 64 KiB of that read.
    const alone = this.#pending.length === 1 && only !== undefined && only.buffer.byteLength <= only.length * 2 + 4_096;
    const bytes = alone ? only : gather(this.#pending, this.#pendingBytes);
    this.#gathered = !alone;
    this.#pending = [];
    this.#pendingBytes = 0;
    return bytes;
  }

  /** False: the head cannot be written, and the delivery is over with nothing started. */
  #writeHead(whole: boolean, length: number): boolean {
    const { status, headers } = this.#delivery;
    try {
      this.#response.writeHead(status, whole && !this.#bodiless ? withLength(headers, status, length) : [...headers]);
      return true;
    } catch {
      // A header or status that node:http will not write, such as a control character.
      this.#delivery.body.cancel();
      this.#settle("upstream_failed", { kind: "protocol", message: "the head of the answer cannot be handed on" });
      return false;
    }
  }

  // -- endings

  /** The last byte was given to the socket; a caller that does not take it is not waited for longer than any other. */
  #finish(): void {
    const { socket } = this.#response;
    if (socket === null || socket.writableLength === 0) {
      this.#settle("complete", null);
      return;
    }
    this.#stall = setTimeout(this.#stalled, STALL_MS);
    this.#response.on("finish", () => this.#settle("complete", null));
  }

  #break(kind: "upstream_failed" | "truncated", failure: AttemptFailure | null, message: string): void {
    const response = this.#response;
    const event = this.#delivery.codec?.fail(message) ?? null;
    const arrived = this.#pendingBytes > 0;
    // Nothing has left, and there is nothing worth handing on or no way to say in the body that it is broken: the broker answers in its place.
    if (!response.headersSent && (!arrived || event === null)) {
      this.#settle(kind, failure);
      return;
    }
    if (!response.headersSent && !this.#writeHead(false, 0)) return;
    // A declared length leaves no room for an event; the missing bytes tell.
    if (event !== null && !response.hasHeader("content-length") && !declaresLength(this.#delivery)) this.#pending.push(event);
    this.#pendingBytes = this.#pending.reduce((sum, part) => sum + part.length, 0);
    const last = this.#takePending();
    if (last === null) {
      this.#destroy();
    } else {
      if (this.#written === 0) this.#delivery.onFirstByte();
      this.#written += last.length;
      const timer = setTimeout(() => this.#destroy(), LAST_WORDS_MS);
      response.write(last, () => {
        clearTimeout(timer);
        this.#destroy();
      });
    }
    this.#settle(kind, failure);
  }

  /** Never `end`: the chunked coding or the declared length must stay open. HTTP/1.0 has neither, so there only a reset tells. */
  #destroy(): void {
    const { socket } = this.#response;
    if (socket !== null && this.#response.req.httpVersion === "1.0" && socket instanceof Socket) socket.resetAndDestroy();
    else this.#response.destroy();
  }

  readonly #closed = (): void => {
    if (this.#settled) return;
    this.#delivery.body.cancel();
    this.#settle(this.#response.writableFinished ? "complete" : "caller_gone", null);
  };

  readonly #drained = (): void => {
    if (!this.#paused || this.#settled) return;
    this.#paused = false;
    clearTimeout(this.#stall);
    this.#delivery.body.resume();
  };

  readonly #stalled = (): void => {
    if (this.#settled) return;
    this.#delivery.body.cancel();
    this.#settle("stalled", null);
    this.#response.destroy();
  };

  #settle(kind: DeliveryEnd["kind"], failure: AttemptFailure | null): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#stall);
    this.#response.off("close", this.#closed).off("drain", this.#drained);
    this.#pending = [];
    this.#done({ kind, bytes: this.#written, failure });
  }
}

/** What it has written the kernel has copied; TLS and HTTP/2 may still read it. */
function isPlain(socket: object): boolean {
  return socket instanceof Socket && socket.writable && !("encrypted" in socket);
}

function declaresLength(delivery: Delivery): boolean {
  for (let i = 0; i < delivery.headers.length; i += 2) {
    if (delivery.headers[i]?.toLowerCase() === "content-length") return true;
  }
  return false;
}
