import type { AttemptFailure, BodyConsumer, Delivery, DeliveryEnd } from "../../src/index.ts";

/** How long a caller may take nothing of what waits for it. */
const STALL_MS = 60_000;
const TRUNCATED = "The destination ended its answer before it was complete.";
const BROKEN = "The destination broke off its answer.";

/**
 * One answer on its way: upstream body, codec, the stream of a `Response`. The head leaves with the first byte; at most one
 * chunk waits for the caller before the upstream is paused. A broken answer never ends properly: after the dialect's error
 * event the stream fails, so that the caller notices by the text or by the framing (F8).
 */
export class WorkerDelivery implements BodyConsumer {
  readonly #delivery: Delivery;
  readonly #bodiless: boolean;
  readonly #begin: (body: ReadableStream<Uint8Array> | Uint8Array | null) => void;
  readonly #done: (end: DeliveryEnd) => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #written = 0;
  #waiting = false;
  #settled = false;
  /** What happens once the caller has taken the last chunk. */
  #last: (() => void) | null = null;
  #stall: ReturnType<typeof setTimeout> | undefined;

  /** `begin` gives the caller the head; it throws when the platform cannot send it. */
  constructor(delivery: Delivery, bodiless: boolean, begin: (body: ReadableStream<Uint8Array> | Uint8Array | null) => void, done: (end: DeliveryEnd) => void) {
    this.#delivery = delivery;
    this.#bodiless = bodiless;
    this.#begin = begin;
    this.#done = done;
  }

  start(): void {
    this.#delivery.body.consume(this);
  }

  // -- BodyConsumer

  chunk(bytes: Uint8Array): void {
    if (this.#settled || this.#bodiless) return;
    const { codec } = this.#delivery;
    const out = codec === null ? bytes : codec.chunk(bytes);
    if (out !== null) this.#write(out);
  }

  end(): void {
    if (this.#settled) return;
    const tail = this.#bodiless ? null : (this.#delivery.codec?.end() ?? null);
    if (tail !== null && !tail.complete) {
      if (tail.bytes !== null) this.#write(tail.bytes);
      this.#break("truncated", null, TRUNCATED);
      return;
    }
    if (this.#controller === null) {
      // Nothing has left: all of the answer goes with its head.
      const bytes = tail?.bytes ?? null;
      if (!this.#head(bytes)) return;
      this.#written = bytes?.length ?? 0;
      if (this.#written > 0) this.#delivery.onFirstByte();
      this.#settle("complete", null);
      return;
    }
    if (tail?.bytes) this.#write(tail.bytes);
    this.#whenTaken(() => {
      this.#settle("complete", null);
      this.#controller?.close();
    });
  }

  failed(failure: AttemptFailure): void {
    if (!this.#settled) this.#break("upstream_failed", failure, BROKEN);
  }

  // -- writing

  #write(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#settled) return;
    if (this.#controller === null && !this.#open()) return;
    const first = this.#written === 0;
    this.#written += bytes.length;
    this.#controller?.enqueue(bytes);
    if (first) this.#delivery.onFirstByte();
    if ((this.#controller?.desiredSize ?? 0) <= 0) this.#wait();
  }

  /** False: the head cannot be sent, and the delivery is over with nothing started. */
  #open(): boolean {
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#taken(),
      cancel: () => {
        if (this.#settled) return;
        this.#delivery.body.cancel();
        this.#settle("caller_gone", null);
      },
    });
    return this.#head(stream);
  }

  #head(body: ReadableStream<Uint8Array> | Uint8Array | null): boolean {
    try {
      this.#begin(body);
      return true;
    } catch {
      // A status or a header that the platform will not send.
      this.#delivery.body.cancel();
      this.#settle("upstream_failed", { kind: "protocol", message: "the head of the answer cannot be handed on" });
      return false;
    }
  }

  /** The caller has taken all there was. */
  #taken(): void {
    if (!this.#waiting) return;
    this.#waiting = false;
    clearTimeout(this.#stall);
    const last = this.#last;
    if (last !== null) {
      this.#last = null;
      last();
    } else this.#delivery.body.resume();
  }

  #wait(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    this.#delivery.body.pause();
    this.#stall = setTimeout(() => {
      this.#delivery.body.cancel();
      this.#settle("stalled", null);
      this.#controller?.error(new Error("the caller took nothing for too long"));
    }, STALL_MS);
  }

  // -- endings

  #whenTaken(last: () => void): void {
    if (!this.#waiting) last();
    else this.#last = last;
  }

  #break(kind: "upstream_failed" | "truncated", failure: AttemptFailure | null, message: string): void {
    const event = this.#delivery.codec?.fail(message) ?? null;
    // Nothing has left: the broker answers in its place.
    if (this.#controller === null) {
      this.#settle(kind, failure);
      return;
    }
    if (failure?.kind === "cancelled") {
      // Nobody is left to take anything.
      this.#settle(kind, failure);
      this.#controller.error(new Error(message));
      return;
    }
    if (event !== null) this.#write(event);
    // Only when the last words were taken, and not in the same turn: a stream that fails drops what waits in it, and workerd
    // reads all that it can get in one go before it writes any of it.
    this.#whenTaken(() => {
      this.#settle(kind, failure);
      setTimeout(() => this.#controller?.error(new Error(message)), 0);
    });
  }

  #settle(kind: DeliveryEnd["kind"], failure: AttemptFailure | null): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#stall);
    this.#done({ kind, bytes: this.#written, failure });
  }
}
